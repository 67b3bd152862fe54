from __future__ import annotations

import errno
import os
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from drawing import jpeg, write_tree, write_zip
from petmood.errors import DataError, ImageError
from petmood.ingest.rows import read_table
from petmood.sources import ZipSource, open_source, walk_sorted

LIMIT = 1 << 20


def test_folder_and_zip_give_the_same_names_and_bytes(tmp_path: Path) -> None:
    files = {"ä ö/ü.jpg": jpeg(1), "b/c.jpg": jpeg(2)}
    with (
        open_source(write_tree(tmp_path / "dossier é", files)) as folder,
        open_source(write_zip(tmp_path / "arc é.zip", files)) as archive,
    ):
        assert folder.names() == archive.names() == sorted(files)
        for name, data in files.items():
            assert folder.read(name, LIMIT) == archive.read(name, LIMIT) == data


def test_a_walk_gives_the_names_of_whole_paths_sorted(tmp_path: Path) -> None:
    names = ["a/z.jpg", "a/b/y.jpg", "a-b/x.jpg", "a.jpg", "a b/w.jpg", "B/v.jpg", "ä/u.jpg", "a/b.jpg", "a0/t/s/r.jpg"]
    root = write_tree(tmp_path / "data", dict.fromkeys(names, b"x"))
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    (root / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with open_source(root) as source:
        assert list(source.walk()) == source.names() == sorted([*names, "a/gone.jpg"])


@pytest.mark.parametrize("name", ["../../escape.jpg", "/etc/escape.jpg", "a/../../escape.jpg", "..\\escape.jpg"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    with open_source(write_zip(tmp_path / "z.zip", {name: jpeg(1)})) as source:
        held = source.names()
        assert len(held) == 1
        with pytest.raises(ImageError, match="points outside"):
            source.read(held[0], LIMIT)
    assert [p.name for p in tmp_path.iterdir()] == ["z.zip"]


def test_bombs_are_refused_before_they_inflate(tmp_path: Path) -> None:
    with open_source(write_zip(tmp_path / "z.zip", {"a.jpg": bytes(LIMIT - 1), "b.jpg": bytes(2 * LIMIT)})) as source:
        with pytest.raises(ImageError, match="zip bomb"):
            source.read("a.jpg", LIMIT)
        with pytest.raises(ImageError, match="too large"):
            source.read("b.jpg", LIMIT)


def test_a_member_whose_header_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "z.zip", {"a.jpg": jpeg(1, (200, 200))})
    source = ZipSource(path)
    source._members["a.jpg"].file_size = 10
    with source, pytest.raises(ImageError, match=r"inflates|damaged"):
        source.read("a.jpg", 10)


def test_damaged_and_encrypted_members_are_reasons_not_crashes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "z.zip", {"a.jpg": jpeg(1, (99, 99)), "b.jpg": jpeg(2)})
    raw = bytearray(path.read_bytes())
    raw[200:260] = bytes(60)
    path.write_bytes(raw)
    with open_source(path) as source:
        with pytest.raises(ImageError, match="damaged"):
            source.read("a.jpg", LIMIT)
        assert source.read("b.jpg", LIMIT) == jpeg(2)
    with ZipSource(path) as source:
        source._members["b.jpg"].flag_bits |= 1
        with pytest.raises(ImageError, match="encrypted"):
            source.read("b.jpg", LIMIT)


PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize("packed", PACKED)
def test_damage_in_one_member_costs_that_member_alone(tmp_path: Path, packed: int) -> None:
    whole = tmp_path / "whole.zip"
    pictures = {f"happy/{i}.jpg": jpeg(i) for i in range(3)}
    with zipfile.ZipFile(whole, "w", packed) as archive:
        for name, data in pictures.items():
            archive.writestr(name, data)
        hit = archive.getinfo("happy/1.jpg")
        begin, end = hit.header_offset, archive.getinfo("happy/2.jpg").header_offset
    refused = 0
    for seed in range(60):
        rng = random.Random(seed)
        data = bytearray(whole.read_bytes())
        for _ in range(rng.choice((1, 4, 40))):
            data[rng.randrange(begin, end)] = rng.randrange(256)
        damaged = tmp_path / f"{seed}.zip"
        damaged.write_bytes(data)
        with ZipSource(damaged) as source:
            assert [source.read(name, 10**6) for name in ("happy/0.jpg", "happy/2.jpg")] == [
                pictures["happy/0.jpg"],
                pictures["happy/2.jpg"],
            ]
            try:
                found = source.read("happy/1.jpg", 10**6)
            except ImageError:
                refused += 1
            else:
                assert found == pictures["happy/1.jpg"]
    assert refused > 30


@pytest.mark.parametrize("packed", PACKED)
def test_damage_anywhere_is_a_reason(tmp_path: Path, packed: int) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", packed) as archive:
        for name in ("fröhlich/0.jpg", "happy/1.jpg"):
            archive.writestr(name, jpeg(1))
    for seed in range(120):
        rng = random.Random(seed)
        data = bytearray(whole.read_bytes())
        for _ in range(rng.choice((1, 3))):
            # the table of contents stands at the end
            data[rng.randrange(len(data) - 220, len(data))] = rng.randrange(256)
        damaged = tmp_path / f"{seed}.zip"
        damaged.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        try:
            source = ZipSource(damaged)
        except DataError:
            continue
        with source:
            for name in source.names():
                try:
                    source.read(name, 10**6)
                except ImageError:
                    continue


def test_unusable_paths_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "nowhere")
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(DataError, match="neither a folder nor"):
        open_source(text)
    cut = write_zip(tmp_path / "cut.zip", {"a.jpg": jpeg(1)})
    cut.write_bytes(cut.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a readable zip"):
        open_source(cut)


def test_broken_links_are_reasons(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with open_source(tmp_path) as source, pytest.raises(ImageError, match="not a regular file"):
        source.read("gone.jpg", LIMIT)


def test_a_zip_is_known_by_content_when_its_name_does_not_tell(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "archive.download", {"a.jpg": jpeg(1)})
    assert zipfile.is_zipfile(path)
    with open_source(path) as source:
        assert source.names() == ["a.jpg"]


def test_folders_may_lie_deeper_in_each_other_than_functions_call_each_other() -> None:
    deep = "d/" * 3000
    found = list(walk_sorted(lambda folder: ["x.jpg"] if folder == deep else ["a.jpg", "d/", "e.jpg"]))
    assert len(found) == 6001
    assert f"{deep}x.jpg" in found
    assert found == sorted(found)


@pytest.mark.parametrize(("number", "of_the_file"), [(errno.EMFILE, False), (errno.ENOMEM, False), (errno.EIO, True)])
def test_what_the_system_lacks_is_no_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, of_the_file: bool
) -> None:
    def fails(path: Path) -> bytes:
        raise OSError(number, os.strerror(number), str(path))

    data = write_tree(tmp_path / "data", {"a.jpg": b"x"})
    monkeypatch.setattr(Path, "read_bytes", fails)
    with open_source(data) as source, pytest.raises(ImageError if of_the_file else OSError, match=os.strerror(number)):
        source.read("a.jpg", 10)


def test_parquet_files_of_changed_bytes_are_read_or_refused(tmp_path: Path) -> None:
    import polars as pl

    pictures = [{"bytes": jpeg(i), "path": f"{i}.jpg"} for i in range(6)]
    frame = pl.DataFrame({"image": pictures, "label": ["a", "b"] * 3, "x": [1.5] * 6})
    path, refused, seeds = tmp_path / "t.parquet", 0, (*range(40), *PANICS)
    for seed in seeds:
        draw = random.Random(seed)
        frame.write_parquet(path, compression=draw.choice(["zstd", "snappy", "uncompressed", "gzip", "lz4", "brotli"]))
        data = bytearray(path.read_bytes())
        for _ in range(draw.choice([1, 2, 5])):
            data[draw.randrange(max(0, len(data) - 900), len(data))] = draw.randrange(256)
        path.write_bytes(data)
        refused += _is_refused(path)
        with suppress(DataError):
            read_table(bytes(data), path.name)
    assert 10 < refused < len(seeds)


def _is_refused(path: Path) -> bool:
    try:
        with open_source(path) as source:
            for name in source.names():
                source.read(name, LIMIT)
            for table in getattr(source, "tables", {}).values():
                table.columns()
    except DataError as error:
        assert path.name in str(error)  # noqa: PT017 - either is right
        return True
    return False


PANICS = (452, 627, 782, 802, 1058)
"""Seeds that lead polars itself to panic."""
