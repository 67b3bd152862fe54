"""Classifier, features and folds -> a prediction of every evaluated photo, by a model that never saw it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.records import FloatArray, IntArray, Manifest
from petmood.split import Fold, refuse_leak

OFFICIAL: Final = "official-test"
"""Protocol name: fitted on the train split, evaluated once on the photos of the test split."""


def grouped_name(folds: int) -> str:
    """Protocol name of k-fold cross-validation grouped by family."""
    return f"grouped-{folds}-fold"


@dataclass(frozen=True)
class Predictions:
    """Out-of-sample predictions.

    Attributes:
        index: (n,) record indices of the evaluated photos.
        probabilities: (n, n_classes) float64, columns in the manifest's class order.
        n_train: photos in training (the mean over folds, rounded).
    """

    index: IntArray
    probabilities: NDArray[np.float64]
    n_train: int

    @property
    def predicted(self) -> IntArray:
        """(n,) int64 most probable class indices."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)


def family_weights(manifest: Manifest, index: IntArray) -> NDArray[np.float64]:
    """(len(index),) float64: one over the number of files of each file's family, so that a photo weighs one in all."""
    families = manifest.family_index[index]
    return 1.0 / np.bincount(families)[families]


def cross_predict(
    make: Callable[[], Classifier],
    vectors: FloatArray,
    manifest: Manifest,
    folds: Iterable[Fold],
    *,
    allow_leakage: bool = False,
) -> Predictions:
    """Fit on each fold's training files, weighted by family, and predict its held-out photos.

    Args:
        make: gives a fresh, unfitted classifier.
        vectors: (n_images, dim) float32, a row a record of the manifest.
        manifest: labels and families.
        folds: partitions; their evaluation photos must be disjoint.
        allow_leakage: go on with a fold that a family straddles.

    Raises:
        LeakageError: a family straddles a fold.
    """
    classes = np.array(manifest.classes)
    labels = classes[manifest.class_index]
    families = manifest.family_index
    index, probabilities, sizes = [], [], []
    for fold in folds:
        if not (allow_leakage or manifest.allow_leakage):
            refuse_leak(manifest, fold)
        model = make().fit(
            vectors[fold.train],
            labels[fold.train],
            groups=families[fold.train],
            sample_weight=family_weights(manifest, fold.train),
        )
        index.append(fold.evaluate)
        probabilities.append(in_class_order(model, model.predict_proba(vectors[fold.evaluate]), manifest.classes))
        sizes.append(len(np.unique(families[fold.train])))
    order = np.argsort(np.concatenate(index), kind="stable")
    return Predictions(np.concatenate(index)[order], np.concatenate(probabilities)[order], round(float(np.mean(sizes))))


def in_class_order(
    model: Classifier, probabilities: NDArray[np.floating], classes: tuple[str, ...]
) -> NDArray[np.float64]:
    """(n, n_classes) float64 with columns in the order of `classes`; a class the model never saw has probability 0."""
    ordered = np.zeros((len(probabilities), len(classes)))
    column = {str(name): j for j, name in enumerate(model.classes_)}
    for i, name in enumerate(classes):
        if name in column:
            ordered[:, i] = probabilities[:, column[name]]
    return ordered


def majority(manifest: Manifest, fold: Fold) -> IntArray:
    """(n,) int64: the class with the most training photos (the first among equals), for each evaluated photo."""
    weights = family_weights(manifest, fold.train)
    counts = np.bincount(manifest.class_index[fold.train], weights=weights, minlength=len(manifest.classes))
    return np.full(len(fold.evaluate), int(counts.argmax()), dtype=np.int64)
