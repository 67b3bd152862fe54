"""Changed labels, groups or settings tell runs apart, and each run is repeated by the command of its own report."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command import Petmood
from drawing import photo, saved, write_tree
from needs import needs
from petmood.config import RunSettings, run_settings, settings_file
from petmood.jobs.run import run

needs("torch")
pytestmark = pytest.mark.timeout(600)

SMALL: dict[str, Any] = {"folds": 2, "n_init": 1, "repeats": 1, "cnn": False}
CHANGED: dict[str, Any] = {
    "seed": 7,
    "families": "names",
    "backbone": "efficientnet-lite1",
    "image_size": 64,
    "folds": 2,
    "n_init": 1,
    "cnn_size": 32,
    "cnn_epochs": 1,
    "cnn_precision": "float32",
    "cnn_threads": 2,
    "samples": 3,
    "repeats": 1,
    "allow_leakage": True,
}
CASES = ("plain", "relabelled", "relabelled inside", "grouped", "grouped inside", "changed")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user stands: a folder of data with a space in its name, and files beside it."""
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"my pets/{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (96, 96)))
    root = write_tree(tmp_path_factory.mktemp("provenance"), files)
    (root / "new labels.csv").write_text("path,label\ntrain/Angry/train0.jpg,happy\ntrain/Angry/train1.jpg,Angry\n")
    (root / "groups of mine.csv").write_text("path,group\ntrain/happy/train0.jpg,t\ntrain/happy/train1.jpg,t\n")
    return root


@pytest.fixture(scope="module")
def made(place: Path) -> Callable[[str], tuple[dict[str, Any], Path, Path]]:
    """results.json, report and place of each case, made when it is first asked for."""
    kept: dict[str, tuple[dict[str, Any], Path, Path]] = {}

    def of(case: str) -> tuple[dict[str, Any], Path, Path]:
        if case not in kept:
            where = place
            if case.endswith("inside"):
                where = write_tree(
                    place / case,
                    {f"my pets/{p.relative_to(place / 'my pets')}": p.read_bytes() for p in images_of(place)},
                )
                for name in ("new labels.csv", "groups of mine.csv"):
                    as_read = "groups.csv" if case.startswith("grouped") else name
                    if case.startswith("grouped") == name.startswith("groups"):
                        (where / "my pets" / as_read).write_bytes((place / name).read_bytes())
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(where)
                assert settings_file.get() is None  # no command before left its file of settings behind
                data = Path("my pets")
                given: dict[str, Path] = {}
                if case == "relabelled":
                    given = {"labels": Path("new labels.csv")}
                elif case == "relabelled inside":
                    given = {"labels": data / "new labels.csv"}
                elif case == "grouped":
                    given = {"groups": Path("groups of mine.csv")}
                settings = run_settings("quick", **(CHANGED if case == "changed" else SMALL))
                done = run(data, where / f"run {case}", settings, **given)
            raw = json.loads((done.folder / "results.json").read_text(encoding="utf-8"))
            kept[case] = raw, done.report, where
        return kept[case]

    return of


def images_of(place: Path) -> list[Path]:
    return sorted((place / "my pets").rglob("*.jpg"))


def test_every_setting_that_a_run_has_is_changed() -> None:
    quick = run_settings("quick")
    own = set(RunSettings.model_fields) - {"preset", "cnn"}  # without the network its settings change nothing
    assert set(CHANGED) == own
    assert all(CHANGED[name] != getattr(quick, name) for name in own)


@pytest.mark.parametrize(
    "case",
    ["plain", *(pytest.param(c, marks=pytest.mark.slow) for c in CASES if c != "plain")],
)
def test_a_run_is_repeated_by_the_command_of_its_own_report(
    case: str, made: Any, petmood: Petmood, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, report, where = made(case)
    command = raw["provenance"]["command"]
    page = report.read_text(encoding="utf-8")
    assert html.escape(command) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    words = shlex.split(command)
    assert words[0] == "petmood"
    monkeypatch.chdir(where)
    done = petmood(*words[1:])
    assert done.returncode == 0, done.stderr
    again = json.loads((where / words[words.index("--out") + 1] / "results.json").read_text(encoding="utf-8"))
    for facts in (raw, again):
        facts.pop("environment", None)
    assert again == raw
    monkeypatch.undo()
    # the next case of the same folder writes there too
    for path in sorted((where / words[words.index("--out") + 1]).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (where / words[words.index("--out") + 1]).rmdir()


@pytest.mark.slow
def test_runs_are_told_apart_by_what_was_changed(made: Any, place: Path) -> None:
    told = {case: made(case)[0]["provenance"] for case in CASES}
    assert len({facts["command"] for case, facts in told.items() if "inside" not in case}) == 4
    assert told["plain"]["labels"] is told["plain"]["groups"] is None
    assert len({told[case]["data_sha256"] for case in ("plain", "relabelled", "grouped")}) == 3
    for case in ("relabelled", "relabelled inside"):
        assert told[case]["labels"] == {
            "name": "new labels.csv",
            "sha256": hashlib.sha256((place / "new labels.csv").read_bytes()).hexdigest(),
            "given": 2,
            "changed": 1,
        }
    for case in ("grouped", "grouped inside"):
        facts = told[case]["groups"]
        assert facts["sha256"] == hashlib.sha256((place / "groups of mine.csv").read_bytes()).hexdigest()
        assert (facts["given"], facts["changed"]) == (2, 1)
    assert "--labels" in told["relabelled inside"]["command"]
    settings = told["changed"]["settings"]
    assert {name: settings[name] for name in CHANGED} == CHANGED


@pytest.mark.parametrize("case", ["relabelled", pytest.param("relabelled inside", marks=pytest.mark.slow), "plain"])
def test_changed_labels_are_told_of_in_the_first_lines_of_the_report(case: str, made: Any) -> None:
    page = made(case)[1].read_text(encoding="utf-8")
    body = re.sub(r"<(style|script|svg)\b.*?</\1>", "", page[page.index("<body") :], flags=re.S)
    words = html.unescape(re.sub(r"<[^>]+>", "\n", body))
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    first = " ".join(lines[:30])
    if case == "plain":
        assert "Labels were changed" not in page
    else:
        assert "Labels were changed." in first
        assert "new labels.csv" in first
        assert "1 photo" in first
        assert body.index("Labels were changed") < body.index("<table")
