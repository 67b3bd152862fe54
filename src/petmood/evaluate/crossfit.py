"""Classifier, features, folds and outside data -> a prediction of every evaluated photo; outside rows only train."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.errors import LeakageError
from petmood.evaluate.protocols import Predictions, family_weights, in_class_order
from petmood.records import IntArray, Manifest
from petmood.split import Fold


@dataclass(frozen=True)
class OutsideRows:
    """Labelled images of another data set, for training folds only.

    Attributes:
        vectors: (n, dim), the same columns as the data set's own.
        labels: (n,) str class names of the data set.
        groups: (n,) int: which rows stay together in inner hold-outs.
        weight: of each row, where a photo of the data set weighs 1.
    """

    vectors: NDArray[np.floating]
    labels: NDArray[np.str_]
    groups: NDArray[np.int64]
    weight: float


def cross_fit(
    make: Callable[[], Classifier],
    vectors: NDArray[np.floating],
    manifest: Manifest,
    folds: Iterable[Fold],
    *,
    photos_only: bool = False,
    outside: OutsideRows | None = None,
) -> Predictions:
    """Fit on each fold's training rows, weighted by family, with the outside rows, and predict its held-out photos.

    Args:
        make: gives a fresh, unfitted classifier.
        vectors: (n_images, dim), a row a record of the manifest.
        manifest: labels and families.
        folds: partitions; their evaluation photos must be disjoint.
        photos_only: leave copies made from photos out of training.
        outside: more rows for every training fold.

    Raises:
        LeakageError: a family stands on both sides of a fold.
    """
    families = manifest.family_index
    index, probabilities, sizes = [], [], []
    for fold in folds:
        train = training_rows(manifest, fold.train, photos_only)
        if np.isin(families[train], families[fold.evaluate]).any():
            raise LeakageError("a photo stands on both sides of a fold; make the folds by family.")
        model = fit_rows(make, vectors, manifest, train, outside)
        index.append(fold.evaluate)
        probabilities.append(in_class_order(model, model.predict_proba(vectors[fold.evaluate]), manifest.classes))
        sizes.append(len(np.unique(families[train])))
    order = np.argsort(np.concatenate(index), kind="stable")
    return Predictions(np.concatenate(index)[order], np.concatenate(probabilities)[order], round(float(np.mean(sizes))))


def training_rows(manifest: Manifest, rows: IntArray, photos_only: bool) -> IntArray:
    """Of some records those to train on: all, or with `photos_only` no copies made from photos."""
    return np.intersect1d(rows, manifest.photo_index) if photos_only else rows


def fit_rows(
    make: Callable[[], Classifier],
    vectors: NDArray[np.floating],
    manifest: Manifest,
    train: IntArray,
    outside: OutsideRows | None = None,
) -> Classifier:
    """Fit on some records, weighted by family, and on the outside rows, if any. Arguments as for `cross_fit`."""
    X, y = vectors[train], np.array(manifest.classes)[manifest.class_index[train]]
    groups, weights = manifest.family_index[train], family_weights(manifest, train)
    if outside is not None:
        X, y = np.concatenate([X, outside.vectors]), np.concatenate([y, outside.labels])
        groups = np.concatenate([groups, outside.groups + len(manifest)])
        weights = np.concatenate([weights, np.full(len(outside.labels), outside.weight)])
    return make().fit(X, y, groups=groups, sample_weight=weights)
