"""One way to pixels: bytes are those that were digested, each picture is decoded once, memory is bounded."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawing import jpeg, photo, saved, split_files, write_tree
from networks import network
from petmood import images
from petmood.build.heads import quality
from petmood.cache import ContentCache
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.models import head, property_alone, size_and_brightness
from petmood.errors import DataError, PetmoodError
from petmood.evaluation.protocols import grouped
from petmood.families.links import find_links
from petmood.features import Backbone
from petmood.features.augment import pixel_views
from petmood.features.maps import flatten_maps
from petmood.features.views import View
from petmood.pictures import Pictures, map_images
from petmood.records import ImageRecord
from petmood.sources import open_source

VICTIM = "train/happy/train1.jpg"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return network(tmp_path_factory.mktemp("network") / "tiny.onnx", 0, 17, imagenet=True, mean=120.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    return write_tree(tmp_path / "data", split_files(6, ("Angry", "happy", "Sad")))


@pytest.fixture
def data(folder: Path) -> Iterator[Dataset]:
    with open_dataset(folder, families="names") as opened:
        yield opened


USES: dict[str, Callable[[Dataset, Backbone], object]] = {
    "bytes": lambda data, tiny: [data.pictures.read(r) for r in data.records],
    "pixels": lambda data, tiny: data.pixels(32),
    "features": lambda data, tiny: data.features(tiny),
    "a view": lambda data, tiny: data.features(tiny, View("tiny", mirror="average")),
    "local maps": lambda data, tiny: flatten_maps(data.manifest, data.pictures, tiny),
    "random views": lambda data, tiny: pixel_views(data.manifest, data.pictures, 32, 3),
    "thumbnails": lambda data, tiny: data.thumbnails,
    "a thumbnail": lambda data, tiny: data.thumbnail(VICTIM),
    "measures": lambda data, tiny: data.measures,
    "the search for copies": lambda data, tiny: find_links(data.records, data.pictures, data.cache),
    "quality": lambda data, tiny: quality(data, 32),
    "a figure": lambda data, tiny: data.predictions(head(tiny), grouped(data.manifest, 2, 0)),
    "a control": lambda data, tiny: data.predictions(size_and_brightness(), grouped(data.manifest, 2, 0)),
    "a property": lambda data, tiny: data.predictions(property_alone("colour"), grouped(data.manifest, 2, 0)),
}

HARM: dict[str, Callable[[Path], object]] = {
    "changed": lambda path: path.write_bytes(jpeg(4711)),
    "broken": lambda path: path.write_bytes(b"no picture"),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "emptied": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def cached(cache: ContentCache) -> set[tuple[str, str]]:
    with sqlite3.connect(cache.path) as db:
        return set(db.execute("SELECT namespace, key FROM entries"))


def harms_and_uses() -> Iterator[Any]:
    """Every harm to some uses and some harms to every use; the rest is slow."""
    for harm, use in product(HARM, USES):
        quick = harm in ("changed", "gone") or use in ("bytes", "pixels", "the search for copies")
        yield pytest.param(harm, use, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("harm", "use"), list(harms_and_uses()))
def test_a_file_that_is_no_longer_what_it_was_is_named_and_poisons_nothing(
    harm: str, use: str, folder: Path, data: Dataset, tiny: Backbone
) -> None:
    path = folder / VICTIM
    sha = next(r.sha256 for r in data.records if r.path == VICTIM)
    kept = path.read_bytes()
    before = cached(data.cache)
    HARM[harm](path)
    with pytest.raises(DataError, match=VICTIM) as told:
        USES[use](data, tiny)
    assert isinstance(told.value, PetmoodError)
    assert "\n" not in str(told.value)
    fresh = cached(data.cache) - before
    assert not [entry for entry in fresh if sha in entry[1]], "nothing of this file is kept"
    if path.is_dir():
        path.rmdir()
    path.write_bytes(kept)
    USES[use](data, tiny)


@pytest.mark.parametrize("use", ["features", "thumbnails", "measures", "the search for copies"])
def test_what_is_known_is_that_of_the_bytes_whatever_happened_between(
    use: str, folder: Path, data: Dataset, tiny: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed attempt and the changed file read as new, every value is as from an empty cache."""
    (folder / VICTIM).write_bytes(jpeg(4711))
    with pytest.raises(DataError):
        USES[use](data, tiny)
    with open_dataset(folder, families="names") as again:
        found = USES[use](again, tiny)
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "empty"))
    with open_dataset(folder, families="names") as anew:
        expected = USES[use](anew, tiny)
    if isinstance(found, np.ndarray):
        np.testing.assert_array_equal(found, expected)
    elif use == "features":
        np.testing.assert_array_equal(found.vectors, expected.vectors)  # type: ignore[attr-defined]
    else:
        assert found == expected


