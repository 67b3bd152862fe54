"""The ways in which people keep labelled pictures, one drawn case of each kind: read right, or asked for."""

from __future__ import annotations

import csv
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from drawing import jpeg, write_tree, write_zip
from petmood.cache import ContentCache
from petmood.config import read_options
from petmood.errors import DataError, LeakageError
from petmood.ingest import read_dataset
from petmood.labels import apply_labels, read_labels
from petmood.records import Manifest
from petmood.sources import open_source
from petmood.split import complete_splits, official_fold
from trees import offered

CLASSES = ("Angry", "happy", "Other", "Sad")
MIXED = [(name, i, jpeg(100 * k + i)) for k, name in enumerate(CLASSES) for i in range(6)]


def read(path: Path, *, labelled: bool = True, told: list[str] | None = None, **options: Any) -> Manifest:
    given = read_options(**options)
    with open_source(path, zip_encoding=given.zip_encoding) as source:
        tell = None if told is None else told.append
        return read_dataset(source, ContentCache(), labelled=labelled, options=given, tell=tell)


def splits(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(r.split for r in manifest.records))


def table(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], sign: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=sign).writerows([header, *rows])


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training_Set (1)", "my-test-set"),
        ("emotion_trainingdataset", "holdout"),
        ("обучение", "тест"),
        ("训练", "测试"),
    ],
)
def test_decorated_split_names_are_splits(tmp_path: Path, train: str, test: str) -> None:
    files = {f"{train if i < 4 else test}/{c}/{i}.jpg": d for c, i, d in MIXED}
    manifest = read(write_tree(tmp_path / "d", files))
    assert manifest.classes == CLASSES
    assert splits(manifest) == {"train": 16, "test": 8}


@pytest.mark.parametrize("parents", [("batch_a", "batch_b"), ("paris", "lyon"), ("2023", "2024"), ("a", "b", "c")])
def test_unknown_names_above_class_folders_are_a_question(tmp_path: Path, parents: tuple[str, ...]) -> None:
    files = {f"{parents[i % len(parents)]}/{c}/{i}.jpg": d for c, i, d in MIXED}
    folder = write_tree(tmp_path / "d", files)
    with pytest.raises(DataError, match="say which") as caught:
        read(folder)
    message = str(caught.value)
    assert all(name in message for name in (*parents, *CLASSES))
    assert "\n" not in message
    # every option that is offered can be taken as it is printed
    readings = offered(message)
    assert len(readings) == 3
    for given, images, classes in readings:
        taken = read(folder, layout=given["layout"][0], splits=",".join(given.get("splits", [])))
        assert taken.classes == CLASSES
        assert (len(taken), len(taken.classes)) == (images, classes)
    manifest = read(folder, layout="{fold}/{class}/*")
    assert {r.fold for r in manifest.records} == set(parents)
    assert len({r.animal for r in read(folder, layout="{animal}/{class}/*").records}) == len(parents)


def test_folds_given_by_the_data_are_read_as_folds(tmp_path: Path) -> None:
    manifest = read(write_tree(tmp_path / "d", {f"fold_{i % 3}/{c}/{i}.jpg": d for c, i, d in MIXED}))
    assert {r.fold for r in manifest.records} == {"0", "1", "2"}
    assert manifest.layout == "{fold}/{class}/*"
    assert manifest.reading == "read as {fold}/{class}/*: 3 folds, 4 classes, 24 images"


def test_species_above_and_below_moods_are_species(tmp_path: Path) -> None:
    above = read(write_tree(tmp_path / "a", {f"{'cats' if i % 2 else 'dogs'}/{c}/{i}.jpg": d for c, i, d in MIXED}))
    below = read(write_tree(tmp_path / "b", {f"{c}/{'cat' if i % 2 else 'dog'}/{i}.jpg": d for c, i, d in MIXED}))
    assert above.classes == below.classes == CLASSES
    assert {r.species for r in above.records} == {"cats", "dogs"}
    assert {r.species for r in below.records} == {"cat", "dog"}


def test_class_above_split_and_split_in_the_class_folders_name(tmp_path: Path) -> None:
    which = ("train", "train", "val", "test", "train", "test")
    first = read(write_tree(tmp_path / "a", {f"{c}/{which[i]}/{i}.jpg": d for c, i, d in MIXED}))
    second = read(write_tree(tmp_path / "b", {f"{which[i]}_{c}/{i}.jpg": d for c, i, d in MIXED}))
    third = read(write_tree(tmp_path / "c", {f"{c}-{which[i]}/{i}.jpg": d for c, i, d in MIXED}))
    for manifest in (first, second, third):
        assert manifest.classes == CLASSES
        assert splits(manifest) == {"train": 12, "valid": 4, "test": 8}
    assert second.layout == "{split}_{class}/*"


