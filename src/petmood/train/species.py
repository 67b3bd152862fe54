"""Features and the scores of an ImageNet head -> classifiers that read species alone, given species, or without it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from petmood.audit.species import SPECIES, species_probabilities
from petmood.train.compose import Composite, Make, aligned, all_or_given


def species_groups(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n, 3) float64: probability of dog, of cat, of anything else, by an ImageNet head's scores."""
    every = species_probabilities(np.asarray(logits, dtype=np.float32))
    dog, cat = every[:, SPECIES.index("dog")], every[:, SPECIES.index("cat")]
    return np.stack([dog, cat, np.clip(1 - dog - cat, 0, 1)], axis=1)


class SpeciesOnly(Composite):
    """Reads the probabilities of species and nothing else: what any reader of faces must beat."""

    def __init__(self, make: Make, logits: NDArray[np.int64]) -> None:
        """Choose the classifier and the columns that hold an ImageNet head's 1000 scores."""
        self.make = make
        self.logits = logits

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        self.model_ = self.make().fit(self._species(X), y, groups=groups, sample_weight=sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def _species(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return species_probabilities(np.asarray(X[:, self.logits], dtype=np.float32))

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        return self.model_.predict_proba(self._species(X))


class SpeciesConditional(Composite):
    """Mood given species: a classifier for each of dog, cat and the rest, mixed by the probabilities of species.

    Each is fitted on all rows, weighted by the row's probability of that species plus `shared`, which lets the rarer
    species borrow from the others.
    """

    def __init__(self, make: Make, logits: NDArray[np.int64], features: NDArray[np.int64], shared: float = 0.2) -> None:
        """Choose the classifier, the columns of scores and of features, and how much is borrowed."""
        self.make = make
        self.logits = logits
        self.features = features
        self.shared = shared

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        weights, species = all_or_given(sample_weight, len(y)), species_groups(X[:, self.logits])
        rows = X[:, self.features]
        self.models_ = [
            self.make().fit(rows, y, groups=groups, sample_weight=weights * (species[:, i] + self.shared))
            for i in range(species.shape[1])
        ]
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        species, rows = species_groups(X[:, self.logits]), X[:, self.features]
        parts = [species[:, i : i + 1] * aligned(m, rows, self.classes_) for i, m in enumerate(self.models_)]
        return np.asarray(np.sum(parts, axis=0))


class SpeciesRemoved(Composite):
    """Reads what is left of the features once all that species tells linearly is taken away."""

    def __init__(self, make: Make, logits: NDArray[np.int64], features: NDArray[np.int64]) -> None:
        """Choose the classifier and the columns of scores and of features."""
        self.make = make
        self.logits = logits
        self.features = features

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        from sklearn.linear_model import Ridge

        weights = all_or_given(sample_weight, len(y))
        self.ridge_ = Ridge(alpha=1.0).fit(
            species_groups(X[:, self.logits]), X[:, self.features], sample_weight=weights
        )
        self.model_ = self.make().fit(self._left(X), y, groups=groups, sample_weight=weights)
        self.classes_ = self.model_.classes_
        return self

    def _left(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(X[:, self.features] - self.ridge_.predict(species_groups(X[:, self.logits])))

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        return self.model_.predict_proba(self._left(X))
