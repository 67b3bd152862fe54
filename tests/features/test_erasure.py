"""After erasure nothing linear finds the concept; what is not the concept stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from petmood.errors import ConfigError
from petmood.features.erasure import ERASERS, fit_eraser


def draw(n: int, dim: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Features with a strong species and a weak mood; (n, 3) one-hot species; (n,) mood."""
    rng = np.random.default_rng(seed)
    species, mood = rng.integers(0, 3, n), rng.integers(0, 2, n)
    X = rng.normal(size=(n, dim))
    X[:, :3] += 6 * np.eye(3)[species]
    X[:, 3] += 3 * mood
    return X, np.eye(3)[species], mood


@pytest.mark.parametrize("dim", [8, 400])
@pytest.mark.parametrize("method", ERASERS)
def test_species_is_gone_from_the_mean_and_mood_stays(method: str, dim: int) -> None:
    X, concept, mood = draw(200, dim)
    cleaned = fit_eraser(method, X, concept).transform(X, concept)
    cross = (concept - concept.mean(0)).T @ (cleaned - cleaned.mean(0)) / len(X)
    assert np.abs(cross).max() < 1e-8
    before = LogisticRegression(C=0.1).fit(X, concept.argmax(1)).score(X, concept.argmax(1))
    after = LogisticRegression(C=1e-3).fit(cleaned, concept.argmax(1)).score(cleaned, concept.argmax(1))
    assert before > 0.95
    assert after <= concept.mean(0).max() + 0.01
    assert np.corrcoef(cleaned[:, 3], mood)[0, 1] > 0.7


def test_leace_moves_no_more_than_it_must() -> None:
    X, concept, _ = draw(300, 10)
    leace = fit_eraser("leace", X, concept).transform(X, concept)
    # the distance moved is at most that of the orthogonal projection away from the same cross-covariance
    cross = (X - X.mean(0)).T @ (concept - concept.mean(0))
    basis = np.linalg.svd(cross, full_matrices=False)[0][:, :2]
    projected = X - (X - X.mean(0)) @ basis @ basis.T
    assert ((leace - X) ** 2).sum() <= ((projected - X) ** 2).sum() + 1e-9


def test_weights_stand_for_repeated_rows() -> None:
    X, concept, _ = draw(60, 5)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    weights = np.ones(60)
    weights[:20] = 2
    for method in ("centre", "leace"):
        a = fit_eraser(method, X, concept, weights).transform(X, concept)
        b = fit_eraser(method, X[twice], concept[twice]).transform(X, concept)
        assert a == pytest.approx(b)


def test_a_species_that_training_lacks_is_treated_as_all() -> None:
    X, concept, _ = draw(50, 4)
    seen = concept[:, 2] == 0
    eraser = fit_eraser("standardise", X[seen], concept[seen])
    unseen = eraser.transform(X[~seen], concept[~seen])
    assert unseen == pytest.approx((X[~seen] - X[seen].mean(0)) / X[seen].std(0))


def test_a_constant_feature_gives_no_infinity() -> None:
    X, concept, _ = draw(50, 4)
    X[:, 1] = 7
    for method in ERASERS:
        assert np.isfinite(fit_eraser(method, X, concept).transform(X, concept)).all()


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown way of taking species out 'pca'"):
        fit_eraser("pca", np.zeros((3, 2)), np.ones((3, 1)))
