"""Labelled pictures of several sources -> what a model trained on some of the sources is worth on another.

Folds of one data set answer whether a model reads other photos of that collection. Whether it reads a reader's own
pictures is another question; the nearest that can be measured is a source that training never saw. Everything here is
a function of arrays: who trains and how is the caller's, as a `Reader`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ConfigError, DataError
from petmood.evaluation.statistics import draw_counts, mean_interval, percentile_interval
from petmood.evaluation.statistics.intervals import RESAMPLES
from petmood.records import IntArray
from petmood.results import Interval

Probabilities = NDArray[np.float64]

Reader = Callable[[IntArray, IntArray], Probabilities]
"""(training rows, rows to judge) -> (n, n_classes) probabilities by a model fitted on the training rows alone."""

Kind = Literal["left out", "in source", "one to one"]

FOLDS: Final = 5


@dataclass(frozen=True)
class Pooled:
    """Labelled pictures of several sources, a row a picture.

    Attributes:
        sources: names of the sources.
        classes: names of the classes, one list for all sources.
        source: (n,) int64 index into `sources`.
        labels: (n,) int64 index into `classes`.
        families: (n,) int64: rows of one photo share a number, within a source and across sources.
        species: (n, n_species) float64 probabilities of species.
    """

    sources: tuple[str, ...]
    classes: tuple[str, ...]
    source: IntArray
    labels: IntArray
    families: IntArray
    species: Probabilities

    def __post_init__(self) -> None:
        lengths = {len(self.source), len(self.labels), len(self.families), len(self.species)}
        if len(lengths) != 1 or 0 in lengths:
            raise DataError(f"each picture needs a source, a label, a family and species, got lengths {lengths}.")
        for what, values, names in (("source", self.source, self.sources), ("label", self.labels, self.classes)):
            if values.min() < 0 or values.max() >= len(names):
                raise DataError(f"a {what} must be an index below {len(names)}, got {values.min()} to {values.max()}.")
        empty = [name for i, name in enumerate(self.sources) if not (self.source == i).any()]
        if empty:
            raise DataError(f"source '{empty[0]}' has no pictures. Leave it out.")

    def rows(self, *sources: int) -> IntArray:
        """(m,) int64 ascending: the rows of some sources."""
        return np.flatnonzero(np.isin(self.source, sources)).astype(np.int64)

    def photos(self, rows: IntArray) -> IntArray:
        """(m,) int64 ascending: of some rows the first of each family, so that a photo is judged once."""
        _, first = np.unique(self.families[rows], return_index=True)
        return np.sort(rows[first])

    def copies(self) -> tuple[IntArray, ...]:
        """Rows of each family that stands in more than one source: what was published twice."""
        order = np.argsort(self.families, kind="stable")
        edges = np.flatnonzero(np.diff(self.families[order])) + 1
        groups = np.split(order, edges)
        return tuple(np.sort(g).astype(np.int64) for g in groups if len(np.unique(self.source[g])) > 1)


@dataclass(frozen=True)
class SourceFold:
    """One source judged by a model trained on others, or on the rest of itself.

    Attributes:
        kind: "left out" (trained on all other sources), "one to one" (on one other) or "in source" (grouped folds).
        trained: indices of the sources trained on.
        judged: index of the source judged.
        train: (n_train,) rows to train on: none of a family that is judged.
        evaluate: (n,) rows to judge, one a family.
        removed: (m,) rows of the sources trained on that were left out because they are copies of judged ones.
    """

    kind: Kind
    trained: tuple[int, ...]
    judged: int
    train: IntArray
    evaluate: IntArray
    removed: IntArray


def left_out_folds(
    union: Pooled, sources: Sequence[int] | None = None, *, without: IntArray | None = None
) -> tuple[SourceFold, ...]:
    """Each source left out: trained on all others, judged on it. Copies of judged photos are taken out of training.

    Args:
        union: the pictures.
        sources: which sources take part, two or more; all if None.
        without: rows of which no copy may take part, on either side: those that an outer fold judges.

    Raises:
        DataError: fewer than two sources, or what is left to train on has fewer than two classes.
    """
    among = tuple(range(len(union.sources))) if sources is None else tuple(sources)
    if len(among) < 2:
        raise DataError(f"leaving a source out needs two sources or more, got {len(among)}. Add another data set.")
    found = (_fold(union, "left out", tuple(s for s in among if s != judged), judged) for judged in among)
    return tuple(_without(union, fold, without) for fold in found)


def one_to_one_folds(union: Pooled) -> tuple[SourceFold, ...]:
    """Each source judged by a model trained on each other source alone: the matrix *trained on -> judged on*."""
    among = range(len(union.sources))
    return tuple(_fold(union, "one to one", (a,), b) for a in among for b in among if a != b)


def in_source_folds(union: Pooled, source: int, *, folds: int = FOLDS, seed: int = 0) -> tuple[SourceFold, ...]:
    """Grouped folds inside one source, stratified by class: what is usually reported.

    There are as many folds as asked for, or as the rarest class has photos.

    Raises:
        DataError: a class of the source has one photo only.
    """
    from sklearn.model_selection import StratifiedKFold

    rows = union.rows(source)
    photos = union.photos(rows)
    labels = union.labels[photos]
    counts = np.bincount(labels)
    fewest = int(counts[counts > 0].min())
    if fewest < 2:
        name = union.classes[int(np.flatnonzero(counts == 1)[0])]
        raise DataError(f"class '{name}' of source '{union.sources[source]}' has one photo only. Add photos.")
    splitter = StratifiedKFold(min(folds, fewest), shuffle=True, random_state=seed)
    found = []
    for _, held in splitter.split(photos, labels):
        evaluate = photos[held]
        train = rows[~np.isin(union.families[rows], union.families[evaluate])]
        found.append(SourceFold("in source", (source,), source, train, evaluate, np.empty(0, dtype=np.int64)))
    return tuple(found)


def _fold(union: Pooled, kind: Kind, trained: tuple[int, ...], judged: int) -> SourceFold:
    evaluate = union.photos(union.rows(judged))
    rows = union.rows(*trained)
    copied = np.isin(union.families[rows], union.families[evaluate])
    train = rows[~copied]
    if len(np.unique(union.labels[train])) < 2:
        names = ", ".join(union.sources[s] for s in trained)
        raise DataError(f"{names}: fewer than two classes are left to train on once copies are out. Add pictures.")
    return SourceFold(kind, trained, judged, train, evaluate, rows[copied])


def _without(union: Pooled, fold: SourceFold, rows: IntArray | None) -> SourceFold:
    if rows is None:
        return fold
    kept = [part[~np.isin(union.families[part], union.families[rows])] for part in (fold.train, fold.evaluate)]
    return replace(fold, train=kept[0], evaluate=kept[1])


@dataclass(frozen=True)
class Reading:
    """What a model says of the photos of one source.

    Attributes:
        kind, trained, judged: as in `SourceFold`.
        rows: (n,) rows judged, one a family.
        probabilities: (n, n_classes) float64.
        n_train: photos trained on (the mean over folds, rounded).
        learnt: classes that training held, in every fold.
    """

    kind: Kind
    trained: tuple[int, ...]
    judged: int
    rows: IntArray
    probabilities: Probabilities
    n_train: int
    learnt: IntArray


def read(union: Pooled, folds: Sequence[SourceFold], reader: Reader) -> Reading:
    """Train and judge on folds that judge one source: one fold, or its in-source folds together."""
    kinds = {(fold.kind, fold.trained, fold.judged) for fold in folds}
    if len(kinds) != 1:
        raise ConfigError(
            f"folds of one reading must judge one source by one kind of training, got {len(kinds)} kinds."
        )
    said = []
    for fold in folds:
        probabilities = np.asarray(reader(fold.train, fold.evaluate), dtype=np.float64)
        if probabilities.shape != (len(fold.evaluate), len(union.classes)):
            raise DataError(
                f"a reader must give {(len(fold.evaluate), len(union.classes))} probabilities, got "
                f"{probabilities.shape}. Order its columns as the union's classes."
            )
        said.append(probabilities)
    ((kind, trained, judged),) = kinds
    every = np.arange(len(union.classes))
    sizes = [len(union.photos(fold.train)) for fold in folds]
    return Reading(
        kind,
        trained,
        judged,
        np.concatenate([fold.evaluate for fold in folds]),
        np.concatenate(said),
        round(float(np.mean(sizes))),
        np.flatnonzero(np.all([np.isin(every, union.labels[fold.train]) for fold in folds], axis=0)),
    )


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix.

    Attributes:
        kind, trained_on, judged_on: what was trained and judged, by name.
        n: photos judged. n_train: photos trained on.
        classes: names of the classes that the judged source holds: answers are chosen among these.
        accuracy, balanced: right answers among all, and their mean over classes; with 95 % intervals over photos.
        recall: of each class in `classes`.
        guessing: 1 / number of classes: what balanced accuracy is without knowledge.
    """

    kind: Kind
    trained_on: tuple[str, ...]
    judged_on: str
    n: int
    n_train: int
    classes: tuple[str, ...]
    accuracy: float
    accuracy_ci: Interval
    balanced: float
    balanced_ci: Interval
    recall: tuple[float, ...]
    guessing: float


