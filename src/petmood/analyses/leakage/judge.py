"""What models and controls got under each split -> whether it leaks, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from petmood.analyses.leakage.facts import LeakageFigure, SplitLeak
from petmood.evaluation.protocols import Predictions
from petmood.evaluation.statistics import BOOTSTRAP, compare_pair, family_totals, mean_interval
from petmood.records import IntArray, Manifest
from petmood.results import Interval
from petmood.results.identity import Identity
from petmood.split import Fold

SHOWN = 0.01
"""Share of evaluated items with a copy in training below which a leak is too small to show in an accuracy."""


def permute_labels(manifest: Manifest, seed: int) -> Manifest:
    """The same images, families and splits with labels dealt anew among families: nothing is left to learn.

    All files of a photo share their new label, as copies of a photo share the true one, so a model that does better
    than chance here has recognised photos, not moods.
    """
    rng = np.random.default_rng(seed)
    photos = manifest.photo_index
    dealt = rng.permutation([manifest.records[i].class_name for i in photos])
    label = {manifest.records[i].family: str(name) for i, name in zip(photos, dealt, strict=True)}
    return replace(manifest, records=tuple(replace(r, class_name=label[r.family]) for r in manifest.records))


def leakage_figure(
    manifest: Manifest, made: Predictions, *, subject: str, title: str, control: bool, split: str, identity: Identity
) -> LeakageFigure:
    """One cell of the meter; files of one photo are resampled together in its interval."""
    hits = made.predicted == manifest.class_index[made.index]
    families = manifest.family_index[made.index]
    return LeakageFigure(
        subject=subject,
        title=title,
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
    text: str,
    figures: Sequence[LeakageFigure],
    exposed: int,
    chance: float,
    gap: tuple[float, Interval] | None,
) -> SplitLeak:
    """The verdict on one split: it leaks if copies straddle it, and the control on dealt labels shows how much.

    Args:
        split: its name.
        text: what it is, in a sentence.
        figures: those of this split.
        exposed: evaluated items with a copy in training.
        chance: accuracy of always giving the commonest answer.
        gap: of the best model here against the grouped split, if that was measured.
    """
    dealt = next(f for f in figures if f.subject == "permuted-labels")
    worst = max((f for f in figures if not f.control), key=lambda f: f.accuracy)
    n = dealt.n
    remembered = dealt.accuracy_ci[0] > chance
    share = exposed / n
    if exposed:
        verdict = f"Leakage: {exposed:,} of the {n:,} evaluated items ({share:.1%}) had a copy in training."
        if remembered:
            verdict += (
                f" With permuted labels, so that there is nothing to learn, the model still scores "
                f"{dealt.accuracy:.1%} (95 % {dealt.accuracy_ci[0]:.1%} to {dealt.accuracy_ci[1]:.1%}) where "
                f"{chance:.1%} is chance: that is memory."
            )
        elif share < SHOWN:
            verdict += " They are too few to move the accuracy by much."
        if gap is not None:
            verdict += (
                f" Of the {worst.accuracy:.1%} of {worst.title}, {100 * gap[0]:.1f} points (95 % {100 * gap[1][0]:.1f} "
                "to "
                f"{100 * gap[1][1]:.1f}) are gone once copies are kept together."
            )
    elif remembered:
        verdict = (
            f"Suspicious: no copy is known to straddle this split, yet permuted labels are recognised in "
            f"{dealt.accuracy:.1%} of {n:,} (95 % {dealt.accuracy_ci[0]:.1%} to {dealt.accuracy_ci[1]:.1%}) where "
            f"{chance:.1%} is chance."
        )
    else:
        verdict = (
            f"No leakage found: none of the {n:,} evaluated items has a copy in training, and permuted labels "
            f"are recognised in {dealt.accuracy:.1%} (95 % {dealt.accuracy_ci[0]:.1%} to "
            f"{dealt.accuracy_ci[1]:.1%}), no more than chance ({chance:.1%})."
        )
    return SplitLeak(
        split=split,
        text=text,
        n=n,
        photos=dealt.photos,
        exposed=exposed,
        chance=chance,
        leaks=bool(exposed) or remembered,
        gap=gap[0] if gap else None,
        gap_ci=gap[1] if gap else None,
        verdict=verdict,
    )
