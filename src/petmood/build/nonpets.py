"""A seed -> pictures that show no pet: drawn landscapes, rooms, pages, plates, cars, lights, textures and people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

VERSION: Final = 1
"""Raise it when the pictures change."""

_SIDE: Final = 256
_Draw = Callable[[ImageDraw.ImageDraw, np.random.Generator], None]


def draw_nonpets(count: int, size: int, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """`count` pictures, (size, size, 3) uint8 RGB, kind after kind in turn; the same seed draws the same pictures."""
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        image = Image.new("RGB", (_SIDE, _SIDE), _colour(rng, 120, 255))
        _KINDS[i % len(_KINDS)](ImageDraw.Draw(image), rng)
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5))))
        grain = rng.normal(0, rng.uniform(2, 12), (_SIDE, _SIDE, 3))
        noisy = np.clip(np.asarray(image, dtype=np.float64) + grain, 0, 255).astype(np.uint8)
        yield np.asarray(Image.fromarray(noisy).resize((size, size), Image.Resampling.LANCZOS))


def _colour(rng: np.random.Generator, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    red, green, blue = rng.integers(low, high + 1, 3).tolist()
    return red, green, blue


def _box(rng: np.random.Generator, low: float = 10, high: float = 90) -> tuple[float, float, float, float]:
    x, y = rng.uniform(-20, _SIDE - 20, 2)
    width, height = rng.uniform(low, high, 2)
    return float(x), float(y), float(x + width), float(y + height)


def _landscape(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    top, bottom = np.array(_colour(rng, 60, 200)), np.array(_colour(rng, 150, 255))
    for y in range(_SIDE):
        draw.line([(0, y), (_SIDE, y)], fill=tuple((top + (bottom - top) * y / _SIDE).astype(int).tolist()))
    for _ in range(int(rng.integers(2, 5))):
        base, height, phase = rng.uniform(110, 230), rng.uniform(10, 60), rng.uniform(0, 6)
        wave = [(x, base - height * math.sin(x / rng.uniform(38, 42) + phase)) for x in range(0, _SIDE + 8, 8)]
        draw.polygon([(0, _SIDE), *wave, (_SIDE, _SIDE)], fill=_colour(rng, 20, 170))


def _room(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, int(rng.uniform(150, 200)), _SIDE, _SIDE), fill=_colour(rng, 60, 160))
    for _ in range(int(rng.integers(4, 9))):
        draw.rectangle(_box(rng, 20, 130), fill=_colour(rng), outline=_colour(rng, 0, 80), width=3)


def _page(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((8, 8, _SIDE - 8, _SIDE - 8), fill=(250, 250, 245))
    for y in range(20, _SIDE - 20, int(rng.integers(9, 16))):
        x = 20.0
        while x < _SIDE - 50:
            width = rng.uniform(6, 34)
            draw.rectangle((x, y, x + width, y + 4), fill=_colour(rng, 0, 70))
            x += width + 5


def _plate(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.ellipse((28, 28, 228, 228), fill=(240, 240, 240), outline=_colour(rng, 120, 200), width=6)
    for _ in range(int(rng.integers(6, 22))):
        x, y = rng.normal(128, 32, 2)
        radius = rng.uniform(6, 26)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius * rng.uniform(0.5, 1)), fill=_colour(rng))


def _car(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 180, _SIDE, _SIDE), fill=_colour(rng, 60, 120))
    paint = _colour(rng)
    draw.rectangle((30, 120, 226, 185), fill=paint)
    draw.polygon([(70, 120), (95, 80), (170, 80), (195, 120)], fill=paint)
    draw.polygon([(80, 118), (100, 88), (165, 88), (184, 118)], fill=(190, 215, 230))
    for x in (75, 180):
        draw.ellipse((x - 24, 160, x + 24, 208), fill=(25, 25, 25))
        draw.ellipse((x - 10, 174, x + 10, 194), fill=(170, 170, 170))


def _lights(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((0, 0, _SIDE, _SIDE), fill=_colour(rng, 0, 30))
    for _ in range(int(rng.integers(20, 70))):
        x, y, radius = rng.uniform(0, _SIDE), rng.uniform(0, _SIDE), rng.uniform(2, 14)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 120, 255))


def _texture(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    step, slant = int(rng.integers(8, 32)), float(rng.uniform(-60, 60))
    for x in range(-80, _SIDE + 80, step):
        draw.line([(x, 0), (x + slant, _SIDE)], fill=_colour(rng), width=int(rng.integers(2, step + 2)))
    if rng.random() < 0.5:
        for y in range(0, _SIDE, step):
            draw.line([(0, y), (_SIDE, y)], fill=_colour(rng), width=int(rng.integers(2, 8)))


def _person(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    skin = tuple((np.array((235, 195, 165)) * rng.uniform(0.4, 1)).astype(int).tolist())
    draw.rectangle((60, 190, 196, _SIDE), fill=_colour(rng))
    draw.ellipse((78, 40, 178, 190), fill=skin)
    draw.pieslice((74, 30, 182, 140), 180, 360, fill=_colour(rng, 10, 120))
    for x in (106, 150):
        draw.ellipse((x - 9, 105, x + 9, 117), fill=(250, 250, 250))
        draw.ellipse((x - 4, 107, x + 4, 116), fill=(50, 35, 25))
    draw.line([(128, 118), (122, 142), (132, 144)], fill=(120, 80, 60), width=2)
    draw.arc((106, 138, 150, 168), 20, 160, fill=(150, 60, 60), width=4)


_KINDS: Final[tuple[_Draw, ...]] = (_landscape, _room, _page, _plate, _car, _lights, _texture, _person)
KINDS: Final = len(_KINDS)
"""How many kinds of pictures there are."""