def cell(union: Pooled, reading: Reading, *, seed: int = 0) -> Cell:
    """Score a reading. Classes that the judged source does not hold are no answers: they cannot be right there."""
    labels = union.labels[reading.rows]
    present = np.unique(labels)
    predicted = answers(reading.probabilities, present)
    hits = (predicted == labels).astype(np.float64)
    return Cell(
        kind=reading.kind,
        trained_on=tuple(union.sources[s] for s in reading.trained),
        judged_on=union.sources[reading.judged],
        n=len(labels),
        n_train=reading.n_train,
        classes=tuple(union.classes[k] for k in present),
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits, seed=seed),
        balanced=balanced_accuracy(labels, predicted),
        balanced_ci=balanced_interval(labels, predicted, union.families[reading.rows], seed=seed),
        recall=tuple(float(hits[labels == k].mean()) for k in present),
        guessing=1 / len(present),
    )


def answers(probabilities: Probabilities, possible: IntArray) -> IntArray:
    """(n,) int64: the most probable of the possible classes."""
    return np.asarray(possible[probabilities[:, possible].argmax(axis=1)], dtype=np.int64)


def balanced_accuracy(truth: IntArray, predicted: IntArray) -> float:
    """Mean over the true classes of the share of their photos that was read right."""
    return float(np.mean([(predicted[truth == k] == k).mean() for k in np.unique(truth)]))


