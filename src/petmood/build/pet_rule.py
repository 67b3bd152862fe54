"""Features and ImageNet scores of training photos -> the rule for "no pet face here", and its measured mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.build.nonpets import KINDS, VERSION, draw_nonpets
from petmood.bundle import Bundle
from petmood.bundle.schema import ErrorRate, PetRule
from petmood.cache import ContentCache
from petmood.evaluation.statistics import wilson_interval
from petmood.features import Backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.progress import Tick
from petmood.records import FeatureTable, FloatArray, IntArray
from petmood.split import Fold
from petmood.threads import BATCH

NEAREST: Final = 5
_SHARE: Final = 0.01  # of the training photos that each threshold gives up
_DRAWN: Final = 16 * KINDS

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
        away = 1 - unit[known] @ unit[kept(known)].T
        away[known[:, np.newaxis] == kept(known)] = np.inf  # no photo is its own neighbour
        distance = np.sort(away, axis=1)[:, :NEAREST].mean(axis=1)
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


def _distance(unit: FloatArray, known: FloatArray) -> FloatArray:
    return np.asarray(np.sort(1 - unit @ known.T, axis=1)[:, :NEAREST].mean(axis=1))


def _unit(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def drawn_pixels(size: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures without a pet: batches of (n, size, size, 3) uint8."""
    pixels = list(draw_nonpets(_DRAWN, size))
    yield from (np.stack(pixels[i : i + BATCH]) for i in range(0, _DRAWN, BATCH))


def drawn_by(backbone: Backbone, cache: ContentCache, progress: Tick = lambda done, total: None) -> Drawn:
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
        kept = np.concatenate(rows).astype(np.float32).tobytes()
        cache.put(namespace, key, kept)
    both = np.frombuffer(kept, dtype=np.float32).reshape(_DRAWN, -1)
    return both[:, :-N_IMAGENET], both[:, -N_IMAGENET:]


def _rate(pictures: str, wrong: int, n: int) -> ErrorRate:
    return ErrorRate(pictures=pictures, wrong=wrong, n=n, rate=wrong / n, rate_ci=wilson_interval(wrong, n))
