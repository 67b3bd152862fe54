"""Labels, look-alikes and a second reader -> the share of wrong labels by each way to estimate it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.labels.facts import NoiseEstimate
from petmood.errors import DataError
from petmood.evaluation.statistics import wilson_interval
from petmood.labels import read_labels
from petmood.records import IntArray, Manifest


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


def by_look_alikes(
    similarity: NDArray[np.float64], labels: IntArray, classes: int, least: float
) -> NoiseEstimate | None:
    """From pairs of photos that are nearly the same, whose true labels are taken to be equal; None without a pair."""
    return _by_pairs("look-alikes", np.triu(similarity >= least, 1), labels, classes)


def by_nearest_pairs(similarity: NDArray[np.float64], labels: IntArray, classes: int) -> NoiseEstimate | None:
    """From photos that are each other's nearest, which may well show different moods; None without such a pair."""
    nearest = similarity.argmax(axis=1)
    own = np.arange(len(nearest))
    pairs = np.zeros(similarity.shape, dtype=np.bool_)
    mutual = own[(nearest[nearest] == own) & (own < nearest)]
    pairs[mutual, nearest[mutual]] = True
    return _by_pairs("nearest-pairs", pairs, labels, classes)


def _by_pairs(method: str, pairs: NDArray[np.bool_], labels: IntArray, classes: int) -> NoiseEstimate | None:
    rows, columns = np.nonzero(pairs)
    if not len(rows):
        return None
    differ = int((labels[rows] != labels[columns]).sum())
    low, high = wilson_interval(differ, len(rows))
    rates = [error_rate(share, classes) for share in (differ / len(rows), low, high)]
    return _estimate(method, len(rows), differ, rates[0], (rates[1], rates[2]))


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
