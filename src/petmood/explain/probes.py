"""A picture -> changed copies of it, and the model's answers to these -> occlusion map and background test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from petmood.bundle.headline import say

if TYPE_CHECKING:
    from petmood.explain.explanation import Background

GRID: Final = 7
"""Places of the occlusion map along each side: as many as the class activation map of a 224-pixel backbone has."""

FACE: Final = 0.8
"""Axes of the ellipse taken for the face, as shares of the side; its area is half of the picture's."""

_STILL: Final = 0.05  # total variation under which hiding a part is said to change nothing


def covered(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(GRID * GRID, size, size, 3) uint8: the picture with one part after another covered by its mean colour.

    Each cover is one and a half times as wide as its place, so that what lies on a border is covered at some place.

    Args:
        pixels: (size, size, 3) uint8 RGB.
    """
    mean = pixels.mean(axis=(0, 1)).astype(np.uint8)
    step = len(pixels) / GRID
    found = np.repeat(pixels[np.newaxis], GRID * GRID, axis=0)
    for place in range(GRID * GRID):
        row, col = divmod(place, GRID)
        top, left = (max(0, round((i - 0.25) * step)) for i in (row, col))
        bottom, right = (round((i + 1.25) * step) for i in (row, col))
        found[place, top:bottom, left:right] = mean
    return found


def occlusion(whole: NDArray[np.float32], probabilities: NDArray[np.float32], column: int) -> NDArray[np.float32]:
    """(GRID, GRID) float32: probability of a class lost when a part is covered.

    Args:
        whole: (n_classes,) probabilities of the picture.
        probabilities: (GRID * GRID, n_classes) of the pictures of `covered`.
        column: index of the class.
    """
    lost: NDArray[np.float32] = (whole[column] - probabilities[:, column]).astype(np.float32)
    return lost.reshape(GRID, GRID)


def hidden(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(3, size, size, 3) uint8: background blurred, background masked, face masked; mean colour masks.

    Args:
        pixels: (size, size, 3) uint8 RGB.
    """
    size = len(pixels)
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    inside = (axis[:, np.newaxis] ** 2 + axis[np.newaxis] ** 2 <= FACE**2)[..., np.newaxis]
    blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(size / 16)))
    mean = np.broadcast_to(pixels.mean(axis=(0, 1)).astype(np.uint8), pixels.shape)
    return np.stack([np.where(inside, pixels, blurred), np.where(inside, pixels, mean), np.where(inside, mean, pixels)])


def background(whole: NDArray[np.float32], probabilities: NDArray[np.float32], column: int) -> Background:
    """The background test.

    Args:
        whole: (n_classes,) probabilities of the picture.
        probabilities: (3, n_classes) of the pictures of `hidden`.
        column: index of the explained class.
    """
    from petmood.explain.explanation import Background  # which imports this

    without_background, without_face = (float(np.abs(whole - probabilities[i]).sum() / 2) for i in (1, 2))
    moved = without_background + without_face
    reliance = without_background / moved if moved else 0.0
    return Background(
        probability=float(whole[column]),
        background_blurred=float(probabilities[0, column]),
        background_masked=float(probabilities[1, column]),
        face_masked=float(probabilities[2, column]),
        reliance=reliance,
        sentence=_sentence(without_background, without_face, reliance),
    )


def _sentence(without_background: float, without_face: float, reliance: float) -> str:
    if max(without_background, without_face) < _STILL:
        return say("background.neither")
    if reliance < 1 / 3:
        return say("background.face")
    return say("background.both" if reliance <= 2 / 3 else "background.leans")
