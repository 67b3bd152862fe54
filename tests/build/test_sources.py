"""A model of several sources: copies across them are not trained on, and its card has matrix and controls."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from drawing import photo, saved, write_tree
from petmood.build.sources import save_across_bundle
from petmood.bundle import load
from petmood.errors import ConfigError

MOODS = ("angry", "happy")


def overlaid(image: Image.Image) -> Image.Image:
    """With somebody's mark across a corner."""
    out = image.copy()
    ImageDraw.Draw(out).rectangle((140, 180, 215, 215), fill="yellow")
    return out


def test_planted_copies_are_left_out_and_the_card_tells_all(tmp_path: Path) -> None:
    edits = (lambda im: im.crop((14, 10, 205, 208)), ImageOps.mirror, overlaid)
    first = {f"{MOODS[i % 2]}/{i}.jpg": saved(photo(i)) for i in range(14)}
    second = {f"{MOODS[i % 2]}/{i}.jpg": saved(photo(500 + i)) for i in range(14)}
    second |= {f"{MOODS[(i + 1) % 2]}/copy{i}.jpg": saved(edit(photo(i)), quality=75) for i, edit in enumerate(edits)}
    trees = [write_tree(tmp_path / name, files) for name, files in (("one", first), ("two", second))]
    made = save_across_bundle(tmp_path / "model", trees, {}, terms=("mine",))
    told = made.sources
    assert told is not None
    assert {Path(path).stem for path in told.left_out_files} == {"copy0", "copy1", "copy2"}
    assert (made.data.photos, made.data.fitted) == (31, 28)
    assert [(c.kind, c.judged_on) for c in told.matrix] == [
        ("left out", "one"),
        ("left out", "two"),
        ("in source", "one"),
        ("in source", "two"),
    ]
    for source, cell in zip(told.sources, told.matrix[:2], strict=True):
        assert (source.balanced, source.balanced_ci, source.n) == (cell.balanced, cell.balanced_ci, cell.n)
    assert told.why_not_sure
    assert made.unlike is not None
    assert (made.unlike.sources, made.unlike.n) == (2, 31)
    assert made.pet is not None
    assert (made.pet.missed.n, made.pet.missed.pictures) == (
        28,
        "photos of pets taken for none, each source left out in turn",
    )
    assert made.training is not None
    assert made.training.n == 28
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for value in (*(s.angry_cats for s in told.sources), *(c.balanced for c in told.matrix)):
        assert f"{value:.3f}" in card
    [found] = load(tmp_path / "model").predict([saved(photo(900))])
    assert found.verdict == "not-sure"


def test_one_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two or more"):
        save_across_bundle(tmp_path / "model", [tmp_path], {})
