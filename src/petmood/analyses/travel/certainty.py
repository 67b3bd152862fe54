"""A reader of several sources -> how far what it says of its certainty holds on a source that it never saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.travel.facts import TravelCertainty, TravelUnlike
from petmood.dataset.across import Across
from petmood.evaluation import certainty_elsewhere as transfer
from petmood.evaluation import sources, unlikeness
from petmood.evaluation.calibrate import fit_conformal
from petmood.records import FloatArray


def certainty(union: sources.Pooled, reader: sources.Reader, seed: int) -> Iterator[TravelCertainty]:
    """For each source left out: calibrated over the others, each left out in turn; and as is usual, by their folds."""
    for outer in sources.left_out_folds(union):
        inner = [sources.read(union, folds, reader) for folds in sources.inner_folds(union, outer, seed=seed)]
        judged = sources.read(union, [outer], reader)
        yield travelling(union, inner, judged)
        yield _usual(union, [_own(union, reader, s, outer, seed) for s in outer.trained], judged)


def certainty_of_one(union: sources.Pooled, reader: sources.Reader, seed: int) -> Iterator[TravelCertainty]:
    """For each pair of sources: calibrated on the one, widened and as is usual, judged on the other."""
    for outer in sources.one_to_one_folds(union):
        own = [_own(union, reader, outer.trained[0], outer, seed)]
        judged = sources.read(union, [outer], reader)
        yield travelling(union, own, judged)
        yield _usual(union, own, judged)


def _own(
    union: sources.Pooled, reader: sources.Reader, source: int, outer: sources.SourceFold, seed: int
) -> sources.Reading:
    one = sources.SourceFold("one to one", (source,), outer.judged, outer.train, outer.evaluate, outer.removed)
    ((*folds,),) = sources.inner_folds(union, one, seed=seed)
    return sources.read(union, folds, reader)


def fit_readings(
    union: sources.Pooled, readings: Sequence[sources.Reading], unlearnt: Sequence[int] = ()
) -> transfer.TransferCalibration:
    """Temperature and sets that readings of sources left out calibrate; `unlearnt` are moods that training lacks."""
    rows = np.concatenate([r.rows for r in readings])
    return transfer.fit_transfer(
        np.concatenate([r.probabilities for r in readings]),
        union.labels[rows],
        union.source[rows],
        known=np.concatenate([np.isin(union.labels[r.rows], r.learnt) for r in readings]),
        unlearnt=unlearnt,
    )


def travelling(union: sources.Pooled, inner: Sequence[sources.Reading], judged: sources.Reading) -> TravelCertainty:
    """Sets and "sure" that readings of other sources calibrate, on the one judged."""
    fitted = fit_readings(union, inner, np.setdiff1d(np.arange(len(union.classes)), judged.learnt).tolist())
    scaled = fitted.scaled(judged.probabilities)
    sets = [level.sets(scaled) for level in fitted.levels]
    how = "left out" if fitted.n_sources > 1 else "one source"
    return _facts(union, how, judged, scaled, sets, fitted.is_sure(scaled))


def _usual(union: sources.Pooled, own: Sequence[sources.Reading], judged: sources.Reading) -> TravelCertainty:
    rows = np.concatenate([part.rows for part in own])
    said = np.concatenate([part.probabilities for part in own])
    sets = [
        fit_conformal(said, union.labels[rows], 1 - c).sets(judged.probabilities) for c in sorted(transfer.COVERAGES)
    ]
    return _facts(union, "usual", judged, judged.probabilities, sets, sets[0].sum(axis=1) == 1)


def _facts(
    union: sources.Pooled,
    how: str,
    judged: sources.Reading,
    said: NDArray[np.float64],
    sets: Sequence[NDArray[np.bool_]],
    sure: NDArray[np.bool_],
) -> TravelCertainty:
    truth = union.labels[judged.rows]
    at = np.arange(len(truth))
    names = [f"{c:.0%}" for c in sorted(transfer.COVERAGES)]
    return TravelCertainty(
        how=how,
        trained_on=tuple(union.sources[s] for s in judged.trained),
        judged_on=union.sources[judged.judged],
        n=len(truth),
        held={name: int(s[at, truth].sum()) for name, s in zip(names, sets, strict=True)},
        size={name: float(s.sum(axis=1).mean()) for name, s in zip(names, sets, strict=True)},
        sure=int(sure.sum()),
        right=int((said.argmax(axis=1) == truth)[sure].sum()),
    )


def unlike(of: Across, vectors: FloatArray, reader: sources.Reader) -> Iterator[TravelUnlike]:
    """For each source left out and level of unlikeness: photos, and right answers among them."""
    union = of.union
    for outer in sources.left_out_folds(union):
        train = union.photos(outer.train)
        families = union.families[train]
        own = unlikeness.distances(vectors[train], vectors[train], families=families, training_families=families)
        # with one source to train on nothing is known of elsewhere
        inner = [folds[0] for folds in sources.inner_folds(union, outer)] if len(outer.trained) > 1 else []
        left = [unlikeness.distances(vectors[fold.evaluate], vectors[fold.train]) for fold in inner]
        limits = (
            unlikeness.fit_unlikeness(
                own, np.concatenate(left), np.concatenate([union.source[fold.evaluate] for fold in inner])
            )
            if inner
            else unlikeness.fit_unlikeness(own)
        )
        judged = sources.read(union, [outer], reader)
        found = np.array(limits.level(unlikeness.distances(vectors[judged.rows], vectors[train])))
        truth = union.labels[judged.rows]
        right = sources.answers(judged.probabilities, np.unique(truth)) == truth
        for level in unlikeness.LEVELS:
            chosen = found == level
            yield TravelUnlike(
                judged_on=union.sources[outer.judged],
                level=level,
                photos=int(chosen.sum()),
                n=len(truth),
                right=int(right[chosen].sum()),
            )
