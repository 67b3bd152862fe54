"""A picture -> views of it: plain, mirrored, and drawn at random, mildly or strongly, from its content and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from petmood import images
from petmood.pictures import Pictures
from petmood.progress import Tick, silent
from petmood.records import ImageRecord, Manifest
from petmood.threads import streamed

AUGMENT_VERSION: Final = 1
"""Raise it when what a strong view looks like changes: it is part of cache keys."""

_GREY: Final = (127, 127, 127)
_Operation = Callable[[Image.Image, float], Image.Image]
Augment = Callable[[Image.Image, np.random.Generator, int], NDArray[np.uint8]]
"""(picture, what draws, side) -> (side, side, 3) uint8."""


def augment(picture: Image.Image, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: a random crop (half the area or more), mirrored, turned a little, recoloured."""
    width, height = picture.size
    area, ratio = rng.uniform(0.5, 1.0), float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    side_x, side_y = min(1.0, (area * ratio) ** 0.5), min(1.0, (area / ratio) ** 0.5)
    left, top = rng.uniform(0, 1 - side_x) * width, rng.uniform(0, 1 - side_y) * height
    box = (left, top, left + side_x * width, top + side_y * height)
    turned = picture.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR, fillcolor=(127, 127, 127))
    image = turned.resize((size, size), Image.Resampling.BICUBIC, box=box)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(rng.uniform(0.7, 1.3))
    return np.asarray(image)


_OPERATIONS: Final[tuple[_Operation, ...]] = (
    lambda image, strength: ImageOps.autocontrast(image),
    lambda image, strength: ImageOps.equalize(image),
    lambda image, strength: ImageOps.posterize(image, 8 - round(4 * abs(strength))),
    lambda image, strength: ImageOps.solarize(image, round(255 * (1 - 0.5 * abs(strength)))),
    lambda image, strength: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * strength),
    lambda image, strength: image.rotate(30 * strength, Image.Resampling.BILINEAR, fillcolor=_GREY),
    lambda image, strength: _sheared(image, (1, 0.3 * strength, 0, 0, 1, 0)),
    lambda image, strength: _sheared(image, (1, 0, 0, 0.3 * strength, 1, 0)),
    lambda image, strength: _sheared(image, (1, 0, 0.2 * strength * image.width, 0, 1, 0)),
    lambda image, strength: _sheared(image, (1, 0, 0, 0, 1, 0.2 * strength * image.height)),
)
"""What RandAugment draws from; strengths are between -1 and 1. Brightness, contrast and colour are in `augment`."""


def _sheared(image: Image.Image, matrix: tuple[float, float, float, float, float, float]) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=_GREY)


def rand_augment(picture: Image.Image, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: `augment`, then two operations drawn with their strengths (Cubuk and others 2020)."""
    image = Image.fromarray(augment(picture, rng, size))
    for number in rng.integers(0, len(_OPERATIONS), 2):
        image = _OPERATIONS[number](image, float(rng.uniform(-1, 1)))
    return np.asarray(image)


def views_of(
    record: ImageRecord, pictures: Pictures, size: int, views: int, draw: str, augmented: Augment = augment
) -> Iterator[NDArray[np.uint8]]:
    """(size, size, 3) uint8 views of an image: itself, its mirror image, and others that are drawn.

    What is drawn follows from the image's bytes and from `draw`, which names the kind of views and its version.
    """
    picture = pictures.picture(record, size)
    plain = images.resize(picture, size)
    yield from (plain, plain[:, ::-1])
    rng = np.random.default_rng(int(hashlib.sha256(f"{draw}/{record.sha256}".encode()).hexdigest()[:16], 16))
    for _ in range(views - 2):
        yield augmented(picture, rng, size)


def pixel_views(
    manifest: Manifest, pictures: Pictures, size: int, views: int, *, progress: Tick = silent
) -> NDArray[np.uint8]:
    """(n_images, views, size, size, 3) uint8: the image, its mirror image, and strong random views of it.

    The random views of an image follow from its content alone.

    Args:
        manifest: which images.
        pictures: reads them.
        size: side in pixels.
        views: 2 or more.
        progress: called with (images done, images to do).
    """
    made = np.empty((len(manifest), views, size, size, 3), dtype=np.uint8)

    def fill(i: int) -> None:
        draw = f"strong/{AUGMENT_VERSION}"
        for view, pixels in enumerate(views_of(manifest.records[i], pictures, size, views, draw, rand_augment)):
            made[i, view] = pixels

    for done, _ in enumerate(streamed(range(len(manifest)), fill), 1):
        progress(done, len(manifest))
    return made
