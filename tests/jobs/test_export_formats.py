"""Copies for other trainers: all splits, no photo in two of them, labels and families as petmood knows them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from drawing import jpeg, split_files, write_tree
from petmood.cache import ContentCache
from petmood.config import read_options
from petmood.errors import ConfigError, LeakageError
from petmood.ingest import read_dataset
from petmood.jobs.export_data import export_data
from petmood.records import Manifest
from petmood.sources import open_source
from petmood.split import straddling_families

CLASSES = ("happy", "sad")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of eight photos, half of them with a copy; no splits."""
    files = {}
    for k, name in enumerate(CLASSES):
        for i in range(8):
            files[f"{name}/{i}.jpg"] = jpeg(10 * k + i)
            if i % 2:
                files[f"{name}/aug-1-{i}.jpg"] = jpeg(100 + 10 * k + i)
    return write_tree(tmp_path_factory.mktemp("d") / "data", files)


def read(path: Path, **options: str) -> Manifest:
    with open_source(path) as source:
        return read_dataset(source, ContentCache(), options=read_options(**options))  # type: ignore[arg-type]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("to", "names"), [("imagefolder", ("train", "validation", "test")), ("yolo-cls", ("train", "val", "test"))]
)
def test_folders_for_others_have_three_splits_that_share_no_photo(
    plain: Path, tmp_path: Path, to: str, names: tuple[str, ...]
) -> None:
    export_data(plain, tmp_path / "out", to=to, families="names")
    assert {p.name for p in (tmp_path / "out").iterdir() if p.is_dir()} == set(names)
    manifest = read(tmp_path / "out")
    assert manifest.classes == CLASSES
    assert len(manifest) == 24
    assert manifest.n_photos == 16
    assert straddling_families(manifest) == []
    tables = [tmp_path / "out" / "families.csv"] if to == "yolo-cls" else list((tmp_path / "out").glob("*/*.csv"))
    told = {row["source"]: row for table in tables for row in rows(table)}
    assert len(told) == 24
    assert told["happy/aug-1-3.jpg"]["family"] == told["happy/3.jpg"]["family"]
    assert told["happy/aug-1-3.jpg"]["split"] == told["happy/3.jpg"]["split"]
    assert told["happy/aug-1-3.jpg"]["derived"] == "1"


@pytest.mark.parametrize("splits", [False, True])
def test_folders_are_read_again_as_they_were(plain: Path, tmp_path: Path, splits: bool) -> None:
    data = write_tree(tmp_path / "d", split_files()) if splits else plain
    first = read(data)
    assert export_data(data, tmp_path / "out", to="folders", families="names").files == len(first)
    again = read(tmp_path / "out")
    assert (again.classes, again.n_photos) == (first.classes, first.n_photos)
    assert {(r.sha256, r.class_name, r.split) for r in again.records} == {
        (r.sha256, r.class_name, r.split) for r in first.records
    }
    assert ("{split}" in again.layout) == splits


def test_a_table_alone_is_read_again_as_it_was_written(plain: Path, tmp_path: Path) -> None:
    outcome = export_data(plain, tmp_path / "out", to="csv", families="names")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {".petmood.json", "labels.csv"}
    assert outcome.files == 24
    again = read(plain, table=str(tmp_path / "out" / "labels.csv"), columns="class=label")
    assert {(r.path, r.split) for r in again.records} == {
        (row["path"], row["split"]) for row in rows(tmp_path / "out" / "labels.csv")
    }
    assert straddling_families(again) == []


def test_corrected_labels_and_cut_boxes_are_written(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\nhappy/0.jpg,sad\nsad/1.jpg,not-a-pet\n")
    outcome = export_data(plain, tmp_path / "out", tmp_path / "labels.csv", to="yolo-cls", families="names")
    assert (outcome.relabelled, outcome.excluded, outcome.files) == (1, 1, 22)
    assert {r["source"] for r in rows(tmp_path / "out" / "families.csv") if r["label"] == "happy"} == {
        f"happy/{name}.jpg" for name in (*range(1, 8), *(f"aug-1-{i}" for i in (1, 3, 5, 7)))
    }
    boxes = {"data.yaml": b"train: x\nnames: [happy, sad]\n"}
    for i in range(8):
        boxes[f"images/{i}.jpg"] = jpeg(300 + i)
        boxes[f"labels/{i}.txt"] = f"{i % 2} 0.25 0.5 0.5 1\n".encode()
    export_data(write_tree(tmp_path / "boxes", boxes), tmp_path / "cut", to="imagefolder", families="names")
    cut = read(tmp_path / "cut")
    assert {(r.width, r.height, r.format) for r in cut.records} == {(24, 48, "PNG")}
    assert len(cut) == 8


def test_splits_of_the_data_that_leak_are_refused_and_unknown_formats_too(tmp_path: Path) -> None:
    files = split_files()
    folder = write_tree(tmp_path / "d", files | {"test/happy/copy.jpg": files["train/happy/train0.jpg"]})
    with pytest.raises(LeakageError, match="1 of 5 test photos"):
        export_data(folder, tmp_path / "out", to="csv", families="names")
    export_data(folder, tmp_path / "out", to="csv", families="names", allow_leakage=True)
    with pytest.raises(ConfigError, match="unknown format 'coco'"):
        export_data(folder, tmp_path / "other", to="coco")
