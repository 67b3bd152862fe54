from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.evaluate.compare import alike, compare_all, compare_pair, holm, mcnemar, paired_bootstrap


def test_mcnemar_of_hand_counted_cases() -> None:
    both, one, other = np.ones(30, dtype=bool), np.ones(30, dtype=bool), np.ones(30, dtype=bool)
    assert mcnemar(both, one) == 1.0
    one[:8], other[8:10] = False, False  # 8 photos only `other` has, 2 only `one`
    # twice the binomial tail: (C(10,0) + C(10,1) + C(10,2)) / 2^10 * 2
    assert mcnemar(one, other) == pytest.approx(2 * 56 / 1024)
    assert mcnemar(one, other) == mcnemar(other, one)


def test_holm_of_a_hand_worked_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    for raw, new in zip(p, adjusted, strict=True):
        assert raw <= new <= min(1.0, raw * len(p)) + 1e-12
    assert sorted(adjusted) == [adjusted[i] for i in sorted(range(len(p)), key=lambda i: p[i])]


def test_false_alarms_stay_at_their_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    exact = resampled = 0
    runs = 400
    for _ in range(runs):
        a, b = rng.random((2, 120)) < 0.5
        exact += mcnemar(a, b) < 0.05
        resampled += paired_bootstrap(a.astype(float), b.astype(float), resamples=499)[1] < 0.05
    assert exact / runs <= 0.06
    assert 0.02 <= resampled / runs <= 0.09


def test_a_real_difference_is_seen() -> None:
    rng = np.random.default_rng(1)
    b = rng.random(300) < 0.4
    a = b | (rng.random(300) < 0.2)
    found = compare_pair(a, b)
    assert found.differ
    assert 0 < found.interval[0] < found.difference < found.interval[1]
    assert (found.only_b, found.p) == (0, found.p_holm)
    assert paired_bootstrap(a.astype(float), b.astype(float))[1] == pytest.approx(1 / 2000)


def test_equal_models_differ_in_nothing() -> None:
    a = np.array([True, False, True])
    found = compare_pair(a, a)
    assert (found.difference, found.interval, found.p, found.differ) == (0.0, (0.0, 0.0), 1.0, False)


def test_groups_hold_models_that_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(2)
    good = rng.random(400) < 0.7
    close = np.where(rng.random(400) < 0.02, ~good, good)
    bad = rng.random(400) < 0.3
    tests = compare_all([good, close, bad])
    assert [(t.a, t.b, t.differ) for t in tests] == [(0, 1, False), (0, 2, True), (1, 2, True)]
    assert alike(3, tests) == ((0, 1), (2,))


@given(st.integers(1, 7), st.data())
def test_no_group_holds_a_pair_that_differs_and_every_other_pair_shares_one(n: int, data: st.DataObject) -> None:
    hits = [np.ones(4, dtype=bool)] * n
    tests = list(compare_all(hits))
    differ = {(t.a, t.b) for t in tests if data.draw(st.booleans())}
    marked = [_with(t, (t.a, t.b) in differ) for t in tests]
    groups = alike(n, marked)
    for t in marked:
        shared = any({t.a, t.b} <= set(g) for g in groups)
        assert shared != t.differ
    assert set().union(*groups) == set(range(n))


def _with(test: object, differ: bool) -> object:
    from dataclasses import replace

    return replace(test, p_holm=0.0 if differ else 1.0)  # type: ignore[type-var]
