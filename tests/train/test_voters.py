"""Each voter keeps the contract of a classifier and learns what can be learned."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from petmood.errors import ModelError
from petmood.train.voters import VOTERS, NeighbourVote, ShrunkDiscriminant


@pytest.mark.parametrize("name", VOTERS)
@pytest.mark.parametrize("dim", [10, 300])
def test_a_voter_learns_and_its_probabilities_add_up(name: str, dim: int) -> None:
    rng = np.random.default_rng(0)
    y = np.array(["Sad", "happy", "Angry"])[rng.integers(0, 3, 150)]
    X = rng.normal(size=(150, dim)).astype(np.float32)
    X[:, :3] += 6 * (y[:, None] == np.array(["Sad", "happy", "Angry"]))
    voter = VOTERS[name]().fit(X[:100], y[:100], sample_weight=np.ones(100))
    p = voter.predict_proba(X[100:])
    assert list(voter.classes_) == ["Angry", "Sad", "happy"]
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert (voter.classes_[p.argmax(axis=1)] == y[100:]).mean() > (0.8 if dim == 10 else 0.5)


def test_the_discriminant_in_the_span_of_its_rows_is_that_of_all_features_up_to_shrinkage() -> None:
    rng = np.random.default_rng(1)
    y = np.array(["a", "b"])[rng.integers(0, 2, 40)]
    X = rng.normal(size=(40, 6)) + 2 * (y[:, None] == "a")
    scaler = StandardScaler().fit(X)
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(scaler.transform(X), y)
    ours = ShrunkDiscriminant().fit(X, y)
    assert ours.predict_proba(X) == pytest.approx(plain.predict_proba(scaler.transform(X)))


def test_weights_are_votes() -> None:
    X = np.array([[1.0, 0], [1, 0.1], [1, -0.1], [-1, 0]])
    y = np.array(["a", "b", "b", "a"])
    heavy = NeighbourVote(k=3).fit(X, y, sample_weight=np.array([10.0, 1, 1, 1]))
    light = NeighbourVote(k=3).fit(X, y)
    assert heavy.predict_proba(X[:1])[0, 0] > light.predict_proba(X[:1])[0, 0]


@pytest.mark.parametrize("make", [NeighbourVote, ShrunkDiscriminant])
def test_an_unfitted_voter_says_so(make: type) -> None:
    with pytest.raises(ModelError, match="not trained yet"):
        make().predict_proba(np.zeros((1, 2)))
