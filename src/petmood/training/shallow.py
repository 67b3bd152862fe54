"""Features and class names -> scikit-learn's shallow classifiers behind one contract: standardised, then fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from petmood.errors import ConfigError
from petmood.training.classifier import FeatureClassifier, TrainingRows, fit_scaler

_Estimator = Any


class WeightedNeighbours(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Weighted vote of the k nearest rows by cosine similarity (scikit-learn's own takes no sample weights)."""

    def __init__(self, k: int = 15, temperature: float = 0.1) -> None:
        """Choose the number of neighbours and how fast a vote fades with distance."""
        self.k = k
        self.temperature = temperature

    def fit(
        self, X: NDArray[np.float64], y: NDArray[np.str_], sample_weight: NDArray[np.float64] | None = None
    ) -> Self:
        """Keep the rows."""
        self.classes_, index = np.unique(y, return_inverse=True)
        weights = np.ones(len(X)) if sample_weight is None else sample_weight
        self.rows_ = _unit(X)
        self.votes_ = np.eye(len(self.classes_))[index] * weights[:, np.newaxis]
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, n_classes) float64: each neighbour's weight times exp(similarity / temperature), in shares."""
        similar = _unit(X) @ self.rows_.T
        k = min(self.k, similar.shape[1])
        kept = np.where(similar >= -np.partition(-similar, k - 1, axis=1)[:, k - 1 : k], similar, -np.inf)
        near = np.exp((kept - kept.max(axis=1, keepdims=True)) / self.temperature)
        votes = near @ self.votes_ + 1e-9
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


_KINDS: Final[dict[str, Callable[..., _Estimator]]] = {
    "logistic": lambda seed, C=1e-3, balanced=False, tol=1e-4: LogisticRegression(  # noqa: N803
        C=C, max_iter=2000, tol=tol, class_weight="balanced" if balanced else None
    ),
    "svm": lambda seed, C=1.0, kernel="rbf", gamma=1.0: SVC(  # noqa: N803
        C=C, kernel=kernel, gamma=gamma, random_state=seed
    ),
    "knn": lambda seed, k=15: WeightedNeighbours(k),
    "lda": lambda seed: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "boosting": lambda seed, rate=0.05, rounds=150: HistGradientBoostingClassifier(
        learning_rate=rate, max_iter=rounds, max_leaf_nodes=8, min_samples_leaf=10, l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    ),
}  # fmt: skip

UNWEIGHTED: Final = ("lda",)
"""Kinds that take no sample weights: they are fitted on one mean row a family."""


_ROTATABLE: Final = ("logistic", "svm")


@dataclass(frozen=True)
class Basis:
    """Coordinates along some directions: (rows - shift) @ basis.

    Attributes:
        basis_: (dim, rank) float64, orthonormal columns.
        shift_: (dim,) float64.
    """

    basis_: NDArray[np.float64]
    shift_: NDArray[np.float64]

    @classmethod
    def principal(cls, rows: NDArray[np.float64], count: int, seed: int) -> Self:
        """The directions in which rows differ most."""
        found = PCA(min(count, *rows.shape), random_state=seed).fit(rows)
        return cls(found.components_.T, found.mean_)

    @classmethod
    def span(cls, rows: NDArray[np.float64]) -> Self:
        """The span of rows: lengths and inner products stay as they are."""
        return cls(np.linalg.qr(rows.T)[0], np.zeros(rows.shape[1]))

    def transform(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, dim) -> (n, rank)."""
        return np.asarray((rows - self.shift_) @ self.basis_)


class ShallowHead(FeatureClassifier):
    """Standardised features, optionally their principal components, then one of scikit-learn's classifiers.

    The standardisation, the components and the classifier are all learnt from the rows given to `fit`.
    """

    def __init__(self, kind: str, seed: int = 0, components: int | None = None, **settings: Any) -> None:
        """Choose the classifier by name, its settings, and how many principal components it reads (None: features)."""
        if kind not in _KINDS:
            raise ConfigError(f"unknown head '{kind}'. Choose one of: {', '.join(_KINDS)}.")
        self.kind = kind
        self.seed = seed
        self.components = components
        self.settings = settings

    def _learn(self, training: TrainingRows) -> None:
        # weights are photos, not shares: C is the strength a photo, however many files or outside images there are
        features, labels, weights = training.rows, training.labels, training.weights
        if self.kind in UNWEIGHTED:
            features, labels = family_means(features, labels, training.families)
            weights = np.ones(len(features))
        self.scaler_ = fit_scaler(features, weights)
        rows = self.scaler_.transform(features)
        self.pca_: Basis | None = None
        if self.components is not None:
            self.pca_ = Basis.principal(rows, self.components, self.seed)
        elif len(rows) < rows.shape[1] and self.kind in _ROTATABLE:
            # a penalty on the length of weights sees only the span of the rows: exactly the same model, much faster
            self.pca_ = Basis.span(rows)
        rows = self._components(rows)
        self.scale_ = 1.0
        if self.kind == "svm":
            # unit mean length, so that gamma and C mean the same whatever the number of features
            self.scale_ = float(np.sqrt(np.average((rows**2).sum(axis=1), weights=weights)))
        self.model_ = _KINDS[self.kind](self.seed, **self.settings)
        given = {} if self.kind in UNWEIGHTED else {"sample_weight": weights}
        self.model_.fit(rows / self.scale_, labels, **given)

    def _components(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows if self.pca_ is None else np.asarray(self.pca_.transform(rows))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """The probabilities of an SVM are a softmax of its votes and margins."""
        components = self._components(self.scaler_.transform(rows)) / self.scale_
        if self.kind != "svm":
            return np.asarray(self.model_.predict_proba(components))
        votes = self.model_.decision_function(components)
        if votes.ndim == 1:
            votes = np.stack([-votes, votes], axis=1)
        return np.asarray(softmax(votes, axis=1))


def family_means(
    features: NDArray[np.float64], labels: NDArray[np.str_], groups: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """One row a family and label, the mean of its files: (rows, labels)."""
    pairs = np.array([f"{group}\t{label}" for group, label in zip(groups, labels, strict=True)])
    names, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    sums = np.zeros((len(names), features.shape[1]))
    np.add.at(sums, inverse, features)
    return sums / np.bincount(inverse)[:, np.newaxis], labels[first]
