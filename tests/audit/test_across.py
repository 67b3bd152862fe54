"""Photos that two people published are found across their sources, and left out of training where they are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from drawing import photo, saved, write_tree
from petmood.audit.across import JoinedSource, join_sources
from petmood.cache import ContentCache
from petmood.errors import DataError
from petmood.evaluate.sources import Union, left_out_folds
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.sources import open_source


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
    opened = [open_source(write_tree(tmp_path / name, files)) for name, files in (("a", first), ("b", second))]
    cache = ContentCache(tmp_path / "cache")
    manifests = [read_dataset(source, cache) for source in opened]
    across = join_sources(manifests, opened, cache)
    assert len(across.records) == 27
    labels = np.array([moods.index(r.class_name) for r in across.records])
    union = Union(("a", "b"), moods, across.source, labels, across.families, np.ones((27, 1)))

    found = {tuple(Path(across.records[i].path).stem for i in rows) for rows in union.copies()}
    assert found == {(str(i), f"x{i}") for i in range(len(PLANTED))}
    for fold in left_out_folds(union):
        assert len(fold.removed) == len(PLANTED)
        assert not np.intersect1d(union.families[fold.train], union.families[fold.evaluate]).size


def test_files_of_joined_sources_are_read_where_they_are(tmp_path: Path) -> None:
    trees = [write_tree(tmp_path / n, {"angry/é.jpg": saved(photo(i))}) for i, n in enumerate(("a", "b"))]
    with JoinedSource([open_source(tree) for tree in trees]) as joined:
        assert joined.names() == ["0/angry/é.jpg", "1/angry/é.jpg"]
        for name, tree in zip(joined.names(), trees, strict=True):
            assert joined.read(name, MAX_FILE_BYTES) == (tree / "angry" / "é.jpg").read_bytes()


def test_manifests_without_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="source"):
        join_sources([], [], ContentCache(tmp_path))
