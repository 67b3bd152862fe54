"""Outside images: classes are mapped, and what resembles the evaluated data stays out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from drawing import covered, photo, printed
from petmood.config import read_options, reading
from petmood.dataset import open_dataset
from petmood.dataset.outside import Outside, open_outside, open_unlabelled, parse_map
from petmood.errors import ConfigError, DataError


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=92)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    root = tmp_path / "own"
    for seed in range(6):
        save(picture(seed), root / ("Happy", "Other")[seed % 2] / f"{seed}.jpg")
    return root


@pytest.fixture
def theirs(tmp_path: Path, own: Path) -> Path:
    root = tmp_path / "theirs"
    for seed in range(20, 26):
        save(picture(seed), root / ("happy", "relaxed")[seed % 2] / f"{seed}.jpg")
    shutil.copy(own / "Happy" / "0.jpg", root / "happy" / "copied.jpg")
    save(picture(1).resize((60, 60)), root / "relaxed" / "smaller.jpg")
    save(ImageOps.mirror(picture(2)), root / "happy" / "mirrored.jpg")
    return root


def opened(own: Path, theirs: Path, mapping: dict[str, str]) -> tuple[list[str], list[str], tuple[str, ...]]:
    with open_dataset(own, splits=False) as ours:
        found = open_outside(theirs, mapping, ours)
    return [r.path for r in found.data.records], found.labels.tolist(), found.left_out


def test_copies_of_evaluated_images_are_left_out_also_small_and_mirrored(own: Path, theirs: Path) -> None:
    paths, labels, left_out = opened(own, theirs, {"relaxed": "Other"})
    assert set(left_out) == {"happy/copied.jpg", "relaxed/smaller.jpg", "happy/mirrored.jpg"}
    assert len(paths) == 6
    assert set(labels) == {"Happy", "Other"}


def test_a_class_without_a_counterpart_must_be_mapped(own: Path, theirs: Path) -> None:
    with pytest.raises(ConfigError, match="--map relaxed="):
        opened(own, theirs, {})


def test_outside_data_have_a_layout_of_their_own(own: Path, tmp_path: Path) -> None:
    for seed in range(20, 28):
        save(picture(seed), tmp_path / "more" / f"batch_{seed % 3}" / ("happy", "other")[seed % 2] / f"{seed}.jpg")
    with open_dataset(own, splits=False) as ours:
        with pytest.raises(DataError, match=r"may mean anything.*: --outside-layout '\*/\{class\}/\*'"):
            open_outside(tmp_path / "more", {}, ours)
        with reading(read_options(layout="{class}/*"), read_options(layout="*/{class}/*")):
            assert len(open_outside(tmp_path / "more", {}, ours).data) == 8
            with open_dataset(own, splits=False) as again:
                assert again.manifest.layout == "{class}/*"


def test_outside_data_may_have_a_table(own: Path, tmp_path: Path) -> None:
    rows = ["set,what,shot"]
    for seed in range(20, 28):
        save(picture(seed), tmp_path / "more" / f"{seed}.jpg")
        rows.append(f"x,{('happy', 'other')[seed % 2]},{seed}.jpg")
    table = tmp_path / "said.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    theirs = read_options(table=str(table), columns="path=shot,class=what")
    with open_dataset(own, splits=False) as ours, reading(read_options(), theirs):
        found = open_outside(tmp_path / "more", {}, ours)
    assert found.labels.tolist().count("Happy") == 4


def test_the_data_itself_is_no_outside_data(own: Path) -> None:
    with pytest.raises(DataError, match="also in the data"):
        opened(own, own, {})


def test_pairs_are_read_and_misspelt_ones_refused() -> None:
    assert parse_map(["relaxed=Other", "a=b=c"]) == {"relaxed": "Other", "a": "b=c"}
    with pytest.raises(ConfigError, match="THEIRS=OURS"):
        parse_map(["relaxed"])


def wide(seed: int) -> Image.Image:
    """A photo with detail, as edits of photos need."""
    return photo(seed, (240, 220))


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": lambda im: im.crop((40, 30, 200, 190)),
    "cropped at a corner": lambda im: im.crop((0, 0, 150, 140)),
    "mirrored": ImageOps.mirror,
    "mirrored and cropped": lambda im: ImageOps.mirror(im).crop((30, 20, 210, 190)),
    "darker": lambda im: ImageEnhance.Brightness(im).enhance(0.6),
    "grey": lambda im: im.convert("L").convert("RGB"),
    "turned": lambda im: im.rotate(12, Image.Resampling.BICUBIC),
    "framed": lambda im: ImageOps.expand(im, 16, "white"),
    "smaller": lambda im: im.resize((110, 100)),
    "boxed": covered,
    "printed over": printed,
}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
def test_every_edit_of_an_evaluated_photo_is_left_out_and_nothing_else(
    labelled: bool, split: str, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    for seed in range(12):
        place = ("train", "train", "test")[seed % 3]
        save(wide(seed), own / place / ("Happy", "Other")[seed // 3 % 2] / f"{seed}.jpg")
    victim = 0 if split == "train" else 2
    theirs = tmp_path / "theirs"
    for seed in range(30, 36):
        save(wide(seed), theirs / ("Happy", "Other")[seed % 2] / f"{seed}.jpg")
    for name, edit in EDITS.items():
        save(edit(wide(victim)), theirs / "Happy" / f"{name}.jpg")
    with open_dataset(own) as ours:
        found: Outside = open_outside(theirs, {}, ours) if labelled else open_unlabelled(theirs, ours)
    assert {Path(path).stem for path in found.left_out} == set(EDITS)
    assert {Path(r.path).stem for r in found.data.records} == {str(seed) for seed in range(30, 36)}
    assert found.labels.tolist() == [r.class_name if labelled else "" for r in found.data.records]


def test_a_file_of_the_outside_data_that_changes_meanwhile_is_named(
    own: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_dataset(own, splits=False) as ours:
        found = open_outside(theirs, {"relaxed": "Other"}, ours)
        path = found.data.records[0].path
        save(picture(999), theirs / path)
        with pytest.raises(DataError, match=path):
            found.data.pixels(32)
