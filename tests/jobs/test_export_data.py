"""A corrected copy: the same photos and families under other labels, the originals untouched."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drawing import jpeg, split_files, write_tree
from petmood.cli.main import app
from petmood.dataset import open_dataset
from petmood.errors import DataError
from petmood.jobs.export_data import export_data
from petmood.records import Manifest


def ingest(root: Path, labels: Path | None = None) -> Manifest:
    with open_dataset(root, labelled=False, splits=False, labels=labels) as opened:
        return opened.manifest


def digests(root: Path) -> dict[str, str]:
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*.*")}


def partition(manifest: Manifest) -> set[tuple[str, frozenset[str]]]:
    """Each family as its class and the contents of its files."""
    families: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in manifest.records:
        families[record.class_name, record.family].add(record.sha256)
    return {(name, frozenset(members)) for (name, _), members in families.items()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    files = split_files()
    files["train/Angry/one_jpg.rf.0123456789abcdef.jpg"] = jpeg(101)
    files["train/Angry/one_jpg.rf.fedcba9876543210.jpg"] = jpeg(102)
    files["train/happy/one_jpg.rf.00000000ffffffff.jpg"] = jpeg(103)
    files["train/happy/deep/train0.jpg"] = jpeg(104)
    return write_tree(tmp_path / "Kätzchen", files)


LABELS = """path,label
train/Angry/train0.jpg,happy
train/Angry/one_jpg.rf.0123456789abcdef.jpg,happy
train/happy/train2.jpg,not-a-pet
"""


def test_the_copy_has_the_labels_and_the_same_families(data: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS)
    before = digests(data)
    outcome = export_data(data, tmp_path / "copy", labels)
    assert digests(data) == before
    assert (outcome.files, outcome.relabelled, outcome.excluded) == (len(before) - 1, 2, 1)
    assert partition(ingest(outcome.folder)) == partition(ingest(data, labels))
    with (outcome.folder / "changes.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {(r["path"], r["new_path"]) for r in rows} == {
        ("train/Angry/train0.jpg", "train/happy/train0-was-Angry.jpg"),
        ("train/Angry/aug-3-train0.jpg", "train/happy/aug-3-train0-was-Angry.jpg"),
        (
            "train/Angry/one_jpg.rf.0123456789abcdef.jpg",
            "train/happy/one-was-Angry_jpg.rf.0123456789abcdef.jpg",
        ),
        (
            "train/Angry/one_jpg.rf.fedcba9876543210.jpg",
            "train/happy/one-was-Angry_jpg.rf.fedcba9876543210.jpg",
        ),
        ("train/happy/train2.jpg", ""),
    }


def test_a_flat_folder_becomes_class_folders(tmp_path: Path) -> None:
    flat = write_tree(tmp_path / "flat", {f"{i}.jpg": jpeg(i) for i in range(4)})
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label\n0.jpg,calm\n1.jpg,tense\n2.jpg,calm\n")
    outcome = export_data(flat, tmp_path / "copy", labels)
    assert set(digests(outcome.folder)) == {".petmood.json", "calm/0.jpg", "calm/2.jpg", "tense/1.jpg", "changes.csv"}
    assert (outcome.relabelled, outcome.excluded) == (3, 1)


def test_nothing_is_overwritten_and_nothing_is_put_into_the_data(data: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS)
    with pytest.raises(DataError, match="lies inside the data"):
        export_data(data, data / "copy", labels)
    full = write_tree(tmp_path / "full", {"x.txt": b"1"})
    with pytest.raises(DataError, match="was not written by petmood"):
        export_data(data, full, labels)


def test_the_command_prints_its_facts(data: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS)
    arguments = ["export-data", str(data), "--out", str(tmp_path / "copy"), "--labels", str(labels), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert json.loads(done.stdout) == {"folder": str(tmp_path / "copy"), "files": 21, "relabelled": 2, "excluded": 1}
