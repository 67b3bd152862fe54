"""A bundle and a prepared picture -> class activation map, occlusion map, background test and nearest photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from petmood.bundle import Bundle, Neighbour, Outputs, Prediction, Prepared

GRID: Final = 7
"""Places of the occlusion map along each side: as many as the class activation map of a 224-pixel backbone has."""

FACE: Final = 0.8
"""Axes of the ellipse taken for the face, as shares of the side; its area is half of the picture's."""

_BATCH: Final = 32


@dataclass(frozen=True)
class Background:
    """How much an answer leans on what is around the face, taken to be in a centred ellipse (`FACE`).

    Attributes:
        probability: of the explained class in the whole picture.
        background_blurred: the same with everything outside the ellipse blurred.
        background_masked: the same with it replaced by the picture's mean colour.
        face_masked: the same with the inside of the ellipse replaced instead.
        reliance: in [0, 1]: how far the probabilities of all classes move (total variation) when the background is
            masked, as a share of that and of how far they move when the face is. 0.5 says that both matter alike.
    """

    probability: float
    background_blurred: float
    background_masked: float
    face_masked: float
    reliance: float


@dataclass(frozen=True)
class Explanation:
    """Why a picture was read as it was.

    Attributes:
        prediction: the answer.
        mood: the class that is explained.
        cam: (h, w) float32: evidence for the class at each place; its mean is the class's score. None where the model
            has no such map.
        occlusion: (GRID, GRID) float32: how much of the class's probability is lost when that part is covered.
        background: the background test.
        neighbours: the nearest training photos, nearest first.
    """

    prediction: Prediction
    mood: str
    cam: NDArray[np.float32] | None
    occlusion: NDArray[np.float32]
    background: Background
    neighbours: tuple[Neighbour, ...]


def explain(bundle: Bundle, prepared: Prepared, *, mood: str | None = None, count: int = 5) -> Explanation:
    """Explain one answer; it takes about 50 inferences.

    Args:
        bundle: the model.
        prepared: the picture, from `Bundle.prepare`.
        mood: the class to explain; the most probable one if None.
        count: of nearest training photos.

    Raises:
        ModelError: the picture was prepared for another size.
        ValueError: the model has no such class.
    """
    outputs = bundle.infer(prepared.pixels[np.newaxis])
    prediction = bundle.judge([prepared], outputs)[0]
    chosen = prediction.mood if mood is None else mood
    column = bundle.classes.index(chosen)
    return Explanation(
        prediction=prediction,
        mood=chosen,
        cam=None if outputs.cam is None else outputs.cam[0, column],
        occlusion=occlusion(bundle, prepared.pixels, column, outputs),
        background=background(bundle, prepared.pixels, column, outputs),
        neighbours=tuple(bundle.neighbours(outputs.features, count)[0]),
    )


def occlusion(bundle: Bundle, pixels: NDArray[np.uint8], column: int, outputs: Outputs) -> NDArray[np.float32]:
    """(GRID, GRID) float32: probability of a class lost when a part is covered with the picture's mean colour.

    Each cover is one and a half times as wide as its place, so that what lies on a border is covered at some place.

    Args:
        bundle: the model.
        pixels: (size, size, 3) uint8 RGB.
        column: index of the class.
        outputs: of the model for these pixels.
    """
    size = len(pixels)
    mean = pixels.mean(axis=(0, 1)).astype(np.uint8)
    step = size / GRID
    covered = np.repeat(pixels[np.newaxis], GRID * GRID, axis=0)
    for place in range(GRID * GRID):
        row, col = divmod(place, GRID)
        top, left = (max(0, round((i - 0.25) * step)) for i in (row, col))
        bottom, right = (round((i + 1.25) * step) for i in (row, col))
        covered[place, top:bottom, left:right] = mean
    kept = _probabilities(bundle, covered)[:, column]
    lost: NDArray[np.float32] = (outputs.probabilities[0, column] - kept).astype(np.float32)
    return lost.reshape(GRID, GRID)


def background(bundle: Bundle, pixels: NDArray[np.uint8], column: int, outputs: Outputs) -> Background:
    """Blur and mask what is outside of the face's ellipse, mask what is inside, and see what is left of the answer.

    Args:
        bundle: the model.
        pixels: (size, size, 3) uint8 RGB.
        column: index of the class.
        outputs: of the model for these pixels.
    """
    size = len(pixels)
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    inside = (axis[:, np.newaxis] ** 2 + axis[np.newaxis] ** 2 <= FACE**2)[..., np.newaxis]
    blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(size / 16)))
    mean = np.broadcast_to(pixels.mean(axis=(0, 1)).astype(np.uint8), pixels.shape)
    changed = np.stack(
        [np.where(inside, pixels, blurred), np.where(inside, pixels, mean), np.where(inside, mean, pixels)]
    )
    whole = outputs.probabilities[0]
    found = _probabilities(bundle, changed)
    without_background, without_face = (float(np.abs(whole - found[i]).sum() / 2) for i in (1, 2))
    moved = without_background + without_face
    return Background(
        probability=float(whole[column]),
        background_blurred=float(found[0, column]),
        background_masked=float(found[1, column]),
        face_masked=float(found[2, column]),
        reliance=without_background / moved if moved else 0.0,
    )


def _probabilities(bundle: Bundle, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    parts = [bundle.infer(pixels[i : i + _BATCH]).probabilities for i in range(0, len(pixels), _BATCH)]
    return np.concatenate(parts)
