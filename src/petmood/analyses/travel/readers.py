"""Joined sources -> who is judged: heads on frozen features, and controls that see no face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.dataset.across import Across
from petmood.evaluation.certainty_elsewhere import even_weights
from petmood.evaluation.sources import Pooled, Probabilities, Reader
from petmood.features.species import species_probabilities
from petmood.records import FloatArray, IntArray

MODEL: Final = "mixture"
"""The head that `petmood train` makes of several sources."""


def heads(of: Across) -> dict[str, Reader]:
    """Ways of training a head, by code, simpler ones first; each trains once on the same rows."""
    vectors, scores = of.vectors, of.scores
    both = np.concatenate([scores, vectors], axis=1)
    found = {
        "logistic": _logistic(of.union, vectors, even=False),
        "logistic-even": _logistic(of.union, vectors, even=True),
        "told": _told(of.union, vectors),
        MODEL: mixture(of.union, both, scores.shape[1]),
        "mixture-even": mixture(of.union, both, scores.shape[1], "source"),
    }
    return {name: remembered(reader) for name, reader in found.items()}


def species_alone(union: Pooled, scores: FloatArray) -> Reader:
    """A control that is told the species and nothing else. `scores` are (n, 1000) of an ImageNet head."""
    return remembered(_logistic(union, species_probabilities(scores), even=True))


def angry_cats(union: Pooled) -> Reader | None:
    """A control by rule: cats are angry, dogs happy, other animals sad; None where there are no such moods.

    It is what the photos of many collections teach of species. A mood "other" is the second guess for a cat, where
    none is angry.
    """
    by_name = {name.casefold(): i for i, name in enumerate(union.classes)}
    if not {"angry", "happy"} <= set(by_name):
        return None
    rule = np.full((3, len(union.classes)), 0.05)
    rule[0, by_name["happy"]] = rule[1, by_name["angry"]] = rule[2, by_name.get("sad", by_name["angry"])] = 1.0
    if "other" in by_name:
        rule[1, by_name["other"]] = 0.5

    def read(train: IntArray, evaluate: IntArray) -> Probabilities:
        said = union.species[evaluate] @ rule
        return np.asarray(said / said.sum(axis=1, keepdims=True))

    return read


def mixture(union: Pooled, rows: FloatArray, n_scores: int, balance: str = "source x species") -> Reader:
    """A head a species with priors told: `rows` are ImageNet scores, then features."""
    columns = np.arange(rows.shape[1])

    def fit(train: IntArray, labels: NDArray[np.str_]) -> Any:
        from petmood.training.source_head import SourceMixture

        head = SourceMixture(columns[:n_scores], columns[n_scores:], balance=balance)
        return head.fit(rows[train], labels, sources=union.source[train])

    return _reader(union, rows, fit)


def _told(union: Pooled, vectors: FloatArray) -> Reader:
    def fit(train: IntArray, labels: NDArray[np.str_]) -> Any:
        from petmood.training.source_head import SourceHead

        head = SourceHead(balance="source x species")
        return head.fit(vectors[train], labels, sources=union.source[train], species=union.species[train])

    return _reader(union, vectors, fit)


def _logistic(union: Pooled, rows: NDArray[np.floating], *, even: bool) -> Reader:
    def fit(train: IntArray, labels: NDArray[np.str_]) -> Any:
        from petmood.training.heads import LogisticHead

        weights = even_weights(union.labels[train], union.source[train]) if even else None
        return LogisticHead().fit(rows[train], labels, sample_weight=weights)

    return _reader(union, rows, fit)


def _reader(union: Pooled, rows: NDArray[np.floating], fit: Callable[[IntArray, NDArray[np.str_]], Any]) -> Reader:
    """Reads by the head that `fit` makes of training rows and their labels; classes that these lack get nothing."""
    names = np.array(union.classes)

    def read(train: IntArray, evaluate: IntArray) -> Probabilities:
        head = fit(train, names[union.labels[train]])
        found = np.zeros((len(evaluate), len(union.classes)))
        found[:, [union.classes.index(str(name)) for name in head.classes_]] = head.predict_proba(rows[evaluate])
        return found

    return read


def remembered(reader: Reader) -> Reader:
    """The same reader, which trains once on the same rows."""
    known: dict[tuple[bytes, bytes], Probabilities] = {}

    def read(train: IntArray, evaluate: IntArray) -> Probabilities:
        key = train.tobytes(), evaluate.tobytes()
        if key not in known:
            known[key] = reader(train, evaluate)
        return known[key]

    return read
