"""One portrait: from a species, a mood and a seed to a finished picture and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from petmood.demo.easel import SUPERSAMPLING, Easel
from petmood.demo.geometry import Frame
from petmood.demo.moods import express
from petmood.demo.scenes import scene
from petmood.demo.species import PAINTERS

_PLACE = {
    "dog": (0.33, 0.54),
    "cat": (0.322, 0.58),
    "rabbit": (0.275, 0.65),
    "hamster": (0.325, 0.54),
    "bird": (0.325, 0.56),
}
"""Scale (of the picture's width for one unit of the face) and height of the face's centre that show a species well."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A drawn face: the RGB picture, and its variant of the mood and background by name."""

    image: Image.Image
    variant: str
    scene: str


def draw_portrait(species: str, mood: str, strength: float, size: int, rng: np.random.Generator) -> Portrait:
    """Draw a face of `size` x `size` pixels; `strength` in 0..1 is how clearly it shows its mood."""
    variant, expression = express(mood, strength, rng)
    place, background = scene(size * SUPERSAMPLING, rng)
    width = background.width
    scale, height = _PLACE[species]
    frame = Frame(
        x=width * float(0.5 + rng.normal(0, 0.035)),
        y=width * float(height + rng.normal(0, 0.025)),
        scale=width * scale * float(rng.uniform(0.9, 1.1)),
        roll=float(np.clip(rng.normal(0, 0.13), -0.3, 0.3)),
        yaw=float(np.clip(rng.normal(0, 0.09), -0.2, 0.2)),
        pitch=0.13 * expression.nod + float(rng.normal(0, 0.03)),
    )
    easel = Easel(background, frame, rng, fur=float(rng.uniform(0.6, 1.3)))
    PAINTERS[species](easel, expression, rng)
    return Portrait(_photographed(easel.finished(size), rng), variant, place)


def _photographed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture under some light, by a camera with some noise."""
    light = float(rng.normal(1.0, 0.05)) * (1 + rng.normal(0, 0.025, 3))
    noise = rng.standard_normal((image.height, image.width, 1), dtype=np.float32) * float(rng.uniform(0.5, 2.0))
    pixels = np.asarray(image, dtype=np.float32) * light.astype(np.float32) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
