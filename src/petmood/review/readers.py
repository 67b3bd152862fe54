"""Labels by several readers -> on what they agree, where they differ, and one label a photo with its probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import is_there
from petmood.escaping import csv_text
from petmood.evaluation.statistics import Reliability, reliability
from petmood.labels import COLUMNS, EXCLUDED
from petmood.records import IntArray
from petmood.store import write_text

Readings = Mapping[str, Mapping[str, str]]
"""Reader -> path -> class name or `EXCLUDED`."""

CROWDLAB: Final = "crowdlab"
MAJORITY: Final = "majority"


@dataclass(frozen=True)
class Consensus:
    """One label for each photo that anybody labelled.

    Attributes:
        paths: of the n photos.
        labels: class names, or `EXCLUDED`.
        probabilities: (n, n_classes) float64 soft labels; 0 throughout for a photo that leaves the data.
        readers: (n,) int64 how many gave a label.
        agreeing: (n,) int64 how many of them gave this one.
        adjudicated: (n,) bool: an adjudicator gave it.
        method: `CROWDLAB`, or `MAJORITY` where no model's probabilities are known or no photo has two labels.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    readers: IntArray
    agreeing: IntArray
    adjudicated: NDArray[np.bool_]
    method: str


def rated(readings: Readings, classes: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """Paths of the photos that anybody labelled, and (n, n_readers) codes: of a class, n_classes if excluded, or -1."""
    codes = {name: i for i, name in enumerate((*classes, EXCLUDED))}
    codes |= {name: i for i, name in enumerate(classes)}
    paths = tuple(sorted({path for reading in readings.values() for path in reading}))
    table = [[codes[given[path]] if path in given else -1 for given in readings.values()] for path in paths]
    return paths, np.array(table, dtype=np.int64).reshape(len(paths), len(readings))


def reliability_of(readings: Readings, classes: Sequence[str]) -> Reliability:
    """Krippendorff's alpha of all readers; *not a pet* counts as a class. Photos are families: one of each is shown."""
    return reliability(rated(readings, classes)[1])


def differing(readings: Readings) -> tuple[str, ...]:
    """Paths of the photos to which two readers gave different labels, in the order in which the first gave them."""
    paths = dict.fromkeys(path for reading in readings.values() for path in reading)
    return tuple(p for p in paths if len({reading[p] for reading in readings.values() if p in reading}) > 1)


def find_consensus(
    readings: Readings,
    classes: Sequence[str],
    model: Mapping[str, NDArray[np.float64]],
    adjudicated: Mapping[str, str] | None = None,
) -> Consensus:
    """One label for each photo: the adjudicator's, else that of CROWDLAB (Goh, Tkachenko and Mueller 2022).

    CROWDLAB, as cleanlab has it, weighs each reader by how often others confirm them, and a model by how often readers
    confirm it. Photos that most readers call no pet leave the data; other votes of this kind are left out.

    Args:
        readings: of one reader or more, without the adjudicator's.
        classes: names in display order.
        model: path -> (n_classes,) out-of-fold probabilities; without those of every photo the majority decides.
        adjudicated: path -> label that is final.
    """
    final = dict(adjudicated or {})
    paths, codes = rated({**readings, "": final}, classes)
    codes, k = codes[:, :-1], len(classes)
    given = (codes >= 0).sum(axis=1)
    out = (codes == k).sum(axis=1) * 2 > given
    votes = np.stack([(codes == c).sum(axis=1) for c in range(k)], axis=1).astype(np.float64)
    inside = np.flatnonzero(~out & (votes.sum(axis=1) > 0))
    soft = np.zeros((len(paths), k))
    method = MAJORITY
    soft[inside] = votes[inside] / votes[inside].sum(axis=1, keepdims=True)
    chosen = np.where(out, k, votes.argmax(axis=1))
    if all(paths[i] in model for i in inside) and (votes[inside].sum(axis=1) > 1).any() and is_there("cleanlab"):
        method = CROWDLAB
        prior = np.stack([model[paths[i]] for i in inside])
        labels = np.where(codes[inside] < k, codes[inside], -1)
        chosen[inside], soft[inside] = _crowdlab(labels, prior)
    said = np.zeros(len(paths), dtype=np.bool_)
    for i, path in enumerate(paths):
        if path in final:
            said[i], soft[i] = True, 0.0
            chosen[i] = classes.index(final[path]) if final[path] in classes else k
            if chosen[i] < k:
                soft[i, chosen[i]] = 1.0
    names = (*classes, EXCLUDED)
    agreeing = (codes == chosen[:, np.newaxis]).sum(axis=1)
    return Consensus(paths, tuple(names[c] for c in chosen), soft, given, agreeing, said, method)


def _crowdlab(labels: IntArray, prior: NDArray[np.float64]) -> tuple[IntArray, NDArray[np.float64]]:
    """(n,) consensus labels and (n, k) their probabilities, of (n, m) labels with -1 for none and (n, k) a model's."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    given = labels[:, (labels >= 0).any(axis=0)]
    table = np.where(given >= 0, given, np.nan).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_label_quality_multiannotator(
            table,
            prior,
            return_detailed_quality=False,
            return_annotator_stats=False,
            return_weights=True,
            verbose=False,
        )
    quality = found["label_quality"]
    # cleanlab tells the quality of the one label; those of the others follow from the weights that it tells
    several = quality["num_annotations"].to_numpy() > 1
    likely = float(quality["annotator_agreement"].to_numpy()[several].mean())
    k = prior.shape[1]
    weight = np.where(given >= 0, np.asarray(found["annotator_weight"]), 0.0)
    soft = prior * float(found["model_weight"])
    for c in range(k):
        soft[:, c] += (weight * np.where(given == c, likely, (1 - likely) / (k - 1))).sum(axis=1)
    soft /= soft.sum(axis=1, keepdims=True)
    return quality["consensus_label"].to_numpy().astype(np.int64), soft


def write_consensus(path: Path, found: Consensus, classes: Sequence[str]) -> None:
    """Write a labels.csv with, beside each label, who stands behind it, and the probability of each class."""
    head = (*COLUMNS, "readers", "agreeing", "adjudicated", *(f"p: {name}" for name in classes))
    rows = [
        (name, label, str(n), str(agreeing), "yes" if said else "no", *(f"{p:.6f}" for p in soft))
        for name, label, n, agreeing, said, soft in zip(
            found.paths,
            found.labels,
            found.readers,
            found.agreeing,
            found.adjudicated,
            found.probabilities,
            strict=True,
        )
    ]
    write_text(path, csv_text([head, *rows]))
