"""What is kept of photos recognises their copies, and nothing else; it is small and has no picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageEnhance, ImageOps

from drawing import photo
from petmood.errors import ModelError
from petmood.families.local import LocalFeatures, find_local_features
from petmood.families.memory import Memory, pack, remember, unpack

_KNOWN = range(20)


@pytest.fixture(scope="module")
def memory() -> Memory:
    photos = tuple(remember(f"{seed}.jpg", find_local_features(photo(seed))) for seed in _KNOWN)
    return unpack(pack(Memory(photos, {f"{seed:064x}": seed for seed in _KNOWN})))


def _cropped(image: Image.Image) -> Image.Image:
    return image.crop((30, 20, image.width - 40, image.height - 35))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": _cropped,
    "mirrored": ImageOps.mirror,
    "cropped and mirrored": lambda image: ImageOps.mirror(_cropped(image)),
    "turned": lambda image: image.rotate(17),
    "upside down": ImageOps.flip,
    "on its side": lambda image: image.rotate(90, expand=True),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "smaller": lambda image: image.resize((90, 90)),
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_recognised(memory: Memory, change: str) -> None:
    asked: list[LocalFeatures] = [find_local_features(CHANGES[change](photo(seed))) for seed in (0, 7, 13)]
    found = memory.recognise(["x"] * 3, asked)
    assert {i: seen.row for i, seen in found.items()} == {0: 0, 1: 7, 2: 13}
    assert all(seen.how == "pixels" for seen in found.values())


def test_other_photos_are_not(memory: Memory) -> None:
    asked = [find_local_features(photo(seed)) for seed in range(100, 125)]
    assert memory.recognise([f"{seed}" for seed in range(100, 125)], asked) == {}


def test_equal_bytes_are_known_without_a_look_at_pixels(memory: Memory) -> None:
    plain = find_local_features(Image.new("RGB", (64, 64), (120, 120, 120)))
    found = memory.recognise([f"{5:064x}", "0" * 64 + "x"], [plain, plain])
    assert {i: (seen.row, seen.how) for i, seen in found.items()} == {0: (5, "bytes")}


def test_it_is_small_and_the_same_after_a_round(memory: Memory) -> None:
    data = pack(memory)
    assert len(data) / len(memory) < 10_000
    again = unpack(data)
    assert pack(again) == data
    assert [p.path for p in again.photos] == [p.path for p in memory.photos]
    assert max(p.features.grey.size for p in again.photos) == 144


def test_an_empty_question_has_no_answer(memory: Memory) -> None:
    assert memory.recognise([], []) == {}


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x00" * 64])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="memory of training photos"):
        unpack(data)
