"""What models and controls got under each split -> whether it leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from petmood.analyses.leakage.facts import LeakageFigure, SplitLeak
from petmood.evaluation.protocols import Predictions
from petmood.evaluation.statistics import BOOTSTRAP, compare_pair, family_totals, mean_interval
from petmood.records import IntArray, Manifest
from petmood.results import Interval
from petmood.results.base import Identity
from petmood.split import Fold

PERMUTED = "permuted-labels"
"""The control that has nothing to learn."""


def permute_labels(manifest: Manifest, seed: int) -> Manifest:
    """The same images, families and splits with labels permuted among families: nothing is left to learn.

    All files of a photo share their new label, as copies of a photo share the true one, so a model that does better
    than chance here has recognised photos, not moods.
    """
    rng = np.random.default_rng(seed)
    photos = manifest.photo_index
    dealt = rng.permutation([manifest.records[i].class_name for i in photos])
    label = {manifest.records[i].family: str(name) for i, name in zip(photos, dealt, strict=True)}
    return replace(manifest, records=tuple(replace(r, class_name=label[r.family]) for r in manifest.records))


def leakage_figure(
    manifest: Manifest, made: Predictions, *, subject: str, control: bool, split: str, identity: Identity
) -> LeakageFigure:
    """One cell of the meter; files of one photo are resampled together in its interval."""
    hits = made.predicted == manifest.class_index[made.index]
    families = manifest.family_index[made.index]
    return LeakageFigure(
        subject=subject,
        control=control,
        split=split,
        n=len(hits),
        photos=len(np.unique(families)),
        correct=int(hits.sum()),
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits, families),
        identity=identity,
        ci_method=BOOTSTRAP,
    )


def exposed_items(manifest: Manifest, folds: Sequence[Fold]) -> int:
    """Evaluated items of which training has a file of the same photo, over all folds."""
    families = manifest.family_index
    return sum(int(np.isin(families[f.evaluate], families[f.train]).sum()) for f in folds)


def accuracy_gap(manifest: Manifest, leaky: Predictions, grouped: Predictions) -> tuple[float, Interval]:
    """Accuracy of the leaky predictions minus that of the grouped ones, photo by photo, with a paired 95 % interval.

    A photo's hit rate under the leaky split is the mean over its files.
    """

    def rates(made: Predictions) -> tuple[IntArray, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        families = manifest.family_index[made.index]
        hits = (made.predicted == manifest.class_index[made.index]).astype(np.float64)
        sums, counts = family_totals(hits, families)
        return np.unique(families), sums / counts

    (a, rate_a), (b, rate_b) = rates(leaky), rates(grouped)
    both = np.intersect1d(a, b)
    found = compare_pair(rate_a[np.searchsorted(a, both)], rate_b[np.searchsorted(b, both)])
    return found.difference, found.interval


def judge_split(
    split: str,
    figures: Sequence[LeakageFigure],
    exposed: int,
    chance: float,
    gap: tuple[float, Interval] | None,
) -> SplitLeak:
    """The judgement on one split: it leaks if copies straddle it or permuted labels are recognised.

    Args:
        split: its name.
        figures: those of this split.
        exposed: evaluated items with a copy in training.
        chance: accuracy of always giving the commonest answer.
        gap: of the best model here against the grouped split, if that was measured.
    """
    dealt = next(f for f in figures if f.subject == PERMUTED)
    remembered = dealt.accuracy_ci[0] > chance
    return SplitLeak(
        split=split,
        n=dealt.n,
        photos=dealt.photos,
        exposed=exposed,
        chance=chance,
        remembered=remembered,
        leaks=bool(exposed) or remembered,
        gap=gap[0] if gap else None,
        gap_ci=gap[1] if gap else None,
    )
