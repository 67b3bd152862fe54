"""Features of several sources -> readers of further kinds, published ones and controls, for `petmood travel --methods`.

No model of petmood is made by one of them: they are here so that what was tried can be tried again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from petmood.evaluation.certainty_elsewhere import even_weights
from petmood.evaluation.sources import Pooled, Reader
from petmood.features.erasure import fit_leace, fit_within_groups
from petmood.records import IntArray
from petmood.training.heads import LogisticHead
from petmood.training.source_head import SourceHead
from petmood.training.species import SpeciesConditional

Rows = NDArray[np.float64]
Change = Callable[[Rows, Rows, IntArray, IntArray], tuple[Rows, Rows]]
"""(training rows, judged rows, indices of both) -> the same, changed."""

Classify = Callable[[Rows, Rows, IntArray, IntArray], Rows]
"""(training rows, judged rows, indices of both) -> (n, n_classes) scores: the largest is the answer."""


def further(union: Pooled, vectors: NDArray[np.float32], scores: NDArray[np.float32]) -> dict[str, Reader]:
    """Readers by name.

    Args:
        union: the pictures.
        vectors: (n, dim) features.
        scores: (n, 1000) of an ImageNet head.
    """
    tools = _Tools(union, vectors)
    head, logistic = tools.head(), tools.logistic()
    centred = tools.on_its_own_source
    named: dict[str, Reader] = {
        "told priors, no balance": tools.reader(tools.head("rows")),
        "told priors, sources even": tools.reader(tools.head("source")),
        "told priors by source alone": tools.reader(tools.head(species=False)),
        "told priors, C ten times as large": tools.reader(tools.head(strength=10)),
        "told priors, C a tenth": tools.reader(tools.head(strength=0.1)),
        "every source centred on itself (the judged too)": tools.reader(head, centred),
        "every species centred on itself": tools.reader(head, tools.on_its_own_species),
        "LEACE of source": tools.reader(head, tools.without_source),
        "LEACE of species": tools.reader(head, tools.without_species),
        "CORAL to the judged source, up to 128 components": tools.reader(head, tools.coral),
        "up to 128 whitened components": tools.reader(head, tools.whitened),
        "GroupDRO over source x class": tools.reader(tools.group_dro),
        "LDA, shrunk by half": tools.reader(tools.lda),
        "LDA, shrunk by half, sources centred": tools.reader(tools.lda, centred),
        "prototypes by source": tools.reader(tools.prototypes),
        "prototypes by source, sources centred": tools.reader(tools.prototypes, centred),
        "up to 50 nearest neighbours": tools.reader(tools.neighbours),
        "up to 50 nearest neighbours, sources centred": tools.reader(tools.neighbours, centred),
        "kernel ridge (RBF)": tools.reader(tools.kernel_ridge),
        "kernel ridge (RBF), sources centred": tools.reader(tools.kernel_ridge, centred),
        "linear SVM": tools.reader(tools.svm),
        "logistic regression": tools.reader(logistic),
        "a head a species, not told": tools.by_species(scores),
        "prior of the judged source by EM": tools.adjusted(tools.reader(head), even=False),
        "answers even on the judged source": tools.adjusted(tools.reader(head), even=True),
    }
    return named


class _Tools:
    """What methods are made of."""

    def __init__(self, union: Pooled, vectors: NDArray[np.float32]) -> None:
        self.union = union
        self.vectors = vectors
        self.names = np.array(union.classes)
        self.k = len(union.classes)

    def reader(self, classify: Classify, change: Change | None = None) -> Reader:
        """Standardise on training, change, classify."""

        def read(train: IntArray, evaluate: IntArray) -> Rows:
            weights = even_weights(self.union.labels[train], self.union.source[train])
            known = self.vectors[train].astype(np.float64)
            mean = np.average(known, axis=0, weights=weights)
            deviation = np.sqrt(np.average((known - mean) ** 2, axis=0, weights=weights)) + 1e-6
            rows = [(self.vectors[part] - mean) / deviation for part in (train, evaluate)]
            if change is not None:
                rows = list(change(rows[0], rows[1], train, evaluate))
            return classify(rows[0], rows[1], train, evaluate)

        return read

    # -- classifiers

    def head(self, balance: str = "source x species", *, species: bool = True, strength: float = 1.0) -> Classify:
        def classify(known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
            fitted = SourceHead(strength / known.shape[1], balance=balance).fit(
                known,
                self.names[self.union.labels[train]],
                sources=self.union.source[train],
                species=self.union.species[train] if species else None,
            )
            return self.ordered(fitted, asked)

        return classify

    def logistic(self) -> Classify:
        def classify(known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
            weights = even_weights(self.union.labels[train], self.union.source[train])
            fitted = LogisticHead().fit(known, self.names[self.union.labels[train]], sample_weight=weights)
            return self.ordered(fitted, asked)

        return classify

    def ordered(self, fitted: LogisticHead | SpeciesConditional, asked: Rows) -> Rows:
        found = np.zeros((len(asked), self.k))
        found[:, [self.union.classes.index(str(name)) for name in fitted.classes_]] = fitted.predict_proba(asked)
        return found

    def group_dro(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        """Groups of higher loss weigh more, round by round (Sagawa et al. 2020)."""
        labels, source = self.union.labels[train], self.union.source[train]
        _, group, counts = np.unique(source * self.k + labels, return_inverse=True, return_counts=True)
        share = np.full(len(counts), 1 / len(counts))
        for _ in range(5):
            fitted = SourceHead(balance="rows", max_iter=60).fit(
                known, self.names[labels], sample_weight=(share / counts)[group] * len(labels), sources=source
            )
            chance = self.ordered(fitted, known)[np.arange(len(labels)), labels]
            loss = np.bincount(group, weights=-np.log(np.clip(chance, 1e-9, 1))) / counts
            share = share * np.exp(0.5 * loss)
            share /= share.sum()
        return self.ordered(fitted, asked)

    def lda(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        labels = self.union.labels[train]
        weights = even_weights(labels, self.union.source[train])
        means = np.zeros((self.k, known.shape[1]))
        for c in np.unique(labels):
            means[c] = np.average(known[labels == c], axis=0, weights=weights[labels == c])
        inner = (known - means[labels]) * np.sqrt(weights / weights.sum())[:, np.newaxis]
        spread = inner.T @ inner
        spread = 0.5 * spread + 0.5 * np.trace(spread) / len(spread) * np.eye(len(spread))
        towards = np.linalg.solve(spread, means.T)
        return self.among(labels, asked @ towards - 0.5 * np.einsum("kd,dk->k", means, towards))

    def prototypes(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        labels, source = self.union.labels[train], self.union.source[train]
        found, count = np.zeros((len(asked), self.k)), np.zeros(self.k)
        for s in np.unique(source):
            for c in np.unique(labels[source == s]):
                middle = _unit(known[(source == s) & (labels == c)]).mean(axis=0)
                found[:, c] += _unit(asked) @ _unit(middle[np.newaxis])[0]
                count[c] += 1
        return self.among(labels, found / np.maximum(count, 1))

    def neighbours(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        labels = self.union.labels[train]
        weights = even_weights(labels, self.union.source[train])
        near = _unit(asked) @ _unit(known).T
        k = min(50, near.shape[1])
        chosen = np.argpartition(-near, k - 1, axis=1)[:, :k]
        vote = np.exp(5 * np.take_along_axis(near, chosen, axis=1)) * weights[chosen]
        return np.stack([(vote * (labels[chosen] == c)).sum(axis=1) for c in range(self.k)], axis=1)

    def kernel_ridge(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        labels = self.union.labels[train]
        weights = even_weights(labels, self.union.source[train])
        target = np.eye(self.k)[labels]
        target = target - np.average(target, axis=0, weights=weights)
        factors = np.linalg.solve(_rbf(known, known) + np.diag(1 / weights), target)
        return self.among(labels, _rbf(asked, known) @ factors)

    def svm(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> Rows:
        from sklearn.svm import LinearSVC

        labels = self.union.labels[train]
        weights = even_weights(labels, self.union.source[train])
        fitted = LinearSVC(C=3e-4, random_state=0).fit(known, labels, sample_weight=weights)
        found = np.full((len(asked), self.k), -1e9)
        found[:, fitted.classes_] = fitted.decision_function(asked)
        return found

    def among(self, labels: IntArray, found: Rows) -> Rows:
        missing = np.setdiff1d(np.arange(self.k), labels)
        found[:, missing] = -1e9
        return found

    def by_species(self, scores: NDArray[np.float32]) -> Reader:
        """Petmood's head a species, which knows nothing of sources."""
        both = np.concatenate([scores, self.vectors], axis=1)
        columns = np.arange(both.shape[1])

        def read(train: IntArray, evaluate: IntArray) -> Rows:
            weights = even_weights(self.union.labels[train], self.union.source[train])
            fitted = SpeciesConditional(LogisticHead, columns[:1000], columns[1000:]).fit(
                both[train], self.names[self.union.labels[train]], sample_weight=weights
            )
            return self.ordered(fitted, both[evaluate])

        return read

    # -- changes of features

    def on_its_own_source(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        """Each source minus its mean, over its deviation; the judged one too, which needs no label of it."""
        out = np.empty_like(known)
        for s in np.unique(self.union.source[train]):
            rows = self.union.source[train] == s
            out[rows] = _standard(known[rows])
        return out, _standard(asked)

    def on_its_own_species(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        weights = even_weights(self.union.labels[train], self.union.source[train])
        fitted = fit_within_groups(known, self.union.species[train], weights, scale=False)
        return fitted.transform(known, self.union.species[train]), fitted.transform(asked, self.union.species[evaluate])

    def without_source(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        values, which = np.unique(self.union.source[train], return_inverse=True)
        if len(values) == 1:
            return known, asked
        concept = np.eye(len(values))[which]
        eraser = fit_leace(known, concept, np.ones(len(known)))
        return eraser.transform(known, concept), eraser.transform(asked, concept)

    def without_species(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        concept = self.union.species[train]
        eraser = fit_leace(known, concept, np.ones(len(known)))
        return eraser.transform(known, concept), eraser.transform(asked, concept)

    def whitened(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        mean, basis, spread = _components(known)
        scale = np.sqrt(spread + 0.05 * spread[0])
        return (known - mean) @ basis / scale, (asked - mean) @ basis / scale

    def coral(self, known: Rows, asked: Rows, train: IntArray, evaluate: IntArray) -> tuple[Rows, Rows]:
        """Each source takes on the covariance of the judged one (Sun et al. 2016), which needs no label of it."""
        mean, basis, _ = _components(known)
        known, asked = (known - mean) @ basis, (asked - mean) @ basis
        out, wanted = np.empty_like(known), _power(_covariance(asked), 0.5)
        for s in np.unique(self.union.source[train]):
            rows = self.union.source[train] == s
            out[rows] = (known[rows] - known[rows].mean(axis=0)) @ _power(_covariance(known[rows]), -0.5) @ wanted
        return out, asked - asked.mean(axis=0)

    # -- changes of answers

    def adjusted(self, reader: Reader, *, even: bool) -> Reader:
        """Answers under the class shares of the judged source by EM (Saerens et al. 2002), or made even over it."""

        def read(train: IntArray, evaluate: IntArray) -> Rows:
            said = reader(train, evaluate)
            present = np.unique(self.union.labels[evaluate])
            chance = said[:, present] / said[:, present].sum(axis=1, keepdims=True)
            tilt = np.zeros(len(present))
            for _ in range(100):
                now = softmax(np.log(chance + 1e-12) + tilt, axis=1)
                tilt = tilt - 0.5 * np.log(now.mean(axis=0) * len(present)) if even else np.log(now.mean(axis=0))
            found = np.zeros_like(said)
            found[:, present] = now
            return found

        return read


def _unit(rows: Rows) -> Rows:
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12))


def _standard(rows: Rows) -> Rows:
    return np.asarray((rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6))


def _rbf(a: Rows, b: Rows) -> Rows:
    away = (a**2).sum(axis=1)[:, np.newaxis] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(away, 0) / (2 * a.shape[1])))


def _components(rows: Rows) -> tuple[Rows, Rows, Rows]:
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    return mean, vectors[:, ::-1][:, :128], values[::-1][:128]


def _covariance(rows: Rows) -> Rows:
    found = np.cov(rows.T)
    return np.asarray(found + 0.5 * np.trace(found) / len(found) * np.eye(len(found)))


def _power(matrix: Rows, exponent: float) -> Rows:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * values**exponent) @ vectors.T)