def balanced_interval(
    truth: IntArray, predicted: IntArray, families: IntArray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """95 % bootstrap interval of balanced accuracy that resamples families with all they hold.

    Draws without any photo of a class average over the classes that they have. Bounds are expanded percentiles, as in
    `petmood.evaluation.statistics.mean_interval`.
    """
    _, where = np.unique(families, return_inverse=True)
    n = int(where.max()) + 1
    classes = np.unique(truth)
    if n < 2:
        return 0.0, 1.0
    counts = np.zeros((n, len(classes)))
    hits = np.zeros((n, len(classes)))
    column = np.searchsorted(classes, truth)
    np.add.at(counts, (where, column), 1.0)
    np.add.at(hits, (where, column), (truth == predicted).astype(np.float64))
    kinds, sizes = np.unique(np.concatenate([counts, hits], axis=1), axis=0, return_counts=True)
    drawn = draw_counts(sizes.astype(np.int64), resamples=resamples, seed=seed)
    with np.errstate(invalid="ignore"):
        recall = (drawn @ kinds[:, len(classes) :]) / (drawn @ kinds[:, : len(classes)])
    return percentile_interval(np.nanmean(recall, axis=1), n)


@dataclass(frozen=True)
class NestedChoice:
    """Which candidate the other sources chose for a source that is left out, and what it is worth there.

    Attributes:
        judged: the source left out; it took no part in the choice.
        chosen: name of the candidate.
        merits: each candidate's balanced accuracy on the other sources, each of them left out in turn, averaged.
        reading: what the chosen candidate, trained on all other sources, says of the source.
    """

    judged: int
    chosen: str
    merits: Mapping[str, float]
    reading: Reading


def choose_nested(
    union: Pooled, candidates: Mapping[str, Reader], *, folds: int = FOLDS, seed: int = 0
) -> Iterator[NestedChoice]:
    """For each source left out, choose among candidates by the other sources alone, and judge the choice.

    The merit of a candidate is its mean balanced accuracy over the other sources, each left out in turn; where only one
    other source is there, its in-source folds decide. The first of equals is chosen, so list simpler ones first.

    Raises:
        ConfigError: no candidates.
    """
    if not candidates:
        raise ConfigError("there is nothing to choose from. Give a candidate or more.")
    for outer in left_out_folds(union):
        inner = inner_folds(union, outer, folds=folds, seed=seed)
        merits = {name: _merit(union, inner, reader) for name, reader in candidates.items()}
        chosen = max(merits, key=lambda name: merits[name])
        yield NestedChoice(outer.judged, chosen, merits, read(union, [outer], candidates[chosen]))


def inner_folds(
    union: Pooled, outer: SourceFold, *, folds: int = FOLDS, seed: int = 0
) -> tuple[tuple[SourceFold, ...], ...]:
    """Folds among the sources that an outer fold trains on, for choices and calibration that its source never sees.

    One tuple of folds for each source that is judged: each left out in turn, or, where there is one only, its grouped
    folds. No copy of a photo that the outer fold judges takes part.
    """
    if len(outer.trained) == 1:
        within = in_source_folds(union, outer.trained[0], folds=folds, seed=seed)
        return (tuple(_without(union, fold, outer.evaluate) for fold in within),)
    return tuple((fold,) for fold in left_out_folds(union, outer.trained, without=outer.evaluate))


def _merit(union: Pooled, inner: Sequence[Sequence[SourceFold]], reader: Reader) -> float:
    scores = []
    for folds in inner:
        reading = read(union, folds, reader)
        labels = union.labels[reading.rows]
        scores.append(balanced_accuracy(labels, answers(reading.probabilities, np.unique(labels))))
    return float(np.mean(scores))
