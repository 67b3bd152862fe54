"""Intervals hold the truth as often as they say, and say something where nothing varies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, bootstrap
from sklearn.metrics import cohen_kappa_score

from petmood.evaluation.association import cramers_v, cross_table, nmi
from petmood.evaluation.statistics import (
    agreement,
    draw_counts,
    family_totals,
    mean_interval,
    reliability,
    table_interval,
)
from petmood.evaluation.statistics import wilson_interval as wilson

Interval = tuple[float, float]


def covered(draw: Callable[[np.random.Generator], Interval], truth: float, runs: int) -> float:
    """Share of runs in which an interval of data drawn anew holds the truth."""
    rng = np.random.default_rng(runs)
    return float(np.mean([low - 1e-12 <= truth <= high + 1e-12 for low, high in (draw(rng) for _ in range(runs))]))


@pytest.mark.parametrize(("n", "accuracy"), [(60, 0.5), pytest.param(150, 0.8, marks=pytest.mark.slow)])
def test_a_mean_over_families_is_covered_at_its_nominal_rate(n: int, accuracy: float) -> None:
    def files(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Photos differ in how hard they are, and each stands in 1 to 4 files that are about as hard."""
        ease = rng.beta(2 * accuracy, 2 * (1 - accuracy), n)
        families = np.repeat(np.arange(n), rng.integers(1, 5, n))
        return rng.random(len(families)) < ease[families], families

    assert 0.93 <= covered(lambda rng: mean_interval(*files(rng), resamples=999), accuracy, 900) <= 0.97
    # counting files as if they were photos claims more than is known
    assert covered(lambda rng: mean_interval(files(rng)[0], resamples=999), accuracy, 300) < 0.93


def test_an_accuracy_on_a_small_test_split_is_covered_at_its_nominal_rate() -> None:
    rates = [np.arange(38) < right for right in range(39)]
    for bounds in ([mean_interval(hits) for hits in rates], [wilson(right, 38) for right in range(39)]):
        low, high = np.array(bounds).T
        chance = [binom.pmf(np.arange(39), 38, p)[(low <= p) & (p <= high)].sum() for p in np.linspace(0.2, 0.8, 61)]
        assert 0.93 <= np.mean(chance) <= 0.97


@pytest.mark.slow
def test_hit_rates_over_repeats_are_covered_at_their_nominal_rate() -> None:
    def draw(rng: np.random.Generator) -> Interval:
        return mean_interval(rng.binomial(10, rng.beta(1, 1.5, 120)) / 10, resamples=999)

    assert 0.93 <= covered(draw, 0.4, 1500) <= 0.97


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(case: tuple[int, int]) -> None:
    theirs = binomtest(*case).proportion_ci(0.95, method="wilson")
    assert wilson(*case) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_wilson_reproduces_the_interval_of_the_studys_14_of_38() -> None:
    assert wilson(14, 38) == pytest.approx((0.234, 0.527), abs=5e-4)


def test_wilson_is_covered_at_its_nominal_rate() -> None:
    for p in (0.3, 0.5, 0.8):
        assert 0.93 <= covered(lambda rng, p=p: wilson(int(rng.binomial(370, p)), 370), p, 2000) <= 0.97  # type: ignore[misc]


