"""Candidates and outer folds -> predictions by the candidate that the training photos alone chose: nested selection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from petmood.contract import Classifier
from petmood.evaluate.protocols import Predictions, cross_predict
from petmood.records import FloatArray, IntArray, Manifest
from petmood.split import Fold, grouped_folds


@dataclass(frozen=True)
class Nested:
    """Out-of-sample predictions of a choice, and how often each candidate was chosen over the outer folds."""

    predictions: Predictions
    chosen: dict[str, int]


def among(manifest: Manifest, rows: IntArray) -> Manifest:
    """The same data set with some of its records only; class names and their order stay."""
    return replace(manifest, records=tuple(manifest.records[int(i)] for i in rows))


def nested_predict(
    candidates: Mapping[str, Callable[[], Classifier]],
    vectors: FloatArray,
    manifest: Manifest,
    outer: Iterable[Fold],
    *,
    folds: int,
    seed: int,
) -> Nested:
    """For each outer fold, choose a candidate by grouped cross-validation inside its training photos, then predict.

    The evaluated photos choose nothing, so the accuracy is that of choosing and fitting together.

    Args:
        candidates: name -> what makes a fresh classifier; the first wins where several are equally good.
        vectors: (n_images, dim) float32, a row a record of the manifest.
        manifest: labels and families.
        outer: partitions with disjoint evaluation photos.
        folds: of the inner cross-validation.
        seed: of the inner folds.

    Raises:
        DataError: a class has fewer training photos than inner folds.
        LeakageError: a family straddles an outer fold.
    """
    chosen = dict.fromkeys(candidates, 0)
    parts: list[Predictions] = []
    for fold in outer:
        inside, own = among(manifest, fold.train), vectors[fold.train]
        inner = list(grouped_folds(inside, folds=folds, seed=seed))
        rates = {}
        for name, make in candidates.items():
            made = cross_predict(make, own, inside, inner)
            rates[name] = float((made.predicted == inside.class_index[made.index]).mean())
        best = max(rates, key=lambda name: rates[name])
        chosen[best] += 1
        parts.append(cross_predict(candidates[best], vectors, manifest, [fold]))
    order = np.argsort(np.concatenate([p.index for p in parts]), kind="stable")
    return Nested(
        Predictions(
            np.concatenate([p.index for p in parts])[order],
            np.concatenate([p.probabilities for p in parts])[order],
            round(float(np.mean([p.n_train for p in parts]))),
        ),
        chosen,
    )
