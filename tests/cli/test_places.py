"""Results that were given no place: a new folder, named, and all that a run says of it at its end."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from command import Petmood
from petmood.cli.options import fresh


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("pets", "pets"),
        ("pets.zip", "pets"),
        ("../some/pets v1.2", "pets v1.2"),
        ("Größe 猫", "Größe 猫"),
        ("hf:owner/cats", "cats"),
        ("kaggle:owner/dogs", "dogs"),
        ("s3://bucket/pets", "pets"),
    ],
)
def test_it_is_named_after_the_data_and_the_day(data: str, name: str) -> None:
    place = fresh(data)
    assert place.parent == Path("runs")
    assert place.name.startswith(f"{name}-20")
    assert place.name[-11:].count("-") == 3
    assert fresh(data, "train").name == place.name.replace(f"{name}-", f"{name}-train-", 1)


def test_what_is_there_is_left_alone() -> None:
    first = fresh("pets")
    first.mkdir(parents=True)
    second = fresh("pets")
    assert second.name == f"{first.name}-2"
    second.symlink_to("nowhere")
    assert fresh("pets").name == f"{first.name}-3"


@pytest.mark.parametrize("within", [".", "sub", "sub/.."])
def test_within_the_data_it_is_beside_them(here: Path, monkeypatch: pytest.MonkeyPatch, within: str) -> None:
    (here / "sub").mkdir()
    monkeypatch.chdir(here / within)
    assert fresh(here).parent == here.parent / "runs"


def test_a_run_from_a_file_of_settings_says_where_all_is_and_can_be_repeated(
    petmood: Petmood, tiny_data: Path, here: Path, small_network: str
) -> None:
    (here / "petmood.toml").write_text(
        f"seed = 7\n[run]\ndata = [{json.dumps(str(tiny_data))}]\ncnn = false\nn-init = 2\nrepeats = 1\nfolds = 9\n"
        f"backbone = {json.dumps(small_network)}\n"
    )
    done = petmood("run", "--folds", 3)
    assert done.returncode == 0, done.stderr
    folder = next((here / "runs").iterdir()).relative_to(here)
    lines = done.stdout.splitlines()
    assert f"Report: {folder / 'report.html'}" in lines
    assert f"Model: {folder / 'model'}" in lines
    named = lines[lines.index("Next:") + 1 :]
    assert [line.split()[:2] for line in named] == [["petmood", w] for w in ("predict", "review", "serve")]
    assert "…" not in done.stdout
    assert not [line for line in lines if len(line) > 80 and str(folder) not in line]
    assert "\x1b" not in done.stdout
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    made = results["provenance"]
    assert (made["settings"]["seed"], made["settings"]["folds"], made["settings"]["cnn"]) == (7, 3, False)
    assert made["settings_file"]["name"] == "petmood.toml"
    written = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))["run"]
    assert (written["folds"], written["data"]) == (3, [str(tiny_data)])
    again = petmood("run", "--config", folder / "settings.toml", "--quiet")
    assert (again.returncode, again.stderr) == (0, "")
    other = Path(again.stdout.strip())
    assert other.name == f"{folder.name}-2"
    repeated = json.loads((other / "results.json").read_text(encoding="utf-8"))
    for key in ("environment", "provenance"):
        repeated.pop(key), results.pop(key)
    assert repeated == results
