"""`petmood evaluate`, `grade`, `compare` and `runs list` as commands: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from axe import faults
from command import Petmood
from evaluation_fixtures import Evaluated


def test_evaluate_writes_a_page_and_its_facts(petmood: Petmood, evaluated: Evaluated, tmp_path: Path) -> None:
    out = tmp_path / "evaluation"
    done = petmood("evaluate", evaluated.path, evaluated.other, "--families", "pixels", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "10 of 22 photos show training photos" in done.stdout
    facts = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert (facts["overlap"]["photos"], facts["figure"]["n"]) == (10, 12)
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert faults(out / "evaluation.html", tmp_path) == []
    listed = petmood("runs", "list", tmp_path)
    assert "evaluation" in listed.stdout
    side = petmood("compare", out, evaluated.path, "--json")
    assert side.returncode == 0, side.stderr
    assert [s["kind"] for s in json.loads(side.stdout)["subjects"]] == ["evaluation", "bundle"]


def test_json_is_the_facts_alone(petmood: Petmood, evaluated: Evaluated) -> None:
    done = petmood("evaluate", evaluated.path, evaluated.own, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overlap"]["own"] is True


def test_grade_tells_memory_from_skill(petmood: Petmood, evaluated: Evaluated, tmp_path: Path) -> None:
    (tmp_path / "preds.csv").write_text("path,label\ntest/Angry/test0.jpg,Angry\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("train\n", encoding="utf-8")
    words = ["grade", tmp_path / "preds.csv", "--data", evaluated.own, "--train-list", tmp_path / "list.txt"]
    done = petmood(*words)
    assert done.returncode == 0, done.stderr
    assert "0 of 1 judged photo (0.0" in done.stdout


@pytest.mark.parametrize(
    "words", [["evaluate", "no-model"], ["evaluate", "no-model", "no-data"], ["compare", "a", "b"]]
)
def test_what_is_not_there_is_one_line(petmood: Petmood, words: list[str]) -> None:
    done = petmood(*words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
