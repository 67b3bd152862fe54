"""Features and ImageNet scores of training photos -> the rule for "no pet face here", and its measured mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from petmood.bundle import Bundle
from petmood.bundle.schema import ErrorRate, PetRule
from petmood.cache import ContentCache
from petmood.evaluation.statistics import wilson_interval
from petmood.features import Backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.progress import Tick, silent
from petmood.records import FeatureTable, FloatArray, IntArray
from petmood.split import Fold
from petmood.threads import BATCH

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

NEAREST: Final = 5
_SHARE: Final = 0.01  # of the training photos that each threshold gives up
_DRAWN: Final = 16 * KINDS
_CELLS: Final = 2**23  # distances held at once

Drawn = tuple[FloatArray, FloatArray]
"""(n, dim) features and (n, 1000) ImageNet scores."""


def pet_rule(
    features: FeatureTable,
    folds: Iterable[tuple[IntArray, IntArray]],
    drawn: Callable[[], Drawn],
    *,
    kept: Callable[[IntArray], IntArray] = lambda rows: rows,
    missed_in: str = "by grouped cross-validation",
) -> PetRule | None:
    """Thresholds that give up a hundredth of the fitted photos each; None without ImageNet scores or enough photos.

    Args:
        features: of the fitted photos, one a family, with the scores of a network's own ImageNet head.
        folds: rows that are known and rows that are judged: each photo is judged by thresholds and training photos
            that know nothing of it.
        drawn: gives features and scores of `drawn_pixels`, made as those of the photos were.
        kept: which of some rows a bundle keeps, to tell by them how far a picture is from all.
        missed_in: how `folds` came about, for people to read.
    """
    rows = np.arange(len(features.vectors))
    if features.logits is None or features.logits.shape[1] != N_IMAGENET or len(kept(rows)) <= 2 * NEAREST:
        return None
    mass = animal_mass(features.logits)
    unit = _unit(features.vectors)

    def thresholds(known: IntArray) -> tuple[float, float]:
        distance = _distance(unit[known], unit[kept(known)], known, kept(known))
        return float(np.quantile(mass[known], _SHARE)), float(np.quantile(distance, 1 - _SHARE))

    missed, judged = 0, 0
    for known, rest in folds:
        seen = _pets(mass[rest], _distance(unit[rest], unit[kept(known)]), *thresholds(known))
        missed, judged = missed + int((~seen).sum()), judged + len(rest)
    drawn_features, drawn_logits = drawn()
    min_mass, max_distance = thresholds(rows)
    distance = _distance(_unit(drawn_features), unit[kept(rows)])
    taken = int(_pets(animal_mass(drawn_logits), distance, min_mass, max_distance).sum())
    return PetRule(
        min_mass=min_mass,
        max_distance=max_distance,
        nearest=NEAREST,
        missed=_rate(f"photos of pets taken for none, {missed_in}", missed, judged),
        accepted=_rate("drawn pictures without a pet taken for one", taken, _DRAWN),
    )


def drawn_through(bundle: Bundle) -> Drawn:
    """Features and ImageNet scores that the graph of a bundle gives the drawn pictures."""
    parts = [bundle.infer(pixels) for pixels in drawn_pixels(bundle.size)]
    scores = [p.imagenet for p in parts if p.imagenet is not None]
    return np.concatenate([p.features for p in parts]), np.concatenate(scores).reshape(-1, N_IMAGENET)


def known_and_judged(folds: Iterable[Fold], n: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Of each fold, the rows outside those that it judges, of n in all, and these."""
    for fold in folds:
        yield np.setdiff1d(np.arange(n), fold.evaluate), fold.evaluate


def animal_mass(logits: FloatArray) -> NDArray[np.float64]:
    """(n,) float64 in [0, 1]: the probability that an ImageNet head gives to all groups of pets."""
    return np.asarray(1 - species_probabilities(logits)[:, SPECIES.index("other")])


def _pets(mass: NDArray[np.float64], distance: FloatArray, min_mass: float, max_distance: float) -> NDArray[np.bool_]:
    return np.asarray((mass >= min_mass) & (distance <= max_distance))


def _distance(
    unit: FloatArray, known: FloatArray, rows: IntArray | None = None, known_rows: IntArray | None = None
) -> FloatArray:
    """(n,) mean distance to the nearest of those known; with the rows of both, no photo is its own neighbour."""
    found = np.empty(len(unit), dtype=np.float32)
    step = max(1, _CELLS // len(known))
    for start in range(0, len(unit), step):
        part = slice(start, start + step)
        away = 1 - unit[part] @ known.T
        if rows is not None and known_rows is not None:
            away[rows[part, np.newaxis] == known_rows] = np.inf
        found[part] = np.sort(away, axis=1)[:, :NEAREST].mean(axis=1)
    return found


def _unit(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def drawn_pixels(size: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures without a pet: batches of (n, size, size, 3) uint8."""
    pixels = list(draw_nonpets(_DRAWN, size))
    yield from (np.stack(pixels[i : i + BATCH]) for i in range(0, _DRAWN, BATCH))


def drawn_by(backbone: Backbone, cache: ContentCache, progress: Tick = silent) -> Drawn:
    """Features and ImageNet scores that a backbone gives the drawn pictures."""
    namespace, key = f"nonpets/v{VERSION}/{backbone.key}", str(_DRAWN)
    kept = cache.get(namespace, key)
    if kept is None:
        session = open_session(backbone)
        parts: list[tuple[FloatArray, FloatArray | None]] = []
        for pixels in drawn_pixels(backbone.preprocess.size):
            progress(len(parts) * BATCH, _DRAWN)
            parts.append(embed_batch(session, backbone, pixels))
        rows = [np.concatenate([vectors, logits], axis=1) for vectors, logits in parts if logits is not None]
        kept = cache.first(namespace, key, np.concatenate(rows).astype(np.float32).tobytes())
    both = np.frombuffer(kept, dtype=np.float32).reshape(_DRAWN, -1)
    return both[:, :-N_IMAGENET], both[:, -N_IMAGENET:]


def _rate(pictures: str, wrong: int, n: int) -> ErrorRate:
    return ErrorRate(pictures=pictures, wrong=wrong, n=n, rate=wrong / n, rate_ci=wilson_interval(wrong, n))
