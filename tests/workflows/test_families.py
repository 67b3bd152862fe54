"""Ingest with families: planted copies under any name are found, and a run refuses splits that they leak through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from drawing import photo, saved, write_tree
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import LeakageError
from petmood.progress import Silent, Timed
from petmood.sources import open_source
from petmood.workflows.families import Ingested, ingest
from petmood.workflows.run import run

PLANTED: dict[str, Callable[[Image.Image], bytes]] = {
    "exact": saved,
    "re-encoded": lambda im: saved(im, quality=60),
    "mirrored": lambda im: saved(ImageOps.mirror(im)),
    "cropped": lambda im: saved(im.crop((20, 30, 200, 210))),
}


def split_photos(*leaks: str) -> dict[str, bytes]:
    """`split/class` with six photos a class in train and two elsewhere, and copies of test photos planted in train."""
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (200, 220)))
    first = 17  # test/Angry/test0.jpg
    for i, leak in enumerate(leaks):
        files[f"train/happy/planted{i}.jpg"] = PLANTED[leak](photo(first + i, (200, 220)))
    return files


def ingested(data: Path, mode: str = "auto") -> Ingested:
    with open_source(data) as source:
        return ingest(source, ContentCache(), Timed(Silent()), mode=mode)


@pytest.mark.parametrize("leak", PLANTED)
def test_a_run_refuses_a_planted_leak_before_it_computes_anything(leak: str, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos(leak))
    with pytest.raises(LeakageError, match="1 photo"):
        run(data, tmp_path / "run", RunSettings(cnn=False))


def test_a_clean_set_without_telling_names_asks_pixels(tmp_path: Path) -> None:
    found = ingested(write_tree(tmp_path / "data", split_photos()))
    assert found.manifest.family_source == "pixels"
    assert found.manifest.n_photos == len(found.manifest) == 20
    assert found.links.same == ()


def test_names_alone_do_not_see_what_pixels_see(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos("mirrored", "exact"))
    assert ingested(data, "names").manifest.n_photos == 21
    assert ingested(data, "pixels").manifest.n_photos == 20
