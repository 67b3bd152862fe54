"""Protocols, and the one way to predict under them: each evaluated photo by a model that never saw its family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.records import IntArray, Manifest
from petmood.results.models import OFFICIAL, OWN, SplitUse, is_test
from petmood.split import Fold, animal_folds, fewest_folds, grouped_folds, refuse_leak, test_fold
from petmood.threads import streamed

Training = Literal["photos", "files"]
"""What models are fitted on: one file a family, its photo; or every file, weighted so that a family weighs one."""


def grouped_name(folds: int) -> str:
    """Protocol name of k-fold cross-validation grouped by family."""
    return f"grouped-{folds}-fold"


def test_name(manifest: Manifest) -> str:
    """Protocol name of judging once on the photos of test."""
    return OFFICIAL if manifest.official_splits else OWN


@dataclass(frozen=True)
class Protocol:
    """How predictions come about; with the data and the model it identifies a figure.

    Attributes:
        name: for programs and people, e.g. "grouped-5-fold".
        seed: of its folds.
        folds: makes the partitions of a manifest.
        training: what each fold's model is fitted on.
        detail: what else tells two protocols of one name apart, for caches; e.g. which files take part.
        leaks: True if families may straddle its folds, to show what that does.
    """

    name: str
    seed: int
    folds: Callable[[Manifest], Sequence[Fold]] = field(compare=False, repr=False)
    training: Training = "photos"
    detail: str = ""
    leaks: bool = False

    @property
    def key(self) -> list[str | int]:
        """JSON-ready: everything that predictions depend on, but for data and model."""
        return [self.name, self.seed, self.training, self.detail]


def grouped(manifest: Manifest, folds: int, seed: int, training: Training = "photos") -> Protocol:
    """Cross-validation over photos, each family (and each known animal) in one fold; fewer folds for small classes."""
    k = fewest_folds(manifest, folds)
    return Protocol(grouped_name(k), seed, lambda m: list(grouped_folds(m, folds=k, seed=seed)), training)


ONE_BY_ONE: Final = 60
"""Animals up to which each is left out alone; of more, some together in `TOGETHER` folds."""

TOGETHER: Final = 20


def without_animals(manifest: Manifest, seed: int) -> Protocol:
    """Each animal judged by a model that never saw it."""
    n = len(np.unique(manifest.animal_index)) - bool((manifest.animal_index < 0).any())
    folds = None if n <= ONE_BY_ONE else TOGETHER
    name = "each-animal-out" if folds is None else f"animals-out-{folds}-fold"
    return Protocol(name, seed, lambda m: list(animal_folds(m, folds=folds, seed=seed)))


def grouped_by_photo(manifest: Manifest, folds: int, seed: int) -> Protocol:
    """Cross-validation that keeps photos apart and not animals, to show what that hides."""
    by_photo = partial(grouped_folds, folds=folds, seed=seed, animals=False)
    return Protocol(f"photo-{grouped_name(folds)}", seed, lambda m: list(by_photo(m)))


def once_on_test(manifest: Manifest, seed: int, training: Training = "photos") -> Protocol:
    """Fitted on train and valid, which chose nothing, and judged once on the photos of test."""
    return Protocol(test_name(manifest), seed, lambda m: [test_fold(m)], training, leaks=manifest.allow_leakage)


def split_use(manifest: Manifest, protocol: str) -> dict[str, SplitUse]:
    """What each split is used for under a protocol, when nothing is chosen by it."""
    uses: dict[str, SplitUse]
    if is_test(protocol):
        uses = {"train": "fitted", "valid": "fitted", "test": "evaluated"}
    else:
        uses = dict.fromkeys(manifest.split_names(), "in-turn")
    return {split: uses[split] for split in manifest.split_names()}


@dataclass(frozen=True)
class Predictions:
    """Out-of-sample predictions.

    Attributes:
        index: (n,) record indices of what was evaluated, ascending.
        probabilities: (n, n_classes) float64, columns in the manifest's class order.
        n_train: photos in training (the mean over folds, rounded).
    """

    index: IntArray
    probabilities: NDArray[np.float64]
    n_train: int

    def kept(self, digits: int | None = None) -> dict[str, Any]:
        """As JSON for a cache, probabilities rounded to so many digits."""
        said = self.probabilities if digits is None else np.round(self.probabilities, digits)
        return {"index": self.index.tolist(), "probabilities": said.tolist(), "n_train": self.n_train}

    @classmethod
    def read(cls, kept: Mapping[str, Any], n_classes: int) -> Self:
        """What `kept` was made of."""
        index = np.array(kept["index"], dtype=np.int64)
        said = np.array(kept["probabilities"], dtype=np.float64).reshape(len(index), n_classes)
        return cls(index, said, kept["n_train"])

    @property
    def predicted(self) -> IntArray:
        """(n,) int64 most probable class indices."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    def hits(self, manifest: Manifest) -> NDArray[np.bool_]:
        """(n,) whether each was named rightly."""
        return np.asarray(self.predicted == manifest.class_index[self.index])


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


def family_weights(manifest: Manifest, index: IntArray) -> NDArray[np.float64]:
    """(len(index),) float64: one over the number of files of each file's family, so that a photo weighs one in all."""
    families = manifest.family_index[index]
    return 1.0 / np.bincount(families)[families]


def training_rows(manifest: Manifest, rows: IntArray, training: Training) -> IntArray:
    """Of some records those to train on: all files, or one a family among them."""
    return manifest.photos_among(rows) if training == "photos" else rows


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


def cross_fit(
    make: Callable[[], Classifier],
    vectors: NDArray[np.floating],
    manifest: Manifest,
    folds: Iterable[Fold],
    *,
    training: Training = "photos",
    outside: OutsideRows | None = None,
    allow_leakage: bool = False,
    streams: int = 1,
) -> Predictions:
    """Fit on each fold's training rows, weighted by family, and predict what it holds out.

    Args:
        make: gives a fresh, unfitted classifier.
        vectors: (n_images, dim), a row a record of the manifest.
        manifest: labels and families.
        folds: partitions; what they evaluate must be disjoint.
        training: one file a family, or all.
        outside: more rows for every training fold.
        allow_leakage: go on with a fold that a family straddles.
        streams: folds fitted at once, a thread each; above 1 only for classifiers that share nothing.

    Raises:
        LeakageError: a family straddles a fold.
    """
    families = manifest.family_index

    def one(fold: Fold) -> tuple[NDArray[np.float64], int]:
        train = training_rows(manifest, fold.train, training)
        model = fit_rows(make, vectors, manifest, train, outside)
        made = in_class_order(model, model.predict_proba(vectors[fold.evaluate]), manifest.classes)
        return made, len(np.unique(families[train]))

    parts = list(folds)
    if not (allow_leakage or manifest.allow_leakage):
        for fold in parts:
            refuse_leak(manifest, fold)
    made = list(map(one, parts) if min(streams, len(parts)) == 1 else streamed(parts, one, streams))
    index = np.concatenate([fold.evaluate for fold in parts])
    order = np.argsort(index, kind="stable")
    probabilities = np.concatenate([rows for rows, _ in made])
    return Predictions(index[order], probabilities[order], round(float(np.mean([n for _, n in made]))))


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
