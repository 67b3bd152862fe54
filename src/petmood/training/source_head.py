"""Features, moods, sources and species -> a linear head that learns what moods look like, not who published them.

Data sets differ in which moods they hold and in how often each animal wears them: where most angry faces are cats', a
head learns that cats are angry. That is knowledge of the collection, and false elsewhere.
"""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from petmood.errors import ConfigError, DataError
from petmood.features.species import species_groups
from petmood.training.classifier import TrainingRows, check_features, check_labels, check_weights, fit_scaler
from petmood.training.heads import LogisticHead
from petmood.training.species import SpeciesConditional

ABSENT: Final = -30.0
"""Log odds of a mood that a source does not hold: its pictures say nothing for or against that mood."""

BALANCES: Final = ("rows", "source", "source x species", "source x class")
"""What weighs alike in training: every row, every source, every species of every source, or every class of each."""

FEWEST: Final = 25
"""A cell of fewer rows weighs less, by as much: a handful of odd pictures is not to count as a source."""


class SourceHead(LogisticHead):
    """Multinomial logistic regression over several sources, told how common each mood is in each part of them.

    The loss of a row is that of softmax(X @ weights_ + bias_ + ln p(mood | source, species)) (logit adjustment, Menon
    et al. 2021, by source and species): what can be guessed from where a picture is from, and of which animal, need not
    be learnt from the picture, and is left out when `predict_proba` answers, which takes moods for equally common.
    Moods that a source does not hold are no alternatives in its rows.

    It is a `LogisticHead` once fitted: a linear map, so it runs wherever those do.
    """

    def __init__(
        self,
        C: float | None = None,  # noqa: N803  # its name everywhere
        max_iter: int = 300,
        balance: str = "source x species",
        prior: float = 8.0,
    ) -> None:
        """Choose the inverse strength of the penalty (1 / dim if None), iterations, and how sources are balanced.

        Args:
            C: as in `LogisticHead`.
            max_iter: most iterations of L-BFGS.
            balance: one of `BALANCES`.
            prior: so many rows with the source's shares of moods are added to each species of it, so that a species of
                few pictures is not taken at its word.
        """
        super().__init__(C, max_iter)
        self.balance = balance
        self.prior = prior

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
        sources: NDArray[Any] | None = None,
        species: NDArray[np.floating[Any]] | None = None,
    ) -> Self:
        """Learn from labelled rows of several sources; see `petmood.contract.Classifier`.

        Args:
            X: (n, dim) float features.
            y: (n,) str moods.
            groups: not used: nothing is held out.
            sample_weight: (n,) float >= 0, within what `balance` makes alike.
            sources: (n,) the source of each row; one source if None.
            species: (n, k) probabilities of species; one species if None.

        Raises:
            ConfigError: a setting out of range.
            DataError: shapes do not match, values are not finite, or there are fewer than two classes.
        """
        rows = check_features(X)
        n = len(rows)
        self._sources = np.zeros(n, dtype=np.int64) if sources is None else _codes(sources, n)
        self._species = np.zeros(n, dtype=np.int64) if species is None else _first(species, n)
        try:
            super().fit(rows, check_labels(y, n), groups=groups, sample_weight=check_weights(sample_weight, n))
        finally:
            del self._sources, self._species
        return self

    def _learn(self, training: TrainingRows) -> None:
        if self.C is not None and not self.C > 0:
            raise ConfigError(f"setting 'C' must be above 0, got {self.C!r}.")
        if self.prior < 0:
            raise ConfigError(f"setting 'prior' must be 0 or more, got {self.prior!r}.")
        weights = balanced_weights(self.balance, training, self._sources, self._species)
        scaler = fit_scaler(training.rows, weights)
        weights_, bias = _descend(
            scaler.transform(training.rows),
            training.codes,
            len(training.classes),
            weights,
            self._offsets(training),
            penalty=1 / (self.C or 1 / training.rows.shape[1]),
            max_iter=self.max_iter,
        )
        self.weights_ = weights_ / scaler.scale_[:, np.newaxis]
        self.bias_ = bias - scaler.mean_ @ self.weights_

    def _offsets(self, training: TrainingRows) -> NDArray[np.float64]:
        """(n, n_classes) float64: log share of each mood in the part that a row is of, by row and class."""
        k = len(training.classes)
        offsets = np.empty((len(training.rows), k))
        for source in np.unique(self._sources):
            own = self._sources == source
            whole = np.bincount(training.codes[own], weights=training.weights[own], minlength=k)
            shares = whole / max(float(whole.sum()), 1e-300)
            for species in np.unique(self._species[own]):
                rows = own & (self._species == species)
                seen = np.bincount(training.codes[rows], weights=training.weights[rows], minlength=k)
                counts = seen + max(self.prior, 1e-9) * shares
                with np.errstate(divide="ignore"):
                    offsets[rows] = np.maximum(np.log(counts / counts.sum()), ABSENT)
        return offsets


