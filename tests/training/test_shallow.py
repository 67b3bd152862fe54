"""Every shallow head learns what can be learnt, keeps the contract and says what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from petmood.errors import ConfigError, ModelError
from petmood.training.shallow import ShallowHead, family_means

SETTINGS: dict[str, dict[str, float]] = {"boosting": {"rounds": 20}, "logistic": {"C": 0.1}}
KINDS = ("logistic", "svm", "knn", "lda", "boosting")


def blobs(seed: int = 0, dim: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.array(["x", "y", "z"])[np.arange(90) % 3]
    centres = np.random.default_rng(9).standard_normal((3, dim)) * 2.5
    return centres[np.arange(90) % 3] + rng.standard_normal((90, dim)), labels


@pytest.mark.parametrize("kind", KINDS)
def test_each_head_learns_separate_classes(kind: str) -> None:
    X, y = blobs()
    head = ShallowHead(kind, **SETTINGS.get(kind, {})).fit(X, y, groups=np.arange(90), sample_weight=np.ones(90))
    new, truth = blobs(1)
    probabilities = head.predict_proba(new)
    assert probabilities.shape == (90, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    assert (head.classes_[probabilities.argmax(axis=1)] == truth).mean() > 0.8


@pytest.mark.parametrize("kind", ["logistic", "svm", "knn"])
def test_a_row_of_weight_nothing_is_not_there(kind: str) -> None:
    X, y = blobs()
    weights = np.ones(90)
    weights[:30] = 0.0
    with_ghosts = ShallowHead(kind, k=90) if kind == "knn" else ShallowHead(kind)
    without = ShallowHead(kind, k=90) if kind == "knn" else ShallowHead(kind)
    a = with_ghosts.fit(X, y, sample_weight=weights).predict_proba(X)
    b = without.fit(X[30:], y[30:], sample_weight=weights[30:]).predict_proba(X)
    np.testing.assert_allclose(a, b, atol=2e-3)


def test_more_features_than_rows_give_the_model_that_all_features_give() -> None:
    X, y = blobs(dim=300)
    rows = StandardScaler().fit_transform(X)
    direct = LogisticRegression(C=0.01, tol=1e-8, max_iter=5000).fit(rows, y).predict_proba(rows)
    ours = ShallowHead("logistic", C=0.01, tol=1e-8).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours, direct, atol=1e-4)


def test_family_means_have_a_row_a_family() -> None:
    rows, labels = family_means(np.array([[0.0], [2.0], [5.0]]), np.array(["x", "x", "y"]), np.array([7, 7, 8]))
    assert rows.tolist() == [[1.0], [5.0]]
    assert labels.tolist() == ["x", "y"]


def test_unknown_heads_and_unfitted_heads_say_so() -> None:
    with pytest.raises(ConfigError, match="unknown head 'tree'"):
        ShallowHead("tree")
    with pytest.raises(ModelError, match="not trained"):
        ShallowHead("lda").predict_proba(np.zeros((1, 2)))
