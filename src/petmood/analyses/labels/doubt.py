"""Labels and out-of-fold probabilities of several models -> how doubtful each label is, and how many may be wrong."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.labels.facts import NoiseEstimate
from petmood.errors import DataError, require_extra
from petmood.evaluation.statistics import wilson_interval
from petmood.labels import read_labels
from petmood.records import FloatArray, IntArray, Manifest


@dataclass(frozen=True)
class Doubts:
    """How doubtful n labels are.

    Attributes:
        quality: (n,) float64 in [0, 1]: low where models trust the given label little.
        order: (n,) int64: most doubtful first.
        suggested: (n,) int64: the class with the highest mean probability among the others than the given one.
        mean: (n, n_classes) float64: probabilities averaged over the models.
        votes: (n,) int64: models whose first choice is the suggested class.
        flagged: (n,) bool: the confident joint puts the photo off the diagonal.
        models: how many were asked.
    """

    quality: NDArray[np.float64]
    order: IntArray
    suggested: IntArray
    mean: NDArray[np.float64]
    votes: IntArray
    flagged: NDArray[np.bool_]
    models: int


def find_doubts(labels: IntArray, probabilities: Sequence[NDArray[np.float64]]) -> Doubts:
    """Rank labels by confident learning (Northcutt, Jiang and Chuang 2021) with cleanlab, over several models.

    A photo's quality is the normalised margin of its given label in the probabilities averaged over models: averaging
    cancels what one model alone gets wrong.

    Args:
        labels: (n,) given class indices; every class occurs.
        probabilities: for each model (n, n_classes) probabilities of each photo by a model that never saw its family.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    with _quiet_cleanlab():
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        mean = _normalised(np.mean(list(probabilities), axis=0))
        quality = get_label_quality_scores(labels, mean, method="normalized_margin")
        flagged = find_label_issues(labels, mean, filter_by="confident_learning", n_jobs=1)
    others = mean.copy()
    others[np.arange(len(labels)), labels] = -1
    suggested = others.argmax(axis=1)
    return Doubts(
        quality=np.asarray(quality, dtype=np.float64),
        order=np.argsort(quality, kind="stable").astype(np.int64),
        suggested=suggested.astype(np.int64),
        mean=mean,
        votes=np.sum([p.argmax(axis=1) == suggested for p in probabilities], axis=0).astype(np.int64),
        flagged=np.asarray(flagged, dtype=np.bool_),
        models=len(probabilities),
    )


def noise_rate(labels: IntArray, mean: NDArray[np.float64]) -> float:
    """Estimate the share of wrong labels: the mass off the diagonal of cleanlab's calibrated confident joint.

    The estimate takes a photo for wrong where models are as sure of another class as they are, on average, of photos
    that carry that class. It holds if the label noise depends on the class alone and the models' errors are not
    confident; a weak model is unsure of everything and then errors of the model count as noise.

    Args:
        labels: (n,) given class indices.
        mean: (n, n_classes) out-of-fold probabilities.
    """
    with _quiet_cleanlab():
        return _off_diagonal(labels, mean)