def test_the_mean_agrees_with_scipys_bootstrap_on_many_photos() -> None:
    hits = (np.random.default_rng(2).random(400) < 0.4).astype(np.float64)
    theirs = bootstrap((hits,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    assert mean_interval(hits) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_copies_of_a_photo_add_no_certainty() -> None:
    hits = np.random.default_rng(3).random(50) < 0.5
    assert mean_interval(np.repeat(hits, 9), np.repeat(np.arange(50), 9)) == pytest.approx(mean_interval(hits))


@given(st.integers(1, 60), st.integers(1, 4), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_where_nothing_varies_the_interval_is_wilsons_over_families(n: int, files: int, share: float) -> None:
    found = mean_interval(np.full(n * files, share), np.repeat(np.arange(n), files))
    assert found == pytest.approx(wilson(share * n, n))
    assert found[1] - found[0] > 1 / (n + 4)


def test_a_mean_needs_hits() -> None:
    for values in (np.array([]), np.array([0.5, -0.1]), np.array([1.0, 2.0])):
        with pytest.raises(ValueError, match="in \\[0, 1\\]"):
            mean_interval(values)


def test_equal_seeds_give_equal_intervals() -> None:
    hits = np.random.default_rng(4).random(80) < 0.5
    assert mean_interval(hits, seed=5) == mean_interval(hits, seed=5)
    assert mean_interval(hits, seed=5, resamples=99) != mean_interval(hits, seed=6, resamples=99)


def test_totals_and_draws_of_families() -> None:
    sums, counts = family_totals(np.array([1.0, 0.0, 1.0, 1.0]), np.array([7, 2, 7, 7]))
    assert (sums.tolist(), counts.tolist()) == ([0.0, 3.0], [1.0, 3.0])
    drawn = draw_counts(np.array([30, 10, 60]), resamples=4000)
    assert (drawn.sum(axis=1) == 100).all()
    assert drawn.mean(axis=0) == pytest.approx([30, 10, 60], abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", [cramers_v, nmi])
def test_association_is_covered_about_as_often_as_it_says(statistic: Callable[..., np.ndarray]) -> None:
    def table(rng: np.random.Generator, n: int = 300) -> np.ndarray:
        a = rng.integers(0, 3, n)
        return cross_table(a, np.where(rng.random(n) < 0.5, a, rng.integers(0, 4, n)), 3, 4)

    truth = float(statistic(table(np.random.default_rng(0), 500_000)))
    assert 0.93 <= covered(lambda rng: table_interval(table(rng), statistic), truth, 500) <= 0.98


LABELS = st.sampled_from(["Angry", "happy", "Sad"])


@given(pairs=st.lists(st.tuples(LABELS, LABELS), max_size=40))
def test_kappa_is_that_of_scikit_learn_and_none_where_it_is_undefined(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    made = agreement(first, second, resamples=99)
    assert (made.n, made.agreed) == (len(pairs), sum(a == b for a, b in pairs))
    if len({*first, *second}) < 2:
        assert (made.kappa, made.kappa_ci) == (None, None)
        return
    assert made.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert made.kappa_ci is not None
    assert -1 <= made.kappa_ci[0] <= made.kappa_ci[1] <= 1
    assert made.kappa_ci[0] < 1


@pytest.mark.slow
def test_kappa_is_covered_at_its_nominal_rate_by_photo_and_by_family() -> None:
    def readings(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        first = rng.integers(0, 2, n)  # two classes of equal share, agreement 0.75: kappa 0.5
        return first, np.where(rng.random(n) < 0.75, first, 1 - first)

    def photos(rng: np.random.Generator) -> Interval:
        first, second = readings(rng, 120)
        return agreement(first.tolist(), second.tolist(), resamples=999).kappa_ci or (0, 0)

    def files(rng: np.random.Generator, known: bool = True) -> Interval:
        first, second = (np.repeat(one, 3) for one in readings(rng, 120))
        families = np.repeat(np.arange(120), 3) if known else None
        return agreement(first.tolist(), second.tolist(), families, resamples=999).kappa_ci or (0, 0)

    assert 0.93 <= covered(photos, 0.5, 1000) <= 0.97
    assert 0.93 <= covered(files, 0.5, 1000) <= 0.97
    assert covered(lambda rng: files(rng, known=False), 0.5, 300) < 0.85


def test_alpha_is_krippendorffs_whatever_is_missing_and_however_labels_are_coded() -> None:
    # the example of Krippendorff 2011: four observers, twelve units, nominal alpha 0.743
    read = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    ratings = np.array([[int(c) - 1 if c != "." else -1 for c in row] for row in read]).T
    made = reliability(ratings)
    assert made.alpha == pytest.approx(0.743, abs=5e-4)
    assert (made.n, made.readers) == (11, 4)
    assert made.alpha_ci is not None
    assert made.alpha_ci[0] < 0.743 < made.alpha_ci[1]
    shuffled = np.where(ratings >= 0, (ratings * 3 + 1) % 5, -1)[:, ::-1]
    assert reliability(shuffled).alpha == pytest.approx(made.alpha)
    assert reliability(np.full((4, 3), 2)).alpha is None
    assert reliability(np.array([[0, -1], [-1, 1]])).n == 0
    few, many = (reliability(np.repeat(np.arange(2 * n) % 2, 3).reshape(-1, 3)).alpha_ci for n in (4, 200))
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 1 == few[1] == many[1]


def test_alpha_is_covered_at_its_nominal_rate() -> None:
    def photos(rng: np.random.Generator) -> Interval:
        truth = rng.integers(0, 2, (150, 1))  # any two of three readers agree on 0.75 of two equal classes: alpha 0.5
        keep = (1 + 0.5**0.5) / 2
        read = np.where(rng.random((150, 3)) < keep, truth, 1 - truth)
        return reliability(np.where(rng.random((150, 3)) < 0.1, -1, read), resamples=499).alpha_ci or (0, 0)

    assert 0.93 <= covered(photos, 0.5, 500) <= 0.97


def test_perfect_agreement_of_few_photos_is_no_certainty() -> None:
    few, many = (agreement(["a", "b"] * n, ["a", "b"] * n).kappa_ci for n in (4, 200))
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 1 == few[1] == many[1]
    with pytest.raises(ValueError, match="cannot be compared"):
        agreement(["a"], [])
