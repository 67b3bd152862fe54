"""Photos that two people published are found across their sources, and left out of training where they are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from drawing import photo, saved, write_tree
from petmood.dataset.across import join_datasets
from petmood.dataset.opening import open_dataset
from petmood.errors import DataError
from petmood.evaluation.sources import left_out_folds
from petmood.features import load_backbone


def stamped(image: Image.Image) -> Image.Image:
    """With somebody's mark in a corner."""
    out = image.copy()
    ImageDraw.Draw(out).rectangle((150, 190, 215, 215), fill="white")
    return out


PLANTED = {
    "exact": lambda im: im,
    "cropped": lambda im: im.crop((20, 15, 200, 210)),
    "mirrored": ImageOps.mirror,
    "stamped": stamped,
    "mirrored, cropped, darker": lambda im: ImageEnhance.Brightness(
        ImageOps.mirror(im).crop((10, 10, 205, 200))
    ).enhance(0.7),
}
"""What the second publisher did to photos of the first."""


def test_planted_copies_across_sources_are_found_and_left_out_of_training(tmp_path: Path) -> None:
    moods = ("angry", "happy")
    first = {f"{moods[i % 2]}/{i}.jpg": saved(photo(i)) for i in range(12)}
    second = {f"{moods[i % 2]}/{i}.jpg": saved(photo(100 + i)) for i in range(10)}
    for i, edit in enumerate(PLANTED.values()):
        # the second publisher disagrees on the mood, and says nothing of where the picture is from
        data = saved(photo(i)) if i == 0 else saved(edit(photo(i)), quality=70)
        second[f"{moods[(i + 1) % 2]}/x{i}.jpg"] = data
    trees = [write_tree(tmp_path / name, files) for name, files in (("a", first), ("b", second))]
    opened = [open_dataset(tree, splits=False, families="names") for tree in trees]
    across = join_datasets(opened, {}, load_backbone("efficientnet-lite0"))
    union = across.union
    assert len(union.labels) == len(across.paths) == len(across.vectors) == 27
    assert union.classes == moods

    found = {tuple(Path(across.paths[i]).stem for i in rows) for rows in union.copies()}
    assert found == {(str(i), f"x{i}") for i in range(len(PLANTED))}
    for fold in left_out_folds(union):
        assert len(fold.removed) == len(PLANTED)
        assert not np.intersect1d(union.families[fold.train], union.families[fold.evaluate]).size


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(DataError, match="two or more"):
        join_datasets([], {}, load_backbone("efficientnet-lite0"))
