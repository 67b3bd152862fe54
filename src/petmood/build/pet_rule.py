"""Features and ImageNet scores of training photos -> the rule for "no pet face here", and its measured mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.build.nonpets import KINDS, VERSION, draw_nonpets
from petmood.bundle.schema import ErrorRate, PetRule
from petmood.cache import ContentCache
from petmood.evaluation.statistics import wilson_interval
from petmood.features import Backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.split import Fold
from petmood.threads import BATCH

NEAREST: Final = 5
_SHARE: Final = 0.01  # of the training photos that each threshold gives up
_DRAWN: Final = 16 * KINDS

Drawn = tuple[FloatArray, FloatArray]
"""(n, dim) features and (n, 1000) ImageNet scores."""


def pet_rule(
    manifest: Manifest, features: FeatureTable, drawn: Callable[[], Drawn], folds: Iterable[Fold]
) -> PetRule | None:
    """Thresholds that give up a hundredth of the fitted photos each; None without ImageNet scores or enough photos.

    Args:
        manifest: the fitted records alone.
        features: of those records, with the scores of a network's own ImageNet head.
        drawn: gives features and scores of `drawn_pixels`, made as those of the records were.
        folds: partitions of the photos, by which missed pets are counted: each photo is judged by thresholds and
            training photos that know nothing of it.
    """
    photos = manifest.photo_index
    if features.logits is None or features.logits.shape[1] != N_IMAGENET or len(photos) <= 2 * NEAREST:
        return None
    mass = animal_mass(features.logits)
    unit = _unit(features.vectors)
    min_mass, max_distance = _thresholds(mass[photos], unit[photos])
    missed = 0
    for fold in folds:
        known = np.setdiff1d(photos, fold.evaluate)
        low, high = _thresholds(mass[known], unit[known])
        seen = _pets(mass[fold.evaluate], _distance(unit[fold.evaluate], unit[known]), low, high)
        missed += int((~seen).sum())
    drawn_features, drawn_logits = drawn()
    distance = _distance(_unit(drawn_features), unit[photos])
    taken = int(_pets(animal_mass(drawn_logits), distance, min_mass, max_distance).sum())
    return PetRule(
        min_mass=min_mass,
        max_distance=max_distance,
        nearest=NEAREST,
        missed=_rate("photos of pets taken for none, by grouped cross-validation", missed, len(photos)),
        accepted=_rate("drawn pictures without a pet taken for one", taken, _DRAWN),
    )


def animal_mass(logits: FloatArray) -> NDArray[np.float64]:
    """(n,) float64 in [0, 1]: the probability that an ImageNet head gives to all groups of pets."""
    return np.asarray(1 - species_probabilities(logits)[:, SPECIES.index("other")])


def _thresholds(mass: NDArray[np.float64], unit: FloatArray) -> tuple[float, float]:
    away = 1 - unit @ unit.T
    np.fill_diagonal(away, np.inf)
    distance = np.sort(away, axis=1)[:, :NEAREST].mean(axis=1)
    return float(np.quantile(mass, _SHARE)), float(np.quantile(distance, 1 - _SHARE))


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


def drawn_by(backbone: Backbone, cache: ContentCache) -> Drawn:
    """Features and ImageNet scores that a backbone gives the drawn pictures."""
    namespace, key = f"nonpets/v{VERSION}/{backbone.key}", str(_DRAWN)
    kept = cache.get(namespace, key)
    if kept is None:
        session = open_session(backbone)
        parts = [embed_batch(session, backbone, pixels) for pixels in drawn_pixels(backbone.preprocess.size)]
        rows = [np.concatenate([vectors, logits], axis=1) for vectors, logits in parts if logits is not None]
        kept = np.concatenate(rows).astype(np.float32).tobytes()
        cache.put(namespace, key, kept)
    both = np.frombuffer(kept, dtype=np.float32).reshape(_DRAWN, -1)
    return both[:, :-N_IMAGENET], both[:, -N_IMAGENET:]


def _rate(pictures: str, wrong: int, n: int) -> ErrorRate:
    return ErrorRate(pictures=pictures, wrong=wrong, n=n, rate=wrong / n, rate_ci=wilson_interval(wrong, n))
