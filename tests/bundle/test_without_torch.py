"""A bundle answers where neither torch nor onnx is installed, also from a built wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from hatchling.builders.wheel import WheelBuilder

from bundle_fixtures import Trained

PROGRAM = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "efficientnet_lite_pytorch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import petmood
print(petmood.__file__, flush=True)
from petmood.cli.main import run
sys.argv = ["petmood", *sys.argv[1:]]
run()
"""


def start(package: Path, place: Path, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=place,
    )


def check(package: Path, trained: Trained, tmp_path: Path) -> None:
    """A bundle is asked and served by the package alone, as where torch was never installed."""
    photo = trained.data / trained.manifest.records[0].path
    (expected,) = trained.bundle.predict(photo)
    asked = start(package, tmp_path, "predict", trained.path, photo, "--json", "--explain", tmp_path / "why")
    printed, errors = asked.communicate(timeout=100)
    assert asked.returncode == 0, errors
    assert Path(printed.splitlines()[0]).is_relative_to(package)
    assert expected.model_dump_json() in printed
    pytest.importorskip("fastapi")
    with start(package, tmp_path, "serve", trained.path, "--port", "0") as server:
        assert server.stdout is not None
        server.stdout.readline()
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        with httpx.Client(transport=httpx.HTTPTransport(retries=20), timeout=60) as client:
            sent = client.post(f"{found[0]}v1/predict", files={"images": (str(photo), photo.read_bytes())})
        server.terminate()
        server.communicate(timeout=60)
    assert sent.json()["predictions"][0]["probabilities"] == expected.probabilities


def test_prediction_explanation_and_serving_need_no_torch(trained: Trained, tmp_path: Path, repository: Path) -> None:
    check(repository / "src", trained, tmp_path)


@pytest.mark.slow
def test_a_built_wheel_predicts_and_serves_without_torch(trained: Trained, tmp_path: Path, repository: Path) -> None:
    (built,) = WheelBuilder(str(repository)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "installed")
    check(tmp_path / "installed", trained, tmp_path)
