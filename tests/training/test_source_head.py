"""The head that is told how common moods are in each part of its data: planted confounders, and what it equals."""

from __future__ import annotations

import numpy as np
import pytest

from petmood.errors import ConfigError, DataError
from petmood.training.heads import LogisticHead
from petmood.training.onnx_heads import as_head
from petmood.training.source_head import SourceHead, SourceMixture
from petmood.training.species import SpeciesConditional

MOODS = np.array(["angry", "happy", "other", "sad"])
DIM = 24


def source(
    rng: np.random.Generator, n: int, shares: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n photos: features, moods, species. `shares` (2, 4): how common each mood is among each of two species.

    Moods and species show in features by directions that are the same everywhere; each source has a look of its own.
    """
    species = rng.integers(0, 2, n)
    moods = np.array([rng.choice(4, p=shares[s]) for s in species])
    rows = rng.normal(size=(n, DIM)) + directions[moods] + directions[4 + species] + rng.normal(size=DIM) * 0.5
    return rows, MOODS[moods], np.eye(2)[species]


def balanced(head: LogisticHead, rows: np.ndarray, moods: np.ndarray) -> float:
    """Balanced accuracy."""
    said = head.predict(rows)
    return float(np.mean([(said[moods == m] == m).mean() for m in np.unique(moods)]))


def planted(seed: int) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(6, DIM))
    directions *= np.array([1.2] * 4 + [4.0] * 2)[:, None] / np.linalg.norm(directions, axis=1, keepdims=True)
    return rng, directions


ANGRY_CATS = np.array([[0.75, 0.05, 0.1, 0.1], [0.05, 0.75, 0.1, 0.1]])
NONE_ANGRY = np.array([[0.0, 0.1, 0.1, 0.8], [0.0, 0.1, 0.8, 0.1]])
EVEN = np.full((2, 4), 0.25)


@pytest.mark.parametrize("seed", range(3))
def test_it_travels_where_species_misleads(seed: int) -> None:
    rng, directions = planted(seed)
    parts = [source(rng, n, shares, directions) for n, shares in ((400, ANGRY_CATS), (300, NONE_ANGRY))]
    rows, moods, species = (np.concatenate(part) for part in zip(*parts, strict=True))
    where = np.repeat(["a", "b"], [400, 300])
    new, new_moods, _ = source(rng, 1500, EVEN, directions)
    told = balanced(SourceHead().fit(rows, moods, sources=where, species=species), new, new_moods)
    untold = balanced(LogisticHead().fit(rows, moods), new, new_moods)
    assert told > untold + 0.01
    assert told > 0.42


def test_with_one_source_it_is_logistic_regression_with_its_prior_divided_out() -> None:
    rng, directions = planted(0)
    rows, moods, _ = source(rng, 500, ANGRY_CATS, directions)
    plain = LogisticHead(max_iter=2000).fit(rows, moods)
    told = SourceHead(balance="rows", max_iter=2000).fit(rows, moods)
    prior = np.array([(moods == m).mean() for m in plain.classes_])
    expected = plain.predict_proba(rows) / prior
    assert told.predict_proba(rows) == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=5e-3)


def test_pictures_of_a_source_that_lacks_a_mood_say_nothing_against_it() -> None:
    rng, directions = planted(1)
    parts = [source(rng, n, shares, directions) for n, shares in ((400, EVEN), (1600, NONE_ANGRY))]
    rows, moods, species = (np.concatenate(part) for part in zip(*parts, strict=True))
    where = np.repeat([0, 1], [400, 1600])
    new, new_moods, _ = source(rng, 1500, EVEN, directions)
    told = SourceHead().fit(rows, moods, sources=where, species=species)
    untold = LogisticHead().fit(rows, moods)
    assert balanced(told, new, new_moods) > balanced(untold, new, new_moods) + 0.03
    angry = new_moods == "angry"
    recall = [(head.predict(new)[angry] == "angry").mean() for head in (told, untold)]
    assert recall[0] > recall[1] + 0.05


@pytest.mark.parametrize("balance", ["rows", "source", "source x species"])
def test_copies_of_a_source_change_nothing_where_sources_are_balanced(balance: str) -> None:
    rng, directions = planted(2)
    parts = [source(rng, 200, shares, directions) for shares in (EVEN, ANGRY_CATS)]
    rows, moods, species = (np.concatenate(part) for part in zip(*parts, strict=True))
    where = np.repeat([0, 1], 200)
    again = np.concatenate([np.arange(400), np.tile(np.arange(200, 400), 4)])
    # the loss is a sum over rows: thrice as many rows weigh thrice as much against the penalty
    once = SourceHead(C=3 / DIM, balance=balance, prior=0).fit(rows, moods, sources=where, species=species)
    often = SourceHead(balance=balance, prior=0).fit(
        rows[again], moods[again], sources=where[again], species=species[again]
    )
    moved = np.abs(once.predict_proba(rows) - often.predict_proba(rows)).mean()
    assert moved > 0.02 if balance == "rows" else moved < 1e-6


def test_it_is_the_same_every_time_whatever_sources_are_called() -> None:
    rng, directions = planted(3)
    rows, moods, species = source(rng, 120, EVEN, directions)
    where = rng.integers(0, 3, 120)
    a = SourceHead().fit(rows, moods, sources=where, species=species)
    b = SourceHead().fit(rows, moods, sources=np.array(["x", "b", "é"])[where], species=species)
    assert np.array_equal(a.weights_, b.weights_)
    assert np.array_equal(a.bias_, b.bias_)
    assert not hasattr(a, "_sources")


def test_what_cannot_be_learnt_from_is_refused() -> None:
    rng, directions = planted(0)
    rows, moods, species = source(rng, 60, EVEN, directions)
    with pytest.raises(DataError, match="source"):
        SourceHead().fit(rows, moods, sources=np.zeros(59))
    with pytest.raises(DataError, match="species"):
        SourceHead().fit(rows, moods, species=species[:, 0])
    with pytest.raises(ConfigError, match="balance"):
        SourceHead(balance="luck").fit(rows, moods)
    with pytest.raises(ConfigError, match="prior"):
        SourceHead(prior=-1).fit(rows, moods)
    with pytest.raises(ConfigError, match="C"):
        SourceHead(C=0.0).fit(rows, moods)


def test_the_mixture_reads_each_animal_by_what_it_was_taught_of_it_and_runs_in_a_graph() -> None:
    rng = np.random.default_rng(4)
    n, logits, features = 600, np.arange(1000), np.arange(1000, 1000 + DIM)
    animal = rng.integers(0, 2, n)  # a dog or a cat
    directions = rng.normal(size=(4, DIM)) * 0.4
    moods = rng.integers(0, 4, n)
    scores = np.zeros((n, 1000))
    scores[np.arange(n), np.where(animal == 0, 200, 281)] = 14
    # cats show each mood by the opposite of what dogs show
    faces = rng.normal(size=(n, DIM)) + directions[moods] * np.where(animal == 0, 1, -1)[:, None]
    rows = np.concatenate([scores, faces], axis=1)
    train, judged = slice(0, 400), slice(400, n)
    where = np.repeat([0, 1], 200)
    species = np.eye(2)[animal]
    mixture = SourceMixture(logits, features).fit(rows[train], MOODS[moods[train]], sources=where)
    one = SourceHead().fit(faces[train], MOODS[moods[train]], sources=where, species=species[train])
    truth = MOODS[moods[judged]]
    said = mixture.predict_proba(rows[judged])
    right = (mixture.classes_[said.argmax(axis=1)] == truth).mean()
    assert right > (one.predict(faces[judged]) == truth).mean() + 0.2
    assert as_head(mixture, list(MOODS)) is not None
    assert isinstance(mixture, SpeciesConditional)
    assert all(isinstance(m, LogisticHead) for m in mixture.models_)