def test_two_levels_that_may_both_be_classes_are_a_question(tmp_path: Path) -> None:
    files = {f"{'up' if k % 2 else 'down'}/{'left' if k % 3 else 'right'}/{k}.jpg": jpeg(k) for k in range(12)}
    with pytest.raises(DataError, match=r"'\{class\}/\*' .*'\*/\{class\}/\*'"):
        read(write_tree(tmp_path / "d", files))


def test_splits_without_classes_never_become_classes(tmp_path: Path) -> None:
    files = {f"{'train' if i < 4 else 'test'}/{c}{i}.jpg": d for c, i, d in MIXED}
    with pytest.raises(DataError, match=r"train, test are splits|test, train are splits"):
        read(write_tree(tmp_path / "d", files))


def test_moods_in_file_names_are_classes_and_other_words_are_asked_for(tmp_path: Path) -> None:
    manifest = read(write_tree(tmp_path / "a", {f"{c}_{i}.jpg": d for c, i, d in MIXED}))
    assert (manifest.layout, manifest.classes) == ("{class}_*", CLASSES)
    folder = write_tree(tmp_path / "b", {f"{'rex' if i % 2 else 'bella'}-{c}{i}.jpg": d for c, i, d in MIXED})
    with pytest.raises(DataError, match=r"--layout '\{class\}-\*' \(24 images, 2 classes: bella, rex\)"):
        read(folder)


def test_a_mirror_that_is_no_copy_is_a_question(tmp_path: Path) -> None:
    files = {f"Master Folder/{s}/{c}/{i}.jpg": d for c, i, d in MIXED for s in (["train", "test"][i % 2],)}
    mirror = {f"{c.lower()}/{i}.jpg": d for c, i, d in MIXED if i % 2 == 0}
    assert len(read(write_tree(tmp_path / "a", files | mirror))) == 24
    changed = mirror | {"sad/0.jpg": jpeg(999)}
    with pytest.raises(DataError, match="differ"):
        read(write_tree(tmp_path / "b", files | changed))


def test_folders_of_animals_are_offered_and_taken_as_groups(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "d", {f"{c}/animal-{i // 2}/{i}.jpg": d for c, i, d in MIXED})
    manifest = read(folder)
    assert manifest.classes == CLASSES
    assert manifest.animals_offered == (12, "--group-by folder")
    assert any("12 folders or names look like single animals" in note for note in manifest.notes)
    grouped = read(folder, group_by="folder")
    assert len({r.animal for r in grouped.records}) == 12
    assert grouped.animals_offered == (0, "")
    named = read(folder, group_by=r"regex:animal-(?P<animal>\d)")
    assert {r.animal for r in named.records} == {"0", "1", "2"}
    with pytest.raises(DataError, match="tells 0 animals apart"):
        read(folder, group_by=r"regex:cat(?P<animal>\d)")


def test_a_macs_names_meet_a_table_that_a_european_spreadsheet_wrote(tmp_path: Path) -> None:
    moods = ("wütend", "fröhlich", "übrig", "müde")
    files = {}
    rows: list[tuple[str, ...]] = []
    for c, i, data in MIXED:
        name = f"{moods[CLASSES.index(c)]}/é{i}.jpg"
        files[unicodedata.normalize("NFD", name)] = data
        rows.append((unicodedata.normalize("NFC", name), "left" if i % 2 else "right"))
    manifest = read(write_tree(tmp_path / "names", files))
    table(tmp_path / "labels.csv", ("path", "label"), rows, ";")
    labelled = apply_labels(manifest, read_labels(tmp_path / "labels.csv", manifest))
    assert labelled.classes == ("left", "right")
    assert len(labelled) == 24
    # one known class among the labels makes the others mistakes
    table(tmp_path / "labels.csv", ("path", "label"), [*rows[:-1], (rows[-1][0], "wütend")], ";")
    with pytest.raises(DataError, match="unknown class"):
        read_labels(tmp_path / "labels.csv", manifest)


