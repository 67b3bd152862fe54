from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import Petmood
from drawing import jpeg, split_files, write_tree, write_zip
from petmood import __version__


def test_the_installed_command_is_this_entry_point() -> None:
    code = "from petmood.cli.main import run; run()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "no-such-data", "--out", "x"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no-such-data does not exist")


def test_version_and_help(petmood: Petmood) -> None:
    assert petmood("--version").stdout.strip() == f"petmood {__version__}"
    shown = petmood("--help")
    assert shown.returncode == 0
    assert "run" in shown.stdout
    assert "demo-data" in shown.stdout


def _empty(root: Path) -> Path:
    root.mkdir()
    return root


def _one_class(root: Path) -> Path:
    return write_tree(root, {"happy/a.jpg": jpeg(1), "happy/b.jpg": jpeg(2)})


def _text(root: Path) -> Path:
    root.write_text("no data")
    return root


def _truncated(root: Path) -> Path:
    path = write_zip(root.with_suffix(".zip"), split_files())
    path.write_bytes(path.read_bytes()[:-100])
    return path


def _missing(root: Path) -> Path:
    return root


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_empty, "no images found"),
        (_one_class, "only one class"),
        (_text, "neither a folder nor a .zip"),
        (_truncated, "not a readable zip archive"),
        (_missing, "does not exist"),
    ],
)
def test_bad_data_gives_one_clear_line_and_exit_code_2(
    petmood: Petmood, tmp_path: Path, make: object, expected: str
) -> None:
    done = petmood("run", make(tmp_path / "dâta"), "--out", tmp_path / "out")  # type: ignore[operator]
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert expected in lines[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_no_run_is_never_written_to(petmood: Petmood, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_files())
    kept = write_tree(tmp_path / "precious", {"thesis.txt": b"years of work"})
    done = petmood("run", data, "--out", kept)
    assert done.returncode == 2
    assert "was not written by petmood" in done.stderr
    assert [p.name for p in kept.iterdir()] == ["thesis.txt"]
    inside = petmood("run", data, "--out", data / "run")
    assert inside.returncode == 2
    assert "lies inside the data" in inside.stderr


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--preset", "quik"), "Did you mean 'quick'"),
        (("--seed", "-3"), "setting 'seed' is -3"),
        (("--folds", "1"), "setting 'folds' is 1"),
        (("--backbone", "efficientnet-light0"), "Did you mean 'efficientnet-lite0'"),
    ],
)
def test_wrong_options_are_named(petmood: Petmood, tmp_path: Path, args: tuple[str, ...], expected: str) -> None:
    data = write_tree(tmp_path / "data", split_files())
    done = petmood("run", data, "--out", tmp_path / "out", *args)
    assert done.returncode == 2
    assert expected in done.stderr


def test_data_that_leaks_is_refused(petmood: Petmood, tmp_path: Path) -> None:
    files = split_files()
    files["train/Angry/aug-0-test0.jpg"] = jpeg(77)
    done = petmood("run", write_tree(tmp_path / "data", files), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "train and test leaks: 1 of" in done.stderr


@pytest.mark.parametrize("words", [["audit", ""], ["predict", "", "x.jpg"], ["audit", "x", "--groups="], ["serve", ""]])
def test_an_empty_word_is_not_the_current_folder(petmood: Petmood, words: list[str]) -> None:
    done = petmood(*words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "is empty" in done.stderr


@pytest.mark.parametrize("name", ["n" * 300, "n/" * 2500])
@pytest.mark.parametrize("words", [["audit"], ["predict"], ["compare", "x"], ["review"], ["runs", "list"]])
def test_a_path_that_no_system_takes_is_one_line(petmood: Petmood, words: list[str], name: str) -> None:
    done = petmood(*words, name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert len(done.stderr) < 5000


@pytest.mark.parametrize("error", [MemoryError(), ImportError("x.so: failed to map segment from shared object")])
def test_a_lack_of_memory_is_one_line(petmood: Petmood, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def work(**_: object) -> None:
        raise error

    monkeypatch.setattr("petmood.cli.main.app", work)
    done = petmood()
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not enough memory" in done.stderr


def test_another_fault_of_an_import_shows_as_one(petmood: Petmood, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(**_: object) -> None:
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr("petmood.cli.main.app", work)
    with pytest.raises(ImportError):
        petmood()