def noise_draws(labels: IntArray, mean: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same estimate on photos drawn anew; models are not fitted again.

    Args:
        labels: (n,) given class indices.
        mean: (n, n_classes) out-of-fold probabilities.
        counts: (draws, n) how often each photo is drawn.

    Returns:
        (<= draws,) float64; draws that miss a class are left out.
    """
    found = []
    with _quiet_cleanlab():
        for drawn in counts:
            rows = np.repeat(np.arange(len(labels)), drawn.astype(np.int64))
            if len(np.unique(labels[rows])) == mean.shape[1]:
                found.append(_off_diagonal(labels[rows], mean[rows]))
    return np.array(found, dtype=np.float64)


def _off_diagonal(labels: IntArray, mean: NDArray[np.float64]) -> float:
    from cleanlab.count import compute_confident_joint

    joint = compute_confident_joint(labels, mean, calibrate=True)
    return float(1 - np.trace(joint) / joint.sum())


def _normalised(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    clipped = np.clip(mean, 1e-9, None)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True), dtype=np.float64)


@contextmanager
def _quiet_cleanlab() -> Iterator[None]:
    require_extra("Finding suspect labels", "labels", "cleanlab")
    with warnings.catch_warnings():
        # cleanlab and the packages under it warn of their own future
        warnings.simplefilter("ignore")
        yield


_CELLS = 2**24  # similarities held at once


@dataclass(frozen=True, slots=True)
class TwinPair:
    """Two photos that look nearly the same to a backbone and carry different labels; `similarity` is a cosine."""

    a: int
    b: int
    similarity: float


class Similarities:
    """Cosines of the standardised features of n photos, worked out some rows at a time: n x n may not fit into memory.

    Attributes:
        pairs: (m, 2) int64 photos whose similarity is `least` or more, the first before the second.
        values: (m,) float64 their similarities.
        nearest: (n,) int64 the photo most like each one, never itself.
    """

    def __init__(self, vectors: FloatArray, least: float) -> None:
        values = vectors.astype(np.float64)
        deviation = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        self._unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        n = len(values)
        pairs, found, nearest = [], [], []
        step = max(1, _CELLS // n)
        for start in range(0, n, step):
            rows = np.arange(start, min(start + step, n))
            similar = self.of(rows)
            nearest.append(similar.argmax(axis=1))
            row, column = np.nonzero(similar >= least)
            later = column > rows[row]
            pairs.append(np.stack([rows[row], column], axis=1)[later])
            found.append(similar[row, column][later])
        self.pairs: IntArray = np.concatenate(pairs).astype(np.int64)
        self.values: NDArray[np.float64] = np.concatenate(found)
        self.nearest: IntArray = np.concatenate(nearest).astype(np.int64)

    def of(self, rows: IntArray) -> NDArray[np.float64]:
        """(len(rows), n) float64 similarities of some photos to all; -1 to themselves."""
        found: NDArray[np.float64] = self._unit[rows] @ self._unit.T
        found[np.arange(len(rows)), rows] = -1.0
        return found


def conflicting_twins(similarity: Similarities, labels: IntArray) -> tuple[TwinPair, ...]:
    """Pairs of much the same photos with different labels, most alike first."""
    differ = labels[similarity.pairs[:, 0]] != labels[similarity.pairs[:, 1]]
    found = zip(similarity.pairs[differ].tolist(), similarity.values[differ].tolist(), strict=True)
    pairs = [TwinPair(a, b, value) for (a, b), value in found]
    return tuple(sorted(pairs, key=lambda pair: (-pair.similarity, pair.a, pair.b)))


def nearest_of_class(similar: NDArray[np.float64], labels: IntArray, row: int, wanted: int, k: int) -> IntArray:
    """(<= k,) int64: the photos labelled `wanted` that look most like one photo, nearest first, never itself.

    Args:
        similar: (n,) similarities of the photo to all.
        labels: (n,) class indices.
        row: the photo.
        wanted: class index.
        k: how many.
    """
    candidates = np.flatnonzero(labels == wanted)
    candidates = candidates[candidates != row]
    nearest: IntArray = candidates[np.argsort(-similar[candidates], kind="stable")][:k].astype(np.int64)
    return nearest


def error_rate(disagreement: float, classes: int) -> float:
    """Share of wrong labels among readings that err independently, equally often, and toward any other class alike.

    Two such readings with error rate e differ with probability 2e - e^2 k / (k - 1) for k classes: solved for e.

    Args:
        disagreement: share of pairs that differ, in [0, 1]; what chance alone gives, (k - 1) / k, or more, means that
            the readings tell nothing.
        classes: how many there are, 2 or more.

    Returns:
        In [0, (k - 1) / k].
    """
    most = (classes - 1) / classes
    return most * (1 - math.sqrt(max(0.0, 1 - disagreement / most)))


def by_models(rate: float, interval: tuple[float, float], differ: int, n: int) -> NoiseEstimate:
    """The confident joint's estimate; `differ` counts photos that the models together read otherwise."""
    return _estimate("confident-learning", n, differ, rate, interval)


def by_look_alikes(similarity: Similarities, labels: IntArray, classes: int) -> NoiseEstimate | None:
    """From pairs of photos that are nearly the same, whose true labels are taken to be equal; None without a pair."""
    return _by_pairs("look-alikes", similarity.pairs, labels, classes)


def by_nearest_pairs(similarity: Similarities, labels: IntArray, classes: int) -> NoiseEstimate | None:
    """From photos that are each other's nearest, which may well show different moods; None without such a pair."""
    nearest = similarity.nearest
    own = np.arange(len(nearest))
    mutual = own[(nearest[nearest] == own) & (own < nearest)]
    return _by_pairs("nearest-pairs", np.stack([mutual, nearest[mutual]], axis=1), labels, classes)


def _by_pairs(method: str, pairs: IntArray, labels: IntArray, classes: int) -> NoiseEstimate | None:
    if not len(pairs):
        return None
    differ = int((labels[pairs[:, 0]] != labels[pairs[:, 1]]).sum())
    low, high = wilson_interval(differ, len(pairs))
    rates = [error_rate(share, classes) for share in (differ / len(pairs), low, high)]
    return _estimate(method, len(pairs), differ, rates[0], (rates[1], rates[2]))


def by_reader(path: Path, manifest: Manifest) -> NoiseEstimate:
    """From the labels.csv of a second reader, who is taken to be right.

    Args:
        path: a row a photo, as `petmood review --reader NAME --blind` writes it.
        manifest: the data with its labels.

    Raises:
        DataError: a line of the file cannot be used, or it has nothing to compare.
    """
    given = {record.family: record.class_name for record in manifest.records if record.class_name}
    read = read_labels(path, manifest)
    both = [family for family in read if family in given]
    if not both:
        raise DataError(f"{path} has no photo with a label of the data. Let the reader label photos of this data.")
    differ = sum(read[family] != given[family] for family in both)
    return _estimate("reader", len(both), differ, differ / len(both), wilson_interval(differ, len(both)))


def _estimate(method: str, n: int, differ: int, rate: float, interval: tuple[float, float]) -> NoiseEstimate:
    low, high = interval
    return NoiseEstimate(
        method=method,
        n=n,
        differ=differ,
        rate=rate,
        rate_ci=(low, high),
        ceiling=1 - rate,
        ceiling_ci=(1 - high, 1 - low),
    )
