"""What stands out in the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petmood.report import facts, sentences
from petmood.results import ClusterSplit, Epochs, ModelFacts

from .sample_results import CURVES, GROUPED, OFFICIAL, cluster_split, clusters, model, results


def test_protocols_come_with_most_photos_first_and_models_from_best_to_worst() -> None:
    found = facts.protocols(results())
    assert [(p.name, p.n) for p in found] == [(GROUPED, 370), (OFFICIAL, 38)]
    assert [m.name for m in found[1].models] == ["logistic", "cnn"]
    assert [m.name for m in found[0].baselines] == ["species", "majority", "thumbnail-1nn"]
    assert found[1].best.name == "logistic"


def test_the_majority_class_is_the_baseline_of_that_name() -> None:
    majority = facts.protocols(results())[0].majority
    assert (majority.accuracy, majority.n, majority.class_name) == (112 / 370, 370, "happy")


def test_without_that_baseline_the_majority_class_is_the_largest_one() -> None:
    bare = results().model_copy(update={"baselines": ()})
    majority = facts.protocols(bare)[0].majority
    assert (majority.accuracy, majority.class_name) == (112 / 370, "happy")


def test_a_majority_that_changes_from_fold_to_fold_has_no_name() -> None:
    answers = model("majority", "Majority class", ((60, 52, 0, 0), (60, 45, 0, 0), (94, 0, 0, 0), (59, 0, 0, 0)))
    found = facts.protocols(results().model_copy(update={"baselines": (answers,)}))
    assert found[0].majority.class_name is None


@pytest.mark.parametrize(("hits", "verdict"), [(46, "above"), (33, "unclear"), (12, "below")])
def test_the_verdict_follows_the_interval(hits: int, verdict: str) -> None:
    tested = model("m", "M", ((hits, 100 - hits), (0, 0)), classes=("a", "b"))
    base = facts.Majority(0.3, 100, "a")
    assert facts.ProtocolView("p", "text", 100, (tested,), (), base).verdict(tested) == verdict


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(5, 80), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_a_page_says_of_a_pair_what_its_paired_test_says(seed: int, n: int, skill: list[float]) -> None:
    rng = np.random.default_rng(seed)
    latent = rng.random(n)
    models = [predicted(f"m{i}", np.where(rng.random(n) < 0.5, latent, rng.random(n)) < p) for i, p in enumerate(skill)]
    majority = predicted("majority", latent < 0.4)
    (found,) = facts.protocols(results().model_copy(update={"models": tuple(models), "baselines": (majority,)}))
    assert len(found.pairs) == len(skill) * (len(skill) + 1) / 2
    for pair in found.pairs:
        rows = {m.name: m for m in found.rows}
        a, b = rows[pair.a], rows[pair.b]
        assert (found.against(a, b) == "unclear") == (not pair.differ)
        assert (found.against(a, b) == "above") == (found.against(b, a) == "below")
    for m in models:
        assert found.verdict(m) == found.against(m, majority)
    said = sentences.accuracy_sentence(found)
    assert ("better than the majority class" in said) == (found.verdict(found.best) == "above")
    assert ("cannot be told apart from the majority class" in said) == (found.verdict(found.best) == "unclear")


def predicted(name: str, right: np.ndarray) -> ModelFacts:
    """A model whose every prediction is known, of two classes."""
    truth = np.arange(len(right)) % 2
    guess = np.where(right, truth, 1 - truth)
    confusion = [[int(((truth == i) & (guess == j)).sum()) for j in range(2)] for i in range(2)]
    known = {"photos": tuple(range(len(right))), "truth": tuple(truth.tolist()), "predicted": tuple(guess.tolist())}
    return model(name, name, confusion, classes=("a", "b")).model_copy(update=known)


def test_without_predictions_two_models_differ_where_their_intervals_lie_apart() -> None:
    (grouped, _) = facts.protocols(results())
    assert not grouped.pairs
    species, constant, thumbnails = grouped.baselines
    assert grouped.against(grouped.best, species) == "unclear"
    assert grouped.against(grouped.best, thumbnails) == grouped.verdict(grouped.best) == "above"
    assert grouped.against(constant, grouped.best) == "below"


def test_extremes_leave_out_classes_without_photos() -> None:
    ends = facts.extremes(model("m", "M", ((8, 2, 0), (5, 5, 0), (0, 0, 0)), classes=("a", "b", "c")))
    assert ends is not None
    assert (ends.best, ends.worst) == ("a", "b")
    assert facts.extremes(model("m", "M", ((8, 2), (0, 0)), classes=("a", "b"))) is None


def test_the_most_confused_pair_counts_both_directions_and_names_the_larger_first() -> None:
    pair = facts.most_confused(model("m", "M", ((9, 1, 4), (6, 9, 0), (3, 0, 9)), classes=("a", "b", "c")))
    assert pair == facts.ConfusedPair("b", "a", 6, 1)
    assert facts.most_confused(model("m", "M", ((9, 0), (0, 9)), classes=("a", "b"))) is None


def test_the_purest_cluster_is_the_larger_of_equals_and_never_empty() -> None:
    split = cluster_split(((2, 0), (0, 0), (0, 7), (5, 4)), classes=("a", "b"))
    assert facts.purest(split) == facts.PurestCluster(2, 7, "b", 7, 18, 11)
    empty = ClusterSplit(n=0, sizes=(0,), composition=({},), purity=0, nmi=0, ari=0, silhouette=None)
    assert facts.purest(empty) is None


def test_a_clustering_is_judged_where_it_was_fitted_else_on_its_largest_split() -> None:
    assert facts.main_split(clusters()) == "train"
    elsewhere = clusters().model_copy(update={"fitted_on": "all"})
    assert facts.main_split(elsewhere) == "train"
    assert facts.main_split(clusters().model_copy(update={"fitted_on": "test"})) == "test"


def test_memorising_needs_a_gap_that_the_interval_does_not_explain() -> None:
    found = facts.overfit(CURVES)
    assert found is not None
    assert found.memorises
    assert (found.epochs, found.best_epoch) == (10, 3)
    assert found.val_ci == pytest.approx((0.224, 0.523), abs=1e-3)

    def ends(train: float, valid: float, n_val: int | None, n_train: int | None = 200) -> bool | None:
        curves = Epochs(
            loss=(1,), accuracy=(train,), val_loss=(1,), val_accuracy=(valid,), n_val=n_val, n_train=n_train
        )
        short = facts.overfit(curves)
        assert short is not None
        return short.memorises

    assert ends(0.60, 0.40, 10) is False
    assert ends(0.60, 0.40, 1000) is True
    assert ends(0.99, 0.40, None) is None
    assert ends(0.99, 0.40, 100, None) is None
    assert ends(0.45, 0.40, 100_000) is False
    assert facts.overfit(Epochs(loss=(), accuracy=(), val_loss=(), val_accuracy=())) is None
