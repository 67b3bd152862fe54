"""One rule tells models apart: interval and p never contradict each other, and false alarms stay at their rate."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from petmood.evaluation.statistics import (
    LEVEL,
    alike,
    best_of_many,
    compare_all,
    compare_pair,
    decide,
    holm,
    mcnemar,
    paired_facts,
    tell_apart,
)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_sign_test(only_a: int, only_b: int) -> None:
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected)


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


@st.composite
def models(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Hits or hit rates of 1 to 6 models beside a first one, on a few or many photos or files, alike or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, repeats = draw(st.integers(1, 80)), draw(st.sampled_from([1, 1, 3, 10]))
    skill = draw(st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.9, 1.0]), min_size=2, max_size=7))
    shared = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    latent = rng.random(n)
    made = []
    for p in skill:
        own = np.where(rng.random((repeats, n)) < shared, latent, rng.random((repeats, n)))
        made.append((own < p).mean(axis=0))
    families = rng.integers(0, max(1, n // 2), n) if draw(st.booleans()) else None
    return made, families


@settings(max_examples=50)
@given(models())
def test_an_interval_excludes_0_exactly_where_the_pair_is_told_apart(
    drawn: tuple[list[np.ndarray], np.ndarray | None],
) -> None:
    made, families = drawn
    pairs = [(a, b) for a, b in combinations(made, 2)]
    found = tell_apart(pairs, families, resamples=999)
    assert holm([one.p for one in found]) == tuple(one.p_adjusted for one in found)
    for one in found:
        low, high = one.interval
        assert -1 <= low <= one.difference <= high <= 1
        assert one.differ == (one.p_adjusted < LEVEL) == (decide(one.interval) != 0)
        if one.differ:
            assert decide(one.interval) == np.sign(one.difference)
    turned = tell_apart([(b, a) for a, b in pairs], families, resamples=999)
    for one, other in zip(found, turned, strict=True):
        assert one.p == pytest.approx(other.p)
        assert one.differ == other.differ
        assert one.reversed().interval == pytest.approx(other.interval)


@given(models())
def test_more_comparisons_never_make_one_surer(drawn: tuple[list[np.ndarray], np.ndarray | None]) -> None:
    made, families = drawn
    alone = tell_apart([(made[0], made[1])], families, resamples=999)[0]
    among = tell_apart([(made[0], other) for other in made[1:]], families, resamples=999)[0]
    assert among.p == alone.p
    assert among.p_adjusted >= alone.p_adjusted
    assert among.interval[0] <= alone.interval[0] + 1e-12
    assert among.interval[1] >= alone.interval[1] - 1e-12


OTHER_SHARES = [(200, 0.15, 0.1), (370, 0.2, 0.12), (120, 0.4, 0.0)]


@pytest.mark.parametrize(
    ("n", "a", "b"),
    [(38, 0.3, 0.1), *(pytest.param(n, a, b, marks=pytest.mark.slow) for n, a, b in OTHER_SHARES)],
)
def test_a_difference_of_hits_is_covered_at_its_nominal_rate(n: int, a: float, b: float) -> None:
    rng = np.random.default_rng(n)
    held, runs = 0, 1500
    for only_a, only_b, rest in rng.multinomial(n, [a, b, 1 - a - b], size=runs):
        ours, theirs = (
            np.repeat([1.0, 0.0, 0.0], (only_a, only_b, rest)),
            np.repeat([0.0, 1.0, 0.0], (only_a, only_b, rest)),
        )
        low, high = tell_apart([(ours, theirs)], resamples=999)[0].interval
        held += low - 1e-12 <= a - b <= high + 1e-12
    assert 0.93 <= held / runs <= 0.97


@pytest.mark.slow
def test_a_difference_of_hit_rates_by_family_is_covered_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(5)
    held, runs, n, truth = 0, 1500, 100, _true_gain()
    families = np.repeat(np.arange(n), 3)
    for _ in range(runs):
        ease, gain = rng.beta(1, 1, n), rng.normal(0.05, 0.2, n)
        # files of a photo share how much the one model is better there
        a, b = ((rng.binomial(10, np.clip(0.25 + ease / 2 + part, 0, 1)) / 10)[families] for part in (gain, 0 * gain))
        low, high = tell_apart([(a, b)], families, resamples=999)[0].interval
        held += low <= truth <= high
    assert 0.93 <= held / runs <= 0.97


def _true_gain() -> float:
    rng = np.random.default_rng(6)
    ease, gain = rng.beta(1, 1, 1_000_000), rng.normal(0.05, 0.2, 1_000_000)
    return float((np.clip(0.25 + ease / 2 + gain, 0, 1) - (0.25 + ease / 2)).mean())


@pytest.mark.parametrize("repeats", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_among_equal_models_the_family_wise_error_stays_at_its_level(repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    runs = 400
    alarms = planned = 0
    for _ in range(runs):
        ease = rng.beta(1, 1, 120)
        hits = rng.binomial(repeats, ease, size=(4, 120)) / repeats
        found = tell_apart([(a, b) for a, b in combinations(hits, 2)], resamples=999)
        alarms += any(one.differ for one in found)
        planned += found[0].p < LEVEL
    assert alarms / runs <= 0.06
    assert planned / runs <= 0.07
    # not so careful that nothing would ever be seen
    assert planned / runs >= 0.02


def test_a_handful_of_photos_on_which_models_differ_proves_nothing() -> None:
    # a percentile bootstrap takes 4 of 4 for proof, which a fair coin gives in one case of eight
    for alone, differ in ((4, False), (5, False), (6, True)):
        a = np.arange(100) < alone
        assert compare_pair(a, np.zeros(100, dtype=bool)).differ == differ


def test_a_real_difference_is_seen() -> None:
    rng = np.random.default_rng(1)
    b = rng.random(300) < 0.4
    a = b | (rng.random(300) < 0.2)
    found = compare_pair(a, b)
    assert found.differ
    assert 0 < found.interval[0] < found.difference < found.interval[1]
    assert (found.only_b, found.p) == (0, found.p_adjusted)
    assert found.p == mcnemar(found.only_a, 0)


def test_models_that_agree_on_every_photo_may_still_differ_on_others() -> None:
    a = np.array([True, False, True] * 20)
    found = compare_pair(a, a)
    assert (found.difference, found.p, found.differ) == (0.0, 1.0, False)
    low, high = found.interval
    assert -0.1 < low < 0 < high < 0.1


def test_a_pair_is_one_fact() -> None:
    ours = np.array([True] * 50 + [True] * 12 + [False] * 4 + [False] * 34)
    theirs = np.array([True] * 50 + [False] * 12 + [True] * 4 + [False] * 34)
    facts = paired_facts(ours, theirs, name="a", reference="b", protocol="grouped-5-fold")
    assert (facts.n, facts.accuracy, facts.reference_accuracy) == (100, 0.62, 0.54)
    assert facts.gain == pytest.approx(0.08)
    assert facts.p == pytest.approx(binomtest(12, 16).pvalue)
    assert facts.gain_ci[0] <= 0 < facts.gain_ci[1]


def test_groups_hold_models_that_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(2)
    good = rng.random(400) < 0.7
    close = np.where(rng.random(400) < 0.02, ~good, good)
    tests = compare_all([good, close, rng.random(400) < 0.3])
    differ = {pair: one.differ for pair, one in tests.items()}
    assert differ == {(0, 1): False, (0, 2): True, (1, 2): True}
    assert alike(3, differ) == ((0, 1), (2,))


@given(st.integers(1, 7), st.data())
def test_no_group_holds_a_pair_that_differs_and_every_other_pair_shares_one(n: int, data: st.DataObject) -> None:
    differ = {pair: data.draw(st.booleans()) for pair in combinations(range(n), 2)}
    groups = alike(n, differ)
    for pair, apart in differ.items():
        assert any(set(pair) <= set(g) for g in groups) != apart
    assert set().union(*groups) == set(range(n))


def test_the_best_of_many_coins_is_a_coin() -> None:
    draws = np.random.default_rng(1).random((30, 20, 100)) < 0.5
    chosen = [best_of_many(coins.astype(float), resamples=200) for coins in draws]
    assert np.mean([c.apparent for c in chosen]) > 0.57
    assert np.mean([c.corrected for c in chosen]) == pytest.approx(0.5, abs=0.02)
    assert all(c.interval[0] < c.corrected < c.interval[1] for c in chosen)


@pytest.mark.slow
def test_what_the_choice_is_worth_is_covered_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(3)
    held, runs, n = 0, 800, 150
    for _ in range(runs):
        accuracy = np.clip(0.5 + 0.03 * rng.standard_normal(5), 0.05, 0.95)
        # what is hard for one model is hard for another
        ease = np.sqrt(0.5) * rng.standard_normal(n) + np.sqrt(0.5) * rng.standard_normal((5, n))
        hits = (ease < norm.ppf(accuracy)[:, None]).astype(np.float64)
        found = best_of_many(hits, resamples=200)
        held += found.interval[0] <= accuracy[hits.mean(axis=1).argmax()] <= found.interval[1]
    assert 0.93 <= held / runs <= 0.97


def test_a_model_far_ahead_loses_nothing_to_the_correction() -> None:
    rng = np.random.default_rng(2)
    hits = np.vstack([rng.random(300) < 0.9, rng.random((5, 300)) < 0.4]).astype(float)
    chosen = best_of_many(hits, resamples=500)
    assert chosen.corrected == pytest.approx(chosen.apparent, abs=0.01)
