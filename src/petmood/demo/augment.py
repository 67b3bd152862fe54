"""Offline augmentation as careless data sets do it: a photo and a random generator -> a copy and how it was made."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageEnhance

from petmood.demo.truth import Transform

_SMALL = 179 / 224
"""Some copies are smaller than their photo, as in the real data, where 179 stands beside 224."""


def draw_transform(size: int, rng: np.random.Generator) -> Transform:
    """A random transform of a photo of `size` x `size` pixels that changes at least one thing."""
    rotate = round(float(rng.uniform(3, 14) * rng.choice((-1, 1))), 2) if rng.uniform() < 0.45 else 0.0
    crop = None
    if rng.uniform() < 0.55:
        side = float(rng.uniform(0.78, 0.94))
        left, top = rng.uniform(0, 1 - side, 2)
        edges = (float(left), float(top), float(left) + side, float(top) + side)
        crop = (round(edges[0], 4), round(edges[1], 4), round(edges[2], 4), round(edges[3], 4))
    brightness = round(float(rng.uniform(0.7, 1.3)), 3) if rng.uniform() < 0.5 else 1.0
    plain = not rotate and crop is None and brightness == 1.0
    return Transform(
        flip=bool(rng.uniform() < 0.5) or plain,
        rotate=rotate,
        crop=crop,
        size=round(size * _SMALL) if rng.uniform() < 0.5 else size,
        brightness=brightness,
    )


def augmented(photo: Image.Image, transform: Transform) -> Image.Image:
    """The square RGB photo, transformed."""
    image = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if transform.flip else photo
    if transform.rotate:
        image = image.rotate(transform.rotate, Image.Resampling.BICUBIC)
        angle = math.radians(abs(transform.rotate))
        margin = (1 - 1 / (math.cos(angle) + math.sin(angle))) / 2
        image = _cropped(image, (margin, margin, 1 - margin, 1 - margin))
    if transform.crop is not None:
        image = _cropped(image, transform.crop)
    image = image.resize((transform.size, transform.size), Image.Resampling.LANCZOS)
    return image if transform.brightness == 1.0 else ImageEnhance.Brightness(image).enhance(transform.brightness)


def _cropped(image: Image.Image, edges: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = edges
    box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    return image.crop((math.ceil(box[0]), math.ceil(box[1]), math.floor(box[2]), math.floor(box[3])))
