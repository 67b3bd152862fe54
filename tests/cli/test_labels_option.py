"""`--labels` of every command that takes it: used, checked line by line, and the data left as it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from petmood.cli.main import app
from petmood.errors import DataError, PetmoodError
from petmood.records import Manifest

COMMANDS = {
    "run": ("--no-cnn", "--out", "OUT"),
    "train": ("--out", "OUT"),
    "study": ("--out", "OUT"),
    "labels": (),
    "species": (),
    "export-data": ("--out", "OUT"),
}
WRONG = [
    (("{first},calm",), "line 2: unknown class 'calm'"),
    (("{first},happy", "train/Sad/none.jpg,Sad"), "line 3: there is no file 'train/Sad/none.jpg'"),
    (("{first},happy", "{first},Sad"), "line 3: '{first}' is a duplicate: line 2 has the file already"),
]


def invoke(command: str, data: Path, out: Path, labels: Path, *more: str) -> Result:
    options = [str(out) if option == "OUT" else option for option in COMMANDS[command]]
    return CliRunner().invoke(app, [command, str(data), *options, "--labels", str(labels), *more])


def digests(root: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def first(tiny_data: Path) -> str:
    return min(p.relative_to(tiny_data).as_posix() for p in (tiny_data / "train" / "Angry").glob("*.jpg"))


@pytest.mark.parametrize(("rows", "message"), WRONG, ids=["class", "file", "duplicate"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_line_is_refused_by_its_number(
    tiny_data: Path, tmp_path: Path, first: str, command: str, rows: tuple[str, ...], message: str
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label\n" + "".join(f"{row.format(first=first)}\n" for row in rows))
    before = digests(tiny_data)
    done = invoke(command, tiny_data, tmp_path / "out", labels)
    assert isinstance(done.exception, DataError), done.output
    assert f"{labels}, {message.format(first=first)}" in str(done.exception)
    assert digests(tiny_data) == before


def test_train_learns_the_new_labels(tiny_data: Path, tmp_path: Path, first: str) -> None:
    pytest.importorskip("torch")
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,label\n{first},happy\n")
    before = digests(tiny_data)
    plain, changed = (
        json.loads(done.stdout)["data"]
        for done in (
            CliRunner().invoke(app, ["train", str(tiny_data), "--out", str(tmp_path / "plain"), "--json"]),
            invoke("train", tiny_data, tmp_path / "out", labels, "--json"),
        )
    )
    old, new = plain["photos_by_class"], changed["photos_by_class"]
    assert (new["Angry"], new["happy"]) == (old["Angry"] - 1, old["happy"] + 1)
    assert plain["sha256"] != changed["sha256"]
    assert digests(tiny_data) == before


def test_study_begins_with_the_new_labels(
    tiny_data: Path, tmp_path: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,label\n{first},happy\n")

    read: list[Manifest] = []
    applied: list[str] = []

    def ended(manifest: Manifest, *_: object) -> None:
        read.append(manifest)
        applied.extend(path.read_text() for path in tmp_path.rglob("labels-applied.csv"))
        raise PetmoodError("no further")  # the data is read by now

    monkeypatch.setattr("petmood.study.dataset_facts", ended)
    assert isinstance(invoke("study", tiny_data, tmp_path / "out", labels).exception, PetmoodError)
    (records,) = (manifest.records for manifest in read)
    assert {r.class_name for r in records if r.path == first} == {"happy"}
    assert applied == [labels.read_text()]
