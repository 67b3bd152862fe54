"""The options of reading, as the command line takes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drawing import jpeg, write_tree
from petmood.cli.main import app
from petmood.config import reading_options
from petmood.errors import ConfigError, DataError


def test_a_question_is_answered_by_the_option_it_names(tmp_path: Path) -> None:
    files = {
        f"{b}/{c}/{i}.jpg": jpeg(hash((b, c, i)) % 9999) for b in "pqr" for c in ("happy", "sad") for i in range(4)
    }
    folder = write_tree(tmp_path / "d", files)
    out = str(tmp_path / "out")
    asked = CliRunner().invoke(app, ["export-data", str(folder), "-o", out, "--to", "csv"])
    assert isinstance(asked.exception, DataError)
    assert "--layout '*/{class}/*' (24 images, 2 classes: happy, sad)" in str(asked.exception)
    command = ["export-data", str(folder), "-o", out, "--to", "csv", "--layout", "{animal}/{class}/*", "--families"]
    done = CliRunner().invoke(app, [*command, "names", "--json"])
    assert done.exit_code == 0, done.output
    assert "read as {animal}/{class}/*: 3 animals, 2 classes, 24 images" in done.stderr
    assert json.loads(done.stdout)["files"] == 24
    assert reading_options().layout is None  # in force for that command alone


@pytest.mark.parametrize("command", ["run", "audit", "train", "labels", "leakage", "species", "study", "tune"])
def test_every_command_that_reads_labelled_pictures_takes_the_options(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in ("--layout", "--table", "--columns", "--group-by", "--zip-encoding", "--only", "--exclude"):
        assert option in shown


@pytest.mark.parametrize(
    ("command", "has"), [("train", True), ("leaderboard", True), ("pretrain", True), ("run", False)]
)
def test_commands_that_read_outside_images_take_their_layout(command: str, has: bool) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    assert ("--outside-layout" in shown) == has


@pytest.mark.parametrize(
    "words", [["--layout", "{class}/*"], ["--zip-encoding", "gbk"], ["--device", "cuda"], ["--extra-weight", "0.2"]]
)
def test_an_option_that_several_data_sets_do_not_take_is_refused_not_passed_over(
    tmp_path: Path, words: list[str]
) -> None:
    folders = [str(write_tree(tmp_path / n, {f"{c}/0.jpg": jpeg(1) for c in ("happy", "sad")})) for n in "ab"]
    refused = CliRunner().invoke(app, ["train", *folders, "-o", str(tmp_path / "out"), *words])
    assert isinstance(refused.exception, ConfigError)
    assert "each read by its own layout" in str(refused.exception)
    assert not (tmp_path / "out").exists()
