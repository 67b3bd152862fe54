from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import split_files, write_tree
from petmood.cache import ContentCache
from petmood.errors import DataError
from petmood.ingest import read_dataset
from petmood.records import ImageRecord, Manifest, SkippedFile
from petmood.sources import open_source
from petmood.store import atomic_path, read_json, read_manifest, write_json, write_manifest


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "é.json"
    write_json(target, {"a": 1})

    def half_write() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half of")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_write()
    assert read_json(target) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["é.json"]


def test_reading_what_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(DataError, match="cannot read"):
        read_json(tmp_path / "y.json")


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))


def test_a_manifest_survives_the_round_trip(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "d", split_files() | {"notes.txt": b"", "train/happy/bad.jpg": b"x"})
    with open_source(folder) as source:
        manifest = read_dataset(source, ContentCache(tmp_path / "c"))
    write_manifest(tmp_path / "m.csv", manifest)
    assert read_manifest(tmp_path / "m.csv") == manifest


@settings(max_examples=30, deadline=None)
@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), unique=True, max_size=6),
    numbers=st.tuples(st.integers(0, 2**40), st.integers(1, 10**6), st.booleans()),
)
def test_a_manifest_of_any_names_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], numbers: tuple[int, int, bool]
) -> None:
    size, side, flag = numbers
    records = tuple(
        ImageRecord(
            path=name, class_name=name[::-1], split="train", family=name, derived=flag, sha256="ab", width=side,
            height=side, format="PNG", size_bytes=size, mode="L", reoriented=not flag, species=name, animal=name[:2],
            fold=name[1:], notes=("cut", "oriented")[: len(name) % 3],
        )
        for name in names
    )  # fmt: skip
    manifest = Manifest("=n", "*", tuple(names), records, (SkippedFile("a\r\nb", "x"),), (), flag, "names", 9)
    path = tmp_path_factory.mktemp("m") / "manifest.csv"
    write_manifest(path, manifest)
    assert read_manifest(path) == manifest


def test_a_manifest_of_changed_bytes_is_read_or_refused(tmp_path: Path) -> None:
    with open_source(write_tree(tmp_path / "d", split_files())) as source:
        manifest = read_dataset(source, ContentCache(tmp_path / "c"))
    path, refused = tmp_path / "m.csv", 0
    for seed in range(60):
        draw = random.Random(seed)
        write_manifest(path, manifest)
        damaged = draw.choice([path, path.with_suffix(".json")])
        data = bytearray(damaged.read_bytes())
        for _ in range(draw.choice([1, 3, 9])):
            data[draw.randrange(len(data))] = draw.randrange(256)
        damaged.write_bytes(data[: draw.choice([len(data), len(data) // 2])])
        try:
            read_manifest(path)
        except DataError as error:
            refused += 1
            assert "m." in str(error)  # noqa: PT017 - either is right
    assert 10 < refused < 60
