"""Shapes as arrays of points: curves, blobs, tapered strokes and the frame that turns a face's units into pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(n, 2) float64: x to the right, y downwards. In a face's own units its head is about 2 wide, centred on (0, 0)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a face stands in the picture: a point of the face goes to `centre + scale * R(roll) @ (xy + depth * turn)`.

    Attributes:
        x, y: the face's centre in pixels.
        scale: pixels for one unit of the face.
        roll: tilt of the head in radians, clockwise as seen.
        yaw, pitch: how far a part one unit in front of the head shifts sideways and downwards, in units: parallax
            that makes a flat drawing look turned.
    """

    x: float
    y: float
    scale: float
    roll: float
    yaw: float
    pitch: float

    def __call__(self, points: Points, depth: float = 0.0) -> Points:
        """(n, 2) pixels of points in face units that lie `depth` units in front of the head's centre."""
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        moved = points + depth * np.array([self.yaw, self.pitch])
        turned: Points = moved @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned * self.scale + np.array([self.x, self.y]), dtype=np.float64)


def points(*xy: tuple[float, float]) -> Points:
    """(n, 2) from literal pairs."""
    return np.array(xy, dtype=np.float64)


def ellipse(x: float, y: float, rx: float, ry: float, *, power: float = 2.0, n: int = 56) -> Points:
    """(n, 2) outline of a superellipse; `power` 2 is an ellipse, above 2 is squarer."""
    angle = np.linspace(0.0, 2 * math.pi, n, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    rounding = 2.0 / power
    return np.stack(
        [
            x + rx * np.sign(cos) * np.abs(cos) ** rounding,
            y + ry * np.sign(sin) * np.abs(sin) ** rounding,
        ],
        axis=1,
    )


def _catmull_rom(before: Points, start: Points, end: Points, after: Points, steps: int) -> Points:
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (before, start, end, after))
    curve: Points = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return curve.reshape(-1, 2)


def blob(*xy: tuple[float, float], steps: int = 8) -> Points:
    """(len(xy) * steps, 2): a smooth closed curve through the given points."""
    p = points(*xy)
    return _catmull_rom(np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0), steps)


def symmetric(*half: tuple[float, float]) -> Points:
    """A smooth closed curve through the right half's points, from the axis' top to its bottom, and their mirror."""
    return blob(*half, *((-x, y) for x, y in reversed(half) if x != 0.0))


def curve(*xy: tuple[float, float], steps: int = 8) -> Points:
    """((len(xy) - 1) * steps + 1, 2): a smooth open curve through the given points."""
    p = points(*xy)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    return np.concatenate([_catmull_rom(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], steps), p[-1:]])


def mirror(shape: Points) -> Points:
    """The shape on the other side of the face."""
    return np.asarray(shape * np.array([-1.0, 1.0]), dtype=np.float64)


def turn(shape: Points, angle: float, pivot: tuple[float, float]) -> Points:
    """The shape turned clockwise (as seen) by `angle` radians about `pivot`."""
    cos, sin = math.cos(angle), math.sin(angle)
    turned: Points = (shape - np.array(pivot)) @ np.array([[cos, sin], [-sin, cos]])
    return np.asarray(turned + np.array(pivot), dtype=np.float64)


def _normals(line: Points, *, closed: bool) -> Points:
    along = np.roll(line, -1, 0) - np.roll(line, 1, 0) if closed else np.gradient(line, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    return np.asarray(np.stack([-along[:, 1], along[:, 0]], axis=1) / length, dtype=np.float64)


def ribbon(line: Points, width: float, *, ends: float = 0.35) -> Points:
    """The outline of a stroke along `line`: `width` at its middle, tapering to `ends * width` at both ends."""
    t = np.linspace(-1.0, 1.0, len(line))
    half = (0.5 * width * (ends + (1 - ends) * (1 - t**2)))[:, None]
    normals = _normals(line, closed=False)
    return np.concatenate([line + half * normals, (line - half * normals)[::-1]])


def tufted(outline: Points, length: float, rng: np.random.Generator, *, tufts: int = 90) -> Points:
    """A closed outline with hairs: its edge breaks into `tufts` points of random length up to about `length`."""
    ring = np.concatenate([outline, outline[:1]])
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    where = np.linspace(0.0, travelled[-1], 2 * tufts, endpoint=False)
    dense = np.stack([np.interp(where, travelled, ring[:, axis]) for axis in (0, 1)], axis=1)
    normals = _normals(dense, closed=True)
    centre = dense.mean(axis=0)
    outward = np.sign(np.sum(normals * (dense - centre)))
    height = np.where(np.arange(2 * tufts) % 2 == 0, rng.uniform(0.35, 1.0, 2 * tufts), 0.0) * length
    return np.asarray(dense + outward * height[:, None] * normals, dtype=np.float64)


def between(low: float, high: float, t: float) -> float:
    """Linear interpolation: `low` at t = 0, `high` at t = 1."""
    return low + (high - low) * t


def mix(first: Sequence[float], second: Sequence[float], t: float) -> tuple[int, int, int]:
    """A colour between two RGB colours, as three integers in 0..255."""
    red, green, blue = (round(min(255.0, max(0.0, between(a, b, t)))) for a, b in zip(first, second, strict=True))
    return red, green, blue
