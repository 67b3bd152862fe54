"""Explanations point at what decides: known evidence is planted and found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundle_fixtures import Trained
from petmood.bundle import Bundle, Outputs
from petmood.explain import explain, overlay, sheet
from petmood.explain.explanation import GRID, background, occlusion


class _Spot(Bundle):
    """A model whose first class is the share of white in one part of the picture: its evidence is known."""

    def __init__(self, rows: slice, cols: slice) -> None:
        self.rows, self.cols = rows, cols

    def infer(self, pixels: np.ndarray) -> Outputs:
        share = pixels[:, self.rows, self.cols].mean(axis=(1, 2, 3)).astype(np.float32) / 255
        both = np.stack([share, 1 - share], axis=1)
        return Outputs(both, both, both, None, None)


def picture() -> np.ndarray:
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[16:32, 64:80] = 255
    pixels[48:64, 48:64] = 255
    return pixels


def test_occlusion_finds_the_part_that_decides() -> None:
    model = _Spot(slice(16, 32), slice(64, 80))
    found = occlusion(model, picture(), 0, model.infer(picture()[np.newaxis]))
    assert np.unravel_index(found.argmax(), found.shape) == (1, 4)
    assert found[1, 4] > 0.9
    assert abs(found[5, 1]) < 0.05


@pytest.mark.parametrize(
    ("rows", "cols", "low", "high"),
    [(slice(0, 8), slice(0, 112), 0.9, 1.0), (slice(48, 64), slice(48, 64), 0.0, 0.1)],
    ids=["border", "centre"],
)
def test_the_background_test_tells_border_from_centre(rows: slice, cols: slice, low: float, high: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    pixels[rows, cols] = 255
    model = _Spot(rows, cols)
    found = background(model, pixels, 0, model.infer(pixels[np.newaxis]))
    assert low <= found.reliance <= high


def test_an_explanation_of_a_bundle_is_whole(trained: Trained) -> None:
    path = trained.data / trained.manifest.records[0].path
    prepared = trained.bundle.prepare(path)
    found = explain(trained.bundle, prepared)
    assert found.prediction == trained.bundle.predict(path)[0]
    assert found.mood == found.prediction.mood
    assert found.cam is not None
    assert found.cam.shape == (7, 7)
    assert found.occlusion.shape == (GRID, GRID)
    assert len(found.neighbours) == 5
    assert 0 <= found.background.reliance <= 1
    other = next(name for name in trained.bundle.classes if name != found.mood)
    assert explain(trained.bundle, prepared, mood=other).mood == other
    drawn = sheet(trained.bundle, prepared, found)
    assert drawn.size[0] >= 3 * 224
    assert len(np.unique(np.asarray(drawn).reshape(-1, 3), axis=0)) > 1000


def test_an_overlay_colours_for_and_against() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    values = np.array([[1.0, 0.0], [0.0, -1.0]], np.float32)
    drawn = np.asarray(overlay(grey, values)).astype(int)
    assert drawn[4, 4, 0] > drawn[4, 4, 2] + 50
    assert drawn[60, 60, 2] > drawn[60, 60, 0] + 50


def test_explain_writes_a_sheet_a_picture(trained: Trained, tmp_path: Path) -> None:
    from petmood.workflows.predict import predict

    names = [str(trained.data / trained.manifest.records[i].path) for i in (0, 1)]
    found = list(predict(trained.bundle, names, explain_to=tmp_path / "why"))
    assert len(found) == 2
    assert len(list((tmp_path / "why").glob("*.png"))) == 2
    assert len((tmp_path / "why" / "explanations.jsonl").read_text().splitlines()) == 2
