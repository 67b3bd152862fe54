"""Pre-training leaves out what resembles the data to be evaluated, tells its accuracy, and gives a usable backbone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from manifests import make_manifest
from needs import needs
from petmood.cli.main import app
from petmood.jobs.pretrain import hold_out

needs("torch")
needs("efficientnet_lite_pytorch")


def test_the_tenth_that_judges_has_no_copy_among_the_others() -> None:
    files = [(name, "", f"{name}{photo}", copy) for name in "ab" for photo in range(20) for copy in (False, True)]
    manifest = make_manifest(files)
    held, kept = hold_out(manifest)
    assert (len(held), len(kept)) == (4, 72)
    families = manifest.family_index
    assert not np.intersect1d(families[held], families[kept]).size


@pytest.mark.slow
def test_a_backbone_comes_out_and_copies_stay_out(demo_data: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    own = tmp_path / "own"
    for name in ("happy", "sad"):
        files = sorted(p for p in demo_data.rglob("*") if p.parent.name.casefold() == name and p.is_file())
        assert len(files) >= 8
        for folder, part in ((outside, files[:-3]), (own, files[-4:])):
            (folder / name).mkdir(parents=True)
            for file in part:
                shutil.copy(file, folder / name)
    arguments = ["pretrain", str(outside), "--for", str(own), "--out", str(tmp_path / "b"), "--epochs", "1", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert len(facts["left_out"]) >= 2
    assert facts["held_out"] >= 1
    assert json.loads((tmp_path / "b" / "pretrain.json").read_text(encoding="utf-8")) == facts
    found = CliRunner().invoke(
        app,
        [
            *("leaderboard", str(demo_data), "--only", "outside-logistic", "--repeats", "1", "--json"),
            *("--use", f"outside={facts['backbone']}"),
        ],
    )
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["methods"][0]["dim"] == 1280
