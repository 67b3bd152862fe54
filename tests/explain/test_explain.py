"""Explanations point at what decides: known evidence is planted and found again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bundle_fixtures import Trained
from petmood.bundle import Bundle, Outputs, Prepared
from petmood.explain import Explained, explain, overlay, sheet, to_facts
from petmood.explain.probes import GRID


class Spot(Bundle):
    """A model whose first class is the share of white in one part of the picture: its evidence is known."""

    def __init__(self, trained: Trained, rows: slice, cols: slice) -> None:
        self.rows, self.cols = rows, cols
        self.description = trained.bundle.description.model_copy(update={"classes": ("white", "dark"), "pet": None})
        self.description = self.description.model_copy(update={"conformal": None})
        self.training_photos = None
        self.inferred = 0

    def infer(self, pixels: np.ndarray) -> Outputs:
        self.inferred += len(pixels)
        share = pixels[:, self.rows, self.cols].mean(axis=(1, 2, 3)).astype(np.float32) / 255
        both = np.stack([share, 1 - share], axis=1)
        return Outputs(both, both, both, None, None)


def prepared(pixels: np.ndarray) -> Prepared:
    return Prepared("drawn", pixels, len(pixels), len(pixels), 10.0, 100.0)


def picture() -> np.ndarray:
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[16:32, 64:80] = 255
    pixels[48:64, 48:64] = 255
    return pixels


def test_occlusion_finds_the_part_that_decides(trained: Trained) -> None:
    model = Spot(trained, slice(16, 32), slice(64, 80))
    found = explain(model, prepared(picture()), mood="white", background=False).occlusion
    assert found is not None
    assert np.unravel_index(found.argmax(), found.shape) == (1, 4)
    assert found[1, 4] > 0.9
    assert abs(found[5, 1]) < 0.05


@pytest.mark.parametrize(
    ("rows", "cols", "low", "high", "words"),
    [
        (slice(0, 8), slice(0, 112), 0.9, 1.0, "leans on the background"),
        (slice(48, 64), slice(48, 64), 0.0, 0.1, "comes from the face"),
        (slice(0, 112), slice(0, 112), 0.0, 1.0, "Neither"),
    ],
    ids=["border", "centre", "even"],
)
def test_the_background_test_tells_border_from_centre(
    trained: Trained, rows: slice, cols: slice, low: float, high: float, words: str
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    if words != "Neither":
        pixels[rows, cols] = 255
    found = explain(Spot(trained, rows, cols), prepared(pixels), maps="cam").background
    assert found is not None
    assert low <= found.reliance <= high
    assert words in found.sentence


@pytest.mark.parametrize(
    ("maps", "background", "inferences"),
    [("cam", False, 1), ("cam", True, 4), ("auto", False, 50), ("both", True, 53)],
)
def test_work_is_bounded_by_what_is_asked_for(trained: Trained, maps: str, background: bool, inferences: int) -> None:
    model = Spot(trained, slice(16, 32), slice(64, 80))
    found = explain(model, prepared(picture()), maps=maps, background=background)  # type: ignore[arg-type]
    assert model.inferred == inferences
    assert (found.occlusion is not None) == (inferences > 4)
    assert (found.background is not None) == background
    assert found.cam is None  # this model has none


def test_an_explanation_of_a_bundle_is_whole(trained: Trained) -> None:
    path = trained.data / trained.manifest.records[0].path
    photo = trained.bundle.prepare(path)
    found = explain(trained.bundle, photo)
    assert found.prediction == trained.bundle.predict(path)[0]
    assert found.mood == found.prediction.mood
    assert found.cam is not None
    assert found.cam.shape == (7, 7)
    assert found.occlusion is not None
    assert found.occlusion.shape == (GRID, GRID)
    assert found.background is not None
    assert len(found.neighbours) == 5
    assert 0 <= found.background.reliance <= 1
    other = next(name for name in trained.bundle.classes if name != found.mood)
    assert explain(trained.bundle, photo, mood=other).mood == other
    drawn = sheet(trained.bundle, photo, found)
    assert drawn.size[0] >= 3 * 224
    assert len(np.unique(np.asarray(drawn).reshape(-1, 3), axis=0)) > 1000


def test_an_overlay_is_brightest_where_most_speaks_and_grey_where_nothing_does() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    values = np.array([[1.0, 0.0], [0.0, -1.0]], np.float32)
    drawn = np.asarray(overlay(grey, values)).astype(int)
    assert drawn[4, 4].sum() > drawn[60, 60].sum() + 200
    assert np.ptp(drawn[60, 60]) <= 12


def test_explain_writes_a_sheet_and_the_shared_schema_a_picture(trained: Trained, tmp_path: Path) -> None:
    from petmood.jobs.predict import predict

    names = [str(trained.data / trained.manifest.records[i].path) for i in (0, 1)]
    found = list(predict(trained.bundle, names, explain_to=tmp_path / "why"))
    lines = [json.loads(line) for line in (tmp_path / "why" / "explanations.jsonl").read_text().splitlines()]
    assert sorted(p.name for p in (tmp_path / "why").glob("*.png")) == [line["sheet"] for line in lines]
    written = [Explained.model_validate(line["explanation"]) for line in lines]
    assert [e.prediction for e in written] == found
    alone = trained.bundle.prepare(names[0])
    assert written[0].neighbours == to_facts(trained.bundle, explain(trained.bundle, alone)).neighbours
