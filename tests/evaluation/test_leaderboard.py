from __future__ import annotations

import numpy as np
import pytest

from petmood.evaluation.leaderboard import compare_models
from petmood.report.credibility import above_sentence, board_sentences
from petmood.results import ModelFacts


def model(name: str, correct: np.ndarray, protocol: str = "grouped-5-fold") -> ModelFacts:
    """A model of two classes which is right where `correct` says so."""
    n, hits = len(correct), int(correct.sum())
    truth = np.arange(n) % 2
    accuracy = hits / n
    return ModelFacts(
        name=name,
        title=name.capitalize(),
        protocol=protocol,
        n=n,
        n_train=n,
        correct=hits,
        accuracy=accuracy,
        accuracy_ci=(accuracy, accuracy),
        ci_method="none",
        macro_f1=0,
        balanced_accuracy=0,
        classes=("a", "b"),
        confusion=(),
        per_class={},
        photos=tuple(range(n)),
        truth=tuple(truth.tolist()),
        predicted=tuple(np.where(correct, truth, 1 - truth).tolist()),
    )


def test_a_good_model_is_told_from_the_majority_and_a_poor_one_is_not() -> None:
    rng = np.random.default_rng(0)
    majority, species = rng.random(300) < 0.3, rng.random(300) < 0.45
    good, poor = rng.random(300) < 0.7, np.where(rng.random(300) < 0.1, rng.random(300) < 0.3, majority)
    found = compare_models(
        [model("good", good), model("poor", poor)], [model("majority", majority), model("species", species)]
    )
    (board,) = found.leaderboards
    assert [r.name for r in board.ranks][:2] == ["good", "species"]
    assert [r.baseline for r in board.ranks] == [r.name in ("majority", "species") for r in board.ranks]
    groups = {r.name: set(r.groups) for r in board.ranks}
    assert not groups["good"] & groups["species"]
    assert groups["poor"] & groups["majority"]
    assert len(board.pairs) == 6
    said = list(board_sentences(board))
    assert said[0].startswith("Good is ahead of everything else (n = 300)")
    assert any(text.startswith("Good is better than Majority (+") for text in said)
    assert any(text.startswith("No evidence that Poor differs from Majority") for text in said)
    above = {a.model: a for a in found.above_species}
    assert above_sentence(above["good"]).startswith("Knowing the face adds")
    assert above["good"].difference == pytest.approx(good.mean() - species.mean())
    assert above_sentence(above["poor"]).startswith("Worse than knowing only the kind of animal")


def test_only_models_on_the_same_photos_are_compared() -> None:
    right = np.ones(20, dtype=bool)
    other = model("other", right).model_copy(update={"photos": tuple(range(1, 21))})
    unknown = model("unknown", right).model_copy(update={"photos": (), "truth": (), "predicted": ()})
    found = compare_models([model("a", right), model("b", right), other, unknown], [model("alone", right, "official")])
    (board,) = found.leaderboards
    assert {r.name for r in board.ranks} == {"a", "b"}
    assert found.above_species == ()
