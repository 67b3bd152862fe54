from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from manifests import manifests, many_photos
from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure, SplitLeak
from petmood.analyses.leakage.judge import accuracy_gap, exposed_items, judge_split, leakage_figure, permute_labels
from petmood.analyses.leakage.words import verdict
from petmood.evaluation.folds import random_folds
from petmood.evaluation.protocols import Predictions
from petmood.records import Manifest
from petmood.results.base import Identity
from petmood.split import grouped_folds


@given(manifests(), st.integers(0, 5))
def test_dealt_labels_stay_together_in_a_family_and_keep_their_numbers(manifest: Manifest, seed: int) -> None:
    dealt = permute_labels(manifest, seed)
    labels: dict[str, set[str]] = {}
    for record in dealt.records:
        labels.setdefault(record.family, set()).add(record.class_name)
    assert all(len(names) == 1 for names in labels.values())
    before = sorted(manifest.records[i].class_name for i in manifest.photo_index)
    assert sorted(dealt.records[i].class_name for i in dealt.photo_index) == before
    assert [(r.sha256, r.split, r.family) for r in dealt.records] == [
        (r.sha256, r.split, r.family) for r in manifest.records
    ]


def test_exposure_counts_items_with_a_copy_in_training() -> None:
    manifest = many_photos(10, 2)
    assert exposed_items(manifest, list(grouped_folds(manifest, folds=5, seed=0))) == 0
    folds = list(random_folds(manifest, folds=5, seed=0))
    together = sum(
        manifest.records[i].family == manifest.records[j].family
        for fold in folds
        for i in fold.evaluate
        for j in fold.evaluate
        if i < j
    )
    assert exposed_items(manifest, folds) == len(manifest) - 2 * together


def test_the_gap_pairs_photos_and_counts_each_once() -> None:
    manifest = many_photos(10, 2)
    everything, photos = np.arange(len(manifest)), manifest.photo_index
    leaky = Predictions(everything, np.eye(3)[manifest.class_index], 20)
    wrong = Predictions(photos, np.eye(3)[(manifest.class_index[photos] + (np.arange(len(photos)) % 2)) % 3], 20)
    gap, (low, high) = accuracy_gap(manifest, leaky, wrong)
    assert gap == 0.5
    assert 0.25 < low < 0.5 < high < 0.75


IDENTITY = Identity(data="d", model="m", training="files", protocol="s", seed=0)


def figure(subject: str, correct: int, n: int = 400) -> LeakageFigure:
    manifest = many_photos(n // 3 + 1, 1)
    index = np.arange(n)
    predicted = np.where(index < correct, manifest.class_index[:n], (manifest.class_index[:n] + 1) % 3)
    made = Predictions(index, np.eye(3)[predicted], 10)
    control = subject == "permuted-labels"
    return leakage_figure(manifest, made, subject=subject, control=control, split="s", identity=IDENTITY)


def test_a_split_leaks_where_copies_straddle_it_or_permuted_labels_are_recognised() -> None:
    def judged(dealt: int, exposed: int, gap: tuple[float, tuple[float, float]] | None = None) -> tuple[SplitLeak, str]:
        own = (figure("model", 380), figure("permuted-labels", dealt))
        split = judge_split("s", own, exposed, 0.34, gap)
        return split, verdict(LeakageFacts(allowed=False, figures=own, splits=(split,)), split)

    leak, said = judged(300, 350, (0.5, (0.4, 0.6)))
    assert leak.leaks
    assert all(figure in said for figure in ("350 of the 400", "75.0", "50.0 points"))
    clean, clear = judged(130, 0)
    assert not clean.leaks
    hidden, suspected = judged(300, 0)
    assert (hidden.leaks, hidden.remembered) == (True, True)
    few, little = judged(130, 2)
    assert (few.leaks, few.remembered) == (True, False)
    assert len({text.split()[0] for text in (said, clear, suspected)}) == 3
    assert little.count(".") > 2