class Decoded:
    """Counts what is decoded, by name of the test's own files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        real = images.open_rgb

        def counted(raw: bytes, *, at_least: int | None = None) -> Image.Image:
            self.sizes.append(len(raw))
            return real(raw, at_least=at_least)

        monkeypatch.setattr(images, "open_rgb", counted)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    return Decoded(monkeypatch)


def records_of(root: Path) -> tuple[ImageRecord, ...]:
    with open_dataset(root, families="names", labelled=False, splits=False) as opened:
        return opened.records


def test_a_picture_is_decoded_once_whoever_asks_and_equal_pictures_together(tmp_path: Path, decoded: Decoded) -> None:
    same = saved(photo(1))
    root = write_tree(tmp_path / "data", {"a.jpg": same, "b.jpg": same, "c.jpg": saved(photo(2))})
    records = records_of(root)
    decoded.sizes.clear()
    with Pictures(open_source(root)) as pictures:
        for size in (16, 160, 256):
            pictures.pixels(records, size)
        pictures.thumbnail(records[0], 96)
        pictures.in_threads(records, 64)
    assert len(decoded.sizes) == 2


def test_equal_files_are_worked_on_once(tmp_path: Path) -> None:
    same = saved(photo(1))
    root = write_tree(tmp_path / "data", {f"{i}.jpg": same for i in range(9)} | {"other.jpg": saved(photo(2))})
    records = records_of(root)
    seen: list[str] = []

    def work(some: object) -> list[bytes]:
        seen.extend(r.sha256 for r in some)  # type: ignore[attr-defined]
        return [b"value"] * len(some)  # type: ignore[arg-type]

    known = map_images(records, ContentCache(tmp_path / "cache"), "test/v1", lambda: work)
    assert sorted(seen) == sorted({r.sha256 for r in records})
    assert set(known) == set(seen)


def test_what_is_kept_stays_within_its_memory_and_the_latest_stay(tmp_path: Path, decoded: Decoded) -> None:
    side, room = 224, 3
    root = write_tree(tmp_path / "data", {f"{i}.jpg": saved(photo(i, (side, side))) for i in range(8)})
    records = records_of(root)
    pictures = Pictures(open_source(root), memory=room * 4 * side * side)
    decoded.sizes.clear()
    for record in records:
        pictures.picture(record)
        kept = pictures._kept.values()
        assert sum(4 * image.width * image.height for image in kept) <= room * 4 * side * side
    assert len(decoded.sizes) == 8
    for record in records[-room:]:
        pictures.picture(record)
    assert len(decoded.sizes) == 8
    pictures.picture(records[0])
    assert len(decoded.sizes) == 9
    pictures.keep_at_most(4 * side * side)
    assert len(pictures._kept) == 1
    pictures.picture(records[0])
    assert len(decoded.sizes) == 9


def test_a_picture_larger_than_the_memory_is_read_and_not_kept(tmp_path: Path, decoded: Decoded) -> None:
    root = write_tree(tmp_path / "data", {"a.jpg": saved(photo(1))})
    [record] = records_of(root)
    pictures = Pictures(open_source(root), memory=1000)
    decoded.sizes.clear()
    first, second = pictures.pixels([record], 64), pictures.pixels([record], 64)
    np.testing.assert_array_equal(first, second)
    assert len(decoded.sizes) == 2


def test_pixels_are_those_of_the_one_decoder_in_order_in_threads_or_not(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "data", {f"{i}.jpg": saved(photo(i, (90 + i, 120))) for i in range(9)})
    records = records_of(root)
    with Pictures(open_source(root)) as pictures:
        for size in (48, 300):
            expected = np.stack([images.decode((root / r.path).read_bytes(), size) for r in records])
            np.testing.assert_array_equal(pictures.pixels(records, size), expected)
            np.testing.assert_array_equal(pictures.in_threads(records, size), expected)
