"""`petmood.toml`: defaults of options, judged as the command line judges them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Petmood
from petmood.config import settings_file, toml_text


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sed = 1", "unknown key 'sed'. Did you mean 'seed'?"),
        ("[run]\nfold = 3", "unknown key [run] 'fold'. Did you mean 'folds'?"),
        ("[runn]\nfolds = 3", "unknown key 'runn'. Did you mean 'run'?"),
        ("[audit]\nfolds = 3", "unknown key [audit] 'folds'"),
        ("[runs.lists]\njson = true", "unknown key [runs] 'lists'. Did you mean 'list'?"),
        ("[run]\nfolds = '3'", '[run] folds = "3". Write a whole number.'),
        ("[run]\nfolds = true", "[run] folds = true. Write a whole number."),
        ("[run]\nfolds = 2.5", "[run] folds = 2.5. Write a whole number."),
        ("[run]\njson = 1", "[run] json = 1. Write true or false."),
        ("[run]\nbackbone = 3", "[run] backbone = 3. Write text in quotes."),
        ("[run]\nmap = [1]", "Write text in quotes, or a list of them."),
        ("[run]\npreset = 'quik'", "Did you mean 'quick'?"),
        ("[run]\nlabels = ''", "is empty"),
        ("travel = 1", "unknown key 'travel'"),
        ("[run]\nfolds = 1979-05-27", "Write a whole number."),
        ("[run.folds]\nx = 1", "folds = a table"),
        ("[serve]\ntoken = 4711", "[serve] token = (not shown)"),
        ("[run]\nconfig = 'x'", "unknown key [run] 'config'"),
        ("[run\n", "is not TOML"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "run", "cache"])
def test_what_is_wrong_with_it_is_said_by_every_command(
    petmood: Petmood, here: Path, text: str, expected: str, command: str
) -> None:
    (here / "petmood.toml").write_text(text)
    done = petmood(command, "list" if command == "cache" else "no-such-data")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("text", "words", "size", "classes"),
    [
        ("size = 64", [], 64, 4),
        ("size = 64\n[models]\nsize = 96\nclasses = 3", [], 96, 3),
        ("[models]\nsize = 96\nclasses = 3", ["--size", "128"], 128, 3),
        ("[models]\nsize = 96\n[tune]\nsize = 100", ["--classes=5"], 96, 5),
    ],
)
def test_the_command_line_wins_over_its_table_over_its_head(
    petmood: Petmood, here: Path, text: str, words: list[str], size: int, classes: int
) -> None:
    pytest.importorskip("torch")
    (here / "petmood.toml").write_text(text)
    found = json.loads(petmood("models", "--json", *words).stdout)
    assert found[0]["layers"][-1]["output_shape"] == [classes]
    assert size in found[0]["layers"][0]["output_shape"] or size - 2 in found[0]["layers"][0]["output_shape"]


def test_another_file_is_named(petmood: Petmood, here: Path) -> None:
    (here / "petmood.toml").write_text("nonsense = 1")
    (here / "mine.toml").write_text("[cache]\njson = true")
    for words in (["--config", "mine.toml"], ["--config=mine.toml"]):
        assert json.loads(petmood("cache", "list", *words).stdout)["kinds"] is not None
    missing = petmood("cache", "list", "--config", "none.toml")
    assert missing.returncode == 2
    assert "none.toml" in missing.stderr


def test_the_older_spelling_of_a_command_has_the_same_table(petmood: Petmood, here: Path) -> None:
    (here / "petmood.toml").write_text("[quantize]\ndata = 'no-such-data'\nout = 'x.onnx'\n")
    done = petmood("quantise")
    assert "no-such-data does not exist" in done.stderr


def test_help_needs_no_sound_file(petmood: Petmood, here: Path) -> None:
    (here / "petmood.toml").write_text("nonsense")
    assert petmood("run", "--help").returncode == 0


def test_arguments_and_lists_may_stand_in_it(petmood: Petmood, here: Path) -> None:
    (here / "petmood.toml").write_text("[travel]\ndata = ['no-such-a', 'no-such-b']\nmap = 'a=b'\n")
    done = petmood("travel")
    assert "no-such-a does not exist" in done.stderr


@pytest.mark.parametrize("words", [("cache", "list"), ("audit", "nowhere"), ("audit", "--no-such-option")])
def test_it_is_forgotten_when_its_command_ends_well_or_not(
    petmood: Petmood, here: Path, words: tuple[str, ...]
) -> None:
    (here / "petmood.toml").write_text("seed = 7\n")
    assert petmood(*words).returncode == (0 if words == ("cache", "list") else 2)
    assert settings_file.get() is None


def test_settings_are_written_so_that_they_are_read_again() -> None:
    import tomllib

    values = {"data": ['dâta "x"\\y\n'], "cnn_size": 64, "margin": 0.5, "cnn": False, "labels": None}
    found = tomllib.loads(toml_text("run", values))["run"]
    assert found == {"data": values["data"], "cnn-size": 64, "margin": 0.5, "cnn": False}
