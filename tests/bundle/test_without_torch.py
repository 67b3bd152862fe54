"""A bundle answers where neither torch nor onnx is installed, also from a built wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundle_fixtures import Trained

PROGRAM = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "captum", "efficientnet_lite_pytorch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import petmood
print(petmood.__file__)
from petmood.cli.main import run
sys.argv = ["petmood", "predict", *sys.argv[1:], "--json"]
run()
"""


def answer(package: Path, trained: Trained, photo: Path, out: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(trained.path), str(photo), "--explain", str(out)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=out.parent,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert Path(lines[0]).is_relative_to(package)
    return lines[1:]


def test_prediction_and_explanation_need_no_torch(trained: Trained, tmp_path: Path, repository: Path) -> None:
    photo = trained.data / trained.manifest.records[0].path
    lines = answer(repository / "src", trained, photo, tmp_path / "why")
    assert trained.bundle.predict(photo)[0].model_dump_json() in "".join(lines)


@pytest.mark.slow
def test_a_built_wheel_predicts_without_torch(trained: Trained, tmp_path: Path, repository: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    (built,) = wheel.WheelBuilder(str(repository)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "installed")
    photo = trained.data / trained.manifest.records[0].path
    lines = answer(tmp_path / "installed", trained, photo, tmp_path / "why")
    assert trained.bundle.predict(photo)[0].model_dump_json() in "".join(lines)
