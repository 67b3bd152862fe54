"""Features and the scores of an ImageNet head -> classifiers that read species alone, given species, or without it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.features.species import species_groups, species_probabilities
from petmood.training.classifier import FeatureClassifier, TrainingRows
from petmood.training.compose import Make, aligned, fit_to


class SpeciesOnly(FeatureClassifier):
    """Reads the probabilities of species and nothing else: what any reader of faces must beat."""

    def __init__(self, make: Make, logits: NDArray[np.int64]) -> None:
        """Choose the classifier and the columns that hold an ImageNet head's 1000 scores."""
        self.make = make
        self.logits = logits

    def _learn(self, training: TrainingRows) -> None:
        self.model_ = fit_to(self.make, training, self._species(training.rows))

    def _species(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        return species_probabilities(np.asarray(rows[:, self.logits], dtype=np.float32))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self.model_.predict_proba(self._species(rows))


class SpeciesConditional(FeatureClassifier):
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

    def _learn(self, training: TrainingRows) -> None:
        species, features = species_groups(training.rows[:, self.logits]), training.rows[:, self.features]
        self.models_ = [
            fit_to(self.make, training, features, training.weights * (species[:, i] + self.shared))
            for i in range(species.shape[1])
        ]
        self.names_ = training.classes

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        species, features = species_groups(rows[:, self.logits]), rows[:, self.features]
        parts = [species[:, i : i + 1] * aligned(m, features, self.names_) for i, m in enumerate(self.models_)]
        return np.asarray(np.sum(parts, axis=0))


class SpeciesRemoved(FeatureClassifier):
    """Reads what is left of the features once all that species tells linearly is taken away."""

    def __init__(self, make: Make, logits: NDArray[np.int64], features: NDArray[np.int64]) -> None:
        """Choose the classifier and the columns of scores and of features."""
        self.make = make
        self.logits = logits
        self.features = features

    def _learn(self, training: TrainingRows) -> None:
        from sklearn.linear_model import Ridge

        self.ridge_ = Ridge(alpha=1.0).fit(
            species_groups(training.rows[:, self.logits]),
            training.rows[:, self.features],
            sample_weight=training.weights,
        )
        self.model_ = fit_to(self.make, training, self._left(training.rows))

    def _left(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(rows[:, self.features] - self.ridge_.predict(species_groups(rows[:, self.logits])))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self.model_.predict_proba(self._left(rows))
