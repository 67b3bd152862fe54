"""What all classifiers on features share: checked rows in, class bookkeeping, checked rows out."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler

from petmood.errors import DataError, ModelError, TooFewError


def check_features(X: ArrayLike) -> NDArray[np.floating[Any]]:
    """(n, dim) finite floats.

    Raises:
        DataError: another shape, nothing in it, or values that are not finite numbers.
    """
    features = np.asarray(X)
    if features.ndim != 2 or features.shape[1] == 0:
        raise DataError(f"features must be (n_images, dim), got shape {features.shape}. Pass one row an image.")
    if not np.issubdtype(features.dtype, np.floating):
        features = features.astype(np.float64)
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).any(axis=1).sum())
        raise DataError(f"{bad} of {len(features)} feature rows hold NaN or infinity. Extract the features again.")
    return features


def check_images(X: ArrayLike, size: int) -> NDArray[np.uint8]:
    """(n, size, size, 3) uint8 RGB.

    Raises:
        DataError: another shape or dtype.
    """
    images = np.asarray(X)
    if images.dtype != np.uint8:
        raise DataError(f"images must be uint8 in 0..255, got {images.dtype}. Pass decoded pixels unscaled.")
    if images.ndim != 4 or images.shape[3] != 3:
        raise DataError(f"images must be (n, height, width, 3) RGB, got shape {images.shape}.")
    if images.shape[1:3] != (size, size):
        got = f"{images.shape[2]}x{images.shape[1]}"
        raise DataError(f"the network reads images of {size}x{size} pixels, got {got}. Prepare them at size {size}.")
    return images


def check_labels(y: ArrayLike, n: int) -> NDArray[np.str_]:
    """(n,) str: one class name for each of `n` rows.

    Raises:
        DataError: another number of names, or names that are not text.
    """
    labels = np.asarray(y)
    if labels.dtype.kind == "O" and all(isinstance(name, str) for name in labels.ravel()):
        labels = labels.astype(np.str_)
    if labels.dtype.kind != "U":
        raise DataError(f"labels must be class names (text), got {labels.dtype}. Pass names, not numbers.")
    if labels.shape != (n,):
        raise DataError(f"{n} rows need {n} labels, got shape {labels.shape}. Pass one class name a row.")
    return labels


def check_weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    """(n,) float64 >= 0 with a positive sum, or None.

    Raises:
        DataError: another number of weights, or weights that cannot weigh.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise DataError(f"{n} rows need {n} sample weights, got shape {weights.shape}.")
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise DataError("sample weights must be finite, not negative, and not all zero. Check the weights.")
    return weights


def check_classes(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """(n_classes,) str: the distinct class names, sorted.

    Raises:
        DataError: fewer than two classes.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        got = f"only '{classes[0]}'" if len(classes) else "no images"
        raise TooFewError(f"training needs at least 2 classes, got {got}. Add images of another class.")
    return classes


def fit_scaler(features: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]] | None = None) -> StandardScaler:
    """A fitted StandardScaler of finite scales, 1 for a column that does not vary.

    Args:
        features: (n, dim), finite.
        weights: (n,) of each row, or None.
    """
    with np.errstate(invalid="ignore"):
        scaler = StandardScaler().fit(features, sample_weight=weights)
    # rounding can take the weighted variance of a constant column below 0, and its root is not a number
    lost = ~np.isfinite(scaler.scale_)
    scaler.var_[lost], scaler.scale_[lost] = 0.0, 1.0
    return scaler


def _checked() -> Any:
    """Rows and settings were checked here: scikit-learn's checks of the same take a tenth of a small fit."""
    return config_context(assume_finite=True, skip_parameter_validation=True)


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Checked rows to learn from.

    Attributes:
        rows: (n, ...) what `FeatureClassifier.check_rows` made of the rows.
        labels: (n,) str class names.
        classes: (n_classes,) str: the distinct ones, sorted; two or more.
        families: (n,) which rows stay together in inner hold-outs; each row its own where none were given.
        weights: (n,) float64 >= 0; all 1 where none were given.
    """

    rows: NDArray[Any]
    labels: NDArray[np.str_]
    classes: NDArray[np.str_]
    families: NDArray[Any]
    weights: NDArray[np.float64]

    @property
    def codes(self) -> NDArray[np.int64]:
        """(n,) int64: each label's index into `classes`."""
        return np.searchsorted(self.classes, self.labels)

    def folds(self, wanted: int) -> int:
        """As many inner folds as wanted, or as the smallest class has families; at least 2."""
        return max(2, min(wanted, *(len(np.unique(self.families[self.labels == name])) for name in self.classes)))

    @property
    def prior(self) -> NDArray[np.float64]:
        """(n_classes,) float64: each class's share of the weights."""
        return np.asarray(np.bincount(self.codes, weights=self.weights) / self.weights.sum())


class FeatureClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier behind `petmood.contract.Classifier`: subclasses learn and answer, the checks are made here.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
        n_features_in_: length of the last axis of the rows.
    """

    classes_: NDArray[np.str_]
    n_features_in_: int

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from labelled rows; see `petmood.contract.Classifier`.

        Raises:
            ConfigError: a setting out of range.
            DataError: shapes do not match, values are not finite, or there are fewer than two classes.
        """
        rows = self.check_rows(X)
        labels = check_labels(y, len(rows))
        classes = check_classes(labels)
        weights = check_weights(sample_weight, len(rows))
        training = TrainingRows(
            rows,
            labels,
            classes,
            np.arange(len(rows)) if groups is None else groups,
            np.ones(len(rows)) if weights is None else weights,
        )
        with _checked():
            self._learn(training)
        self.classes_, self.n_features_in_ = classes, rows.shape[-1]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities in the order of `classes_`; rows sum to 1.

        Raises:
            DataError: the rows have another length than those of `fit`, or are not finite.
            ModelError: `fit` was not called.
        """
        rows = self.checked(X)
        with _checked():
            return np.asarray(self._answer(rows), dtype=np.float64)

    def checked(self, X: NDArray[Any]) -> NDArray[Any]:
        """Rows to answer for, as `check_rows` gives them. Raises as `predict_proba`."""
        if not hasattr(self, "classes_"):
            raise ModelError("this classifier is not trained yet. Call fit first.")
        rows = self.check_rows(X)
        width = rows.shape[-1]
        if width != self.n_features_in_:
            raise DataError(
                f"the head was trained on {self.n_features_in_} features, got {width}. "
                "Use the backbone that it was trained with."
            )
        return rows

    def check_rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """What the classifier reads of the rows given: (n, dim) float64 unless a subclass says otherwise."""
        return check_features(X).astype(np.float64)

    @abstractmethod
    def _learn(self, training: TrainingRows) -> None:
        """Learn from checked rows."""

    @abstractmethod
    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """(n, n_classes) probabilities of checked rows, columns in the order of the training's classes."""
