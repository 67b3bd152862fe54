"""Outside images: classes are mapped, and what resembles the evaluated data stays out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

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


def test_the_data_itself_is_no_outside_data(own: Path) -> None:
    with pytest.raises(DataError, match="also in the data"):
        opened(own, own, {})


def test_pairs_are_read_and_misspelt_ones_refused() -> None:
    assert parse_map(["relaxed=Other", "a=b=c"]) == {"relaxed": "Other", "a": "b=c"}
    with pytest.raises(ConfigError, match="THEIRS=OURS"):
        parse_map(["relaxed"])
