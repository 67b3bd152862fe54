"""Backgrounds: from a random generator to the place in which a pet is pictured."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from petmood.demo.easel import Colour

_Rng = np.random.Generator
_HAZE: Colour = (226, 224, 220)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An RGB colour from hue, saturation and value, each in 0..1 (the hue wraps)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _gradient(width: int, top: Colour, bottom: Colour) -> Image.Image:
    t = np.linspace(0.0, 1.0, width, dtype=np.float32)[:, None, None]
    rows = np.array(top, dtype=np.float32) * (1 - t) + np.array(bottom, dtype=np.float32) * t
    return Image.fromarray(np.broadcast_to(rows, (width, width, 3)).astype(np.uint8))


def _wash(width: int, rng: _Rng) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    hue = float(rng.uniform())
    top = hsv(hue, float(rng.uniform(0.12, 0.42)), float(rng.uniform(0.78, 0.97)))
    bottom = hsv(hue + float(rng.uniform(-0.09, 0.09)), float(rng.uniform(0.2, 0.55)), float(rng.uniform(0.55, 0.85)))
    image = _gradient(width, top, bottom)
    return image, ImageDraw.Draw(image, "RGBA"), hue


def _bokeh(width: int, rng: _Rng) -> Image.Image:
    image, pen, hue = _wash(width, rng)
    for _ in range(int(rng.integers(18, 34))):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, width), rng.uniform(0.02, 0.1) * width
        colour = hsv(hue + float(rng.uniform(-0.14, 0.14)), 0.3, 1.0)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*colour, int(rng.integers(30, 110))))
    return image.filter(ImageFilter.BoxBlur(width * 0.006))


def _wallpaper(width: int, rng: _Rng) -> Image.Image:
    """Stripes, dots or a check, drawn in a turned frame with some spots left out, so that no two papers match."""
    image, pen, hue = _wash(width, rng)
    kind = int(rng.integers(3))
    colour = hsv(hue + float(rng.uniform(-0.1, 0.1)), float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.7, 1.0)))
    step, angle = float(rng.uniform(0.07, 0.15)) * width, float(rng.uniform(0, math.pi))
    across, along = (
        np.array([math.cos(angle), math.sin(angle)]),
        np.array([-math.sin(angle), math.cos(angle)]),
    )
    reach = int(width / step) + 2
    for i in range(-reach, reach):
        if kind != 1:
            a = width / 2 + i * step * across
            thickness = round(step * float(rng.uniform(0.25, 0.45)))
            ends = [*(a - 2 * width * along), *(a + 2 * width * along)]
            pen.line([float(v) for v in ends], fill=(*colour, 110), width=thickness)
            if kind == 2:
                b = width / 2 + i * step * along
                ends = [*(b - 2 * width * across), *(b + 2 * width * across)]
                pen.line([float(v) for v in ends], fill=(*colour, 90), width=thickness)
            continue
        for j in range(-reach, reach):
            x, y = width / 2 + i * step * across + j * step * along + rng.uniform(-0.12, 0.12, 2) * step
            radius = step * float(rng.uniform(0.12, 0.3))
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*colour, 140))
    return image


def _meadow(width: int, rng: _Rng) -> Image.Image:
    hue = float(rng.uniform(0.2, 0.36))
    image = _gradient(width, hsv(0.56, float(rng.uniform(0.2, 0.5)), 0.97), hsv(0.53, 0.12, 1.0))
    pen = ImageDraw.Draw(image, "RGBA")
    for _ in range(int(rng.integers(2, 6))):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, 0.35) * width, rng.uniform(0.04, 0.09) * width
        for shift in (-1.1, 0.0, 1.1):
            pen.ellipse(
                (x + (shift - 1) * radius, y - radius, x + (shift + 1) * radius, y + radius),
                fill=(255, 255, 255, 190),
            )
    horizon = float(rng.uniform(0.42, 0.7))
    for i in range(3):
        base = horizon + 0.12 * i
        phase, wave = rng.uniform(0, 2 * math.pi), rng.uniform(3, 8)
        xs = np.linspace(0, width, 24)
        ys = width * (base + 0.035 * np.sin(wave * xs / width + phase))
        hill = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        pen.polygon([*hill, (width, width), (0, width)], fill=hsv(hue + 0.015 * i, 0.5, 0.82 - 0.09 * i))
    for _ in range(int(rng.integers(30, 70))):
        x, y = rng.uniform(0, width), rng.uniform(horizon + 0.1, 1.0) * width
        radius = rng.uniform(0.004, 0.012) * width
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=hsv(float(rng.uniform()), 0.35, 1.0))
    return image


def _room(width: int, rng: _Rng) -> Image.Image:
    """A wall with a picture or a window on it, and a floor."""
    image, pen, hue = _wash(width, rng)
    floor = float(rng.uniform(0.66, 0.86)) * width
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(-0.05, 0.95) * width, rng.uniform(-0.05, 0.4) * width
        w, h = rng.uniform(0.14, 0.36, 2) * width
        frame = hsv(float(rng.uniform(0.04, 0.12)), 0.45, float(rng.uniform(0.45, 0.95)))
        pen.rectangle((x, y, x + w, y + h), fill=frame)
        inset = 0.02 * width
        glass = hsv(float(rng.uniform()), 0.3, 0.95)
        pen.rectangle((x + inset, y + inset, x + w - inset, y + h - inset), fill=glass)
    pen.rectangle((0, floor, width, width), fill=hsv(hue + 0.45, 0.35, float(rng.uniform(0.5, 0.75))))
    pen.rectangle((0, floor - 0.02 * width, width, floor), fill=(255, 255, 255, 150))
    return image.filter(ImageFilter.BoxBlur(width * 0.004))


def _plain(width: int, rng: _Rng) -> Image.Image:
    return _wash(width, rng)[0]


SCENES: dict[str, Callable[[int, _Rng], Image.Image]] = {
    "bokeh": _bokeh,
    "wallpaper": _wallpaper,
    "meadow": _meadow,
    "room": _room,
    "plain": _plain,
}


def scene(width: int, rng: _Rng) -> tuple[str, Image.Image]:
    """A background's name and its RGB picture of `width` x `width` pixels."""
    name = list(SCENES)[int(rng.choice(len(SCENES), p=(0.24, 0.24, 0.2, 0.2, 0.12)))]
    sharp = SCENES[name](width, rng)
    # A shallow depth of field and pale colours, as in a portrait: the face stands out.
    blurred = sharp.filter(ImageFilter.BoxBlur(width * float(rng.uniform(0.004, 0.016))))
    return name, Image.blend(blurred, Image.new("RGB", blurred.size, _HAZE), float(rng.uniform(0.25, 0.5)))