class SourceMixture(SpeciesConditional):
    """A `SourceHead` for each of dog, cat and the rest, mixed by the probabilities of species.

    Each learns from all rows, weighted by the row's probability of its species plus `shared`: a cat's mood is read
    mostly by what cats taught, and what dogs taught helps where cats are few. Rows hold features and the scores of an
    ImageNet head, which tell species. It is a `SpeciesConditional` once fitted, so it runs wherever those do.
    """

    def __init__(
        self,
        logits: NDArray[np.int64],
        features: NDArray[np.int64],
        shared: float = 0.2,
        C: float | None = None,  # noqa: N803  # its name everywhere
        max_iter: int = 300,
        balance: str = "source x species",
        prior: float = 8.0,
    ) -> None:
        """Choose the columns of scores and of features, how much is borrowed, and what `SourceHead` takes."""
        self.logits = logits
        self.features = features
        self.shared = shared
        self.C = C
        self.max_iter = max_iter
        self.balance = balance
        self.prior = prior

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
        sources: NDArray[Any] | None = None,
    ) -> Self:
        """Learn from labelled rows of several sources; as `SourceHead.fit`, with species read from the rows."""
        n = len(X)
        self._sources = np.zeros(n, dtype=np.int64) if sources is None else _codes(sources, n)
        try:
            super().fit(X, y, groups=groups, sample_weight=sample_weight)
        finally:
            del self._sources
        return self

    def _learn(self, training: TrainingRows) -> None:
        species = species_groups(training.rows[:, self.logits])
        features = training.rows[:, self.features]
        weights = balanced_weights(self.balance, training, self._sources, species.argmax(axis=1))
        self.names_ = training.classes
        self.models_ = [
            SourceHead(self.C, self.max_iter, "rows", self.prior).fit(
                features,
                training.labels,
                sample_weight=weights * (species[:, i] + self.shared),
                sources=self._sources,
                species=species,
            )
            for i in range(species.shape[1])
        ]


def balanced_weights(
    balance: str, training: TrainingRows, sources: NDArray[np.int64], species: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) float64 of mean 1: rows weigh so that what `balance` names weighs alike, within it as the training says.

    Raises:
        ConfigError: an unknown balance.
    """
    if balance not in BALANCES:
        raise ConfigError(f"unknown setting balance '{balance}'. Choose one of: {', '.join(BALANCES)}.")
    if balance == "rows":
        return np.asarray(training.weights / training.weights.mean())
    within = {
        "source": sources,
        "source x species": sources * (species.max() + 1) + species,
        "source x class": sources * len(training.classes) + training.codes,
    }[balance]
    _, cell, counts = np.unique(within, return_inverse=True, return_counts=True)
    mass = np.bincount(cell, weights=training.weights)
    weights = training.weights * (np.minimum(1.0, counts / FEWEST) / np.where(mass > 0, mass, 1.0))[cell]
    return np.asarray(weights / weights.mean())


def _codes(values: NDArray[Any], n: int) -> NDArray[np.int64]:
    if len(values) != n:
        raise DataError(f"each row needs a source: got {len(values)} for {n} rows.")
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _first(species: NDArray[np.floating[Any]], n: int) -> NDArray[np.int64]:
    given = np.asarray(species)
    if given.ndim != 2 or len(given) != n or not np.isfinite(given).all():
        raise DataError(f"species must be a row of probabilities for each of {n} rows, got shape {given.shape}.")
    return np.asarray(given.argmax(axis=1), dtype=np.int64)


def _descend(
    rows: NDArray[np.float64],
    codes: NDArray[np.int64],
    k: int,
    weights: NDArray[np.float64],
    offsets: NDArray[np.float64],
    *,
    penalty: float,
    max_iter: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(dim, k) weights and (k,) bias with the least weighted loss + penalty / 2 |weights|^2, from zero by L-BFGS."""
    dim = rows.shape[1]
    target = np.eye(k)[codes]
    at = np.arange(len(rows))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix, bias = flat[: dim * k].reshape(dim, k), flat[dim * k :]
        scores = rows @ matrix + bias + offsets
        value = -float(weights @ log_softmax(scores, axis=1)[at, codes]) + 0.5 * penalty * float((matrix**2).sum())
        slope = weights[:, np.newaxis] * (softmax(scores, axis=1) - target)
        return value, np.concatenate([(rows.T @ slope + penalty * matrix).ravel(), slope.sum(axis=0)])

    found = minimize(loss, np.zeros((dim + 1) * k), jac=True, method="L-BFGS-B", options={"maxiter": max_iter})
    return found.x[: dim * k].reshape(dim, k), found.x[dim * k :]