def test_backslashes_in_an_archive_are_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for c, i, data in MIXED:
            archive.writestr(zipfile.ZipInfo(f"{c}\\{i}.jpg"), data)
    assert read(tmp_path / "b.zip").classes == CLASSES


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ("生气", "高兴", "其他", "悲伤")),
        ("shift_jis", ("怒り", "うれしい", "そのほか", "かなしい")),
        ("euc_kr", ("행복", "슬픔", "분노", "기타")),
        ("cp1251", ("злость", "радость", "другое", "грусть")),
        ("cp866", ("злость", "радость", "другое", "грусть")),
        ("cp437", ("wütend", "fröhlich", "übrig", "müde")),
    ],
)
@pytest.mark.parametrize("flagged", [False, True])
def test_names_in_national_encodings_are_read_and_warned_of(
    tmp_path: Path, encoding: str, names: tuple[str, ...], flagged: bool
) -> None:
    path = tmp_path / "n.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for c, i, data in MIXED:
            name = f"{names[CLASSES.index(c)]}/{i}.jpg".encode(encoding)
            # as a program writes it that knows no UTF-8, and as one that took the names for the first PC's characters
            archive.writestr(name.decode("cp437") if flagged else name.hex(), data)
    if not flagged:
        raw = path.read_bytes()
        for c, i, _ in MIXED:
            name = f"{names[CLASSES.index(c)]}/{i}.jpg".encode(encoding)
            held = name.hex().encode()
            raw = raw.replace(held, name + b"/" * 0 + b"\0" * (len(held) - len(name)))
        path.write_bytes(raw)
    expected = {unicodedata.normalize("NFC", name) for name in names}
    told: list[str] = []
    sure = read(path, zip_encoding=encoding)
    if not (flagged and encoding == "cp437"):  # what was misread as itself is right
        assert set(sure.classes) == expected
    guessed = read(path, told=told)
    if set(guessed.classes) != expected:
        assert any("--zip-encoding" in line for line in told)
    assert any("--zip-encoding" in line for line in told) or (flagged and encoding in ("cp437", "cp1251", "cp866"))


def test_names_that_some_systems_hold_for_one_are_told(tmp_path: Path) -> None:
    files = {f"{c}/{i}.jpg": d for c, i, d in MIXED} | {"Sad/A.jpg": jpeg(900), "Sad/a.jpg": jpeg(901)}
    manifest = read(write_zip(tmp_path / "z.zip", files))
    assert any("'Sad/A.jpg' and 'Sad/a.jpg'" in note for note in manifest.notes)


def test_a_copied_test_split_is_a_leak_of_all_its_photos(tmp_path: Path) -> None:
    files = {f"train/{c}/{i}.jpg": d for c, i, d in MIXED}
    files |= {f"test/{c}/t{i}.jpg": d for c, i, d in MIXED if i % 3 == 0}
    manifest = complete_splits(read(write_tree(tmp_path / "d", files)), seed=0)
    assert splits(manifest)["test"] == 8
    with pytest.raises(LeakageError, match="8 of 8 test photos"):
        official_fold(manifest)


def test_everything_copied_is_a_leak_too(tmp_path: Path) -> None:
    files = {f"{s}/{c}/{s}{i}.jpg": d for c, i, d in MIXED for s in ("train", "test")}
    with pytest.raises(LeakageError, match="24 of 24 test photos"):
        official_fold(complete_splits(read(write_tree(tmp_path / "d", files)), seed=0))


def test_a_class_that_only_test_has_is_said_so_and_can_be_left_out(tmp_path: Path) -> None:
    files = {f"{'train' if i < 4 else 'test'}/{c}/{i}.jpg": d for c, i, d in MIXED} | {"test/Bored/1.jpg": jpeg(800)}
    folder = write_tree(tmp_path / "d", files)
    with pytest.raises(
        DataError, match=r"class 'Bored' stands in test \(1 image\) but not in train.*--exclude 'Bored'"
    ):
        read(folder)
    manifest = read(folder, exclude=("bored",))
    assert manifest.classes == CLASSES
    assert len(manifest) + len(manifest.rejected) + len(manifest.ignored) == manifest.found == 25
    assert read(folder, only=("happy", "Sad")).classes == ("happy", "Sad")
    with pytest.raises(DataError, match=r"--only names a class 'hapy'.* mean 'happy'"):
        read(folder, only=("hapy", "Sad"))


def test_a_class_of_one_photo_is_said_so_with_the_way_on(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "d", {f"{c}/{i}.jpg": d for c, i, d in MIXED} | {"bored/1.jpg": jpeg(800)})
    with pytest.raises(DataError, match=r"class 'bored' has 1 photo;.*--exclude 'bored'"):
        complete_splits(read(folder), seed=0)
    complete_splits(read(folder, exclude=("bored",)), seed=0)
