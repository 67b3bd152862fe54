from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from petmood.dataset.models import VOTERS
from petmood.errors import ConfigError, DataError, ModelError
from petmood.training.heads import (
    HEADS,
    LogisticHead,
    NeighbourVote,
    ShrunkDiscriminant,
    SoftLogisticHead,
    make_head,
)

MOODS = np.array(["happy", "Sad", "Angry"])


def clouds(n: int, dim: int, classes: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = MOODS[rng.integers(0, classes, n)]
    centres = {name: rng.normal(size=dim) for name in MOODS}
    X = np.stack([centres[name] for name in y]) + rng.normal(size=(n, dim))
    return X * rng.uniform(0.1, 50, dim) + rng.normal(size=dim), y


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities_are_those_of_the_plain_pipeline(classes, weighted):
    X, y = clouds(60, 8, classes)
    weights = np.random.default_rng(1).uniform(0.2, 3, len(y)) if weighted else None
    head = LogisticHead(C=0.3).fit(X, y, sample_weight=weights)
    scaled = None if weights is None else weights / weights.mean()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
    pipeline.fit(X, y, standardscaler__sample_weight=scaled, logisticregression__sample_weight=scaled)
    assert head.classes_.tolist() == sorted(set(y))
    np.testing.assert_allclose(head.predict_proba(X), pipeline.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(head.predict(X), pipeline.predict(X))


def test_rows_sum_to_one_also_far_from_the_data():
    X, y = clouds(40, 5, 3)
    probabilities = LogisticHead().fit(X, y).predict_proba(X * 1e6)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_weights_reproduce_the_probabilities_from_raw_features():
    X, y = clouds(40, 5, 3)
    head = LogisticHead().fit(X, y)
    odds = np.exp(X @ head.weights_ + head.bias_)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), head.predict_proba(X))


def test_penalty_follows_from_the_number_of_features():
    X, y = clouds(60, 20, 3)
    np.testing.assert_array_equal(
        LogisticHead().fit(X, y).predict_proba(X), LogisticHead(C=1 / 20).fit(X, y).predict_proba(X)
    )


def test_learns_what_can_be_learnt():
    X, y = clouds(300, 16, 3)
    head = LogisticHead().fit(X[:200], y[:200])
    assert (head.predict(X[200:]) == y[200:]).mean() > 0.9


def test_same_data_same_head_and_float32_features_do():
    X, y = clouds(50, 10, 3)
    first, again = LogisticHead().fit(X, y), LogisticHead().fit(X, y)
    np.testing.assert_array_equal(first.weights_, again.weights_)
    narrow = LogisticHead().fit(X.astype(np.float32), y).predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(narrow, first.predict_proba(X), atol=1e-4)


def test_a_row_of_weight_zero_says_nothing():
    X, y = clouds(40, 4, 2)
    wrong = np.append(np.ones(40), 0.0)
    odd, mood = np.vstack([X, X[:1] + 1e3]), np.append(y, "happy")
    with_it = LogisticHead(C=0.1).fit(odd, mood, sample_weight=wrong)
    # Weights have a mean of 1 over all rows, the silent one too, so the others weigh 41/40.
    without = LogisticHead(C=0.1 * 41 / 40).fit(X, y)
    np.testing.assert_allclose(with_it.predict_proba(X), without.predict_proba(X), atol=1e-4)


def test_a_constant_feature_changes_nothing():
    X, y = clouds(40, 4, 3)
    constant = np.hstack([X, np.full((40, 1), 7.0)])
    np.testing.assert_allclose(
        LogisticHead(C=0.1).fit(constant, y).predict_proba(constant), LogisticHead(C=0.1).fit(X, y).predict_proba(X)
    )


def test_can_be_cloned():
    copy = clone(LogisticHead(C=0.5, max_iter=7))
    assert (copy.C, copy.max_iter) == (0.5, 7)
    assert not hasattr(copy, "weights_")


def test_made_by_name():
    X, y = clouds(30, 4, 3)
    head = make_head("logistic").fit(X, y, groups=np.arange(30))
    assert isinstance(head, LogisticHead)
    with pytest.raises(ConfigError, match=r"unknown head 'svm'\. Choose one of: logistic"):
        make_head("svm")


X, Y = clouds(12, 4, 2)
NAN = np.where(np.arange(48).reshape(12, 4) == 5, np.nan, X)


@pytest.mark.parametrize(
    ("arguments", "weights", "words"),
    [
        ((X[0], Y), None, r"\(n_images, dim\), got shape \(4,\)"),
        ((X[:, :0], Y), None, r"got shape \(12, 0\)"),
        ((NAN, Y), None, "1 of 12 feature rows hold NaN"),
        ((X, Y[:-1]), None, r"12 rows need 12 labels, got shape \(11,\)"),
        ((X, np.arange(12)), None, "labels must be class names"),
        ((X, np.full(12, "happy")), None, "at least 2 classes, got only 'happy'"),
        ((X[:0], Y[:0]), None, "at least 2 classes, got no images"),
        ((X, Y), np.ones(3), "12 rows need 12 sample weights"),
        ((X, Y), -np.ones(12), "not negative"),
        ((X, Y), np.zeros(12), "not all zero"),
    ],
)
def test_unusable_data_is_named(arguments, weights, words):
    with pytest.raises(DataError, match=words):
        LogisticHead().fit(*arguments, sample_weight=weights)


def test_labels_may_be_python_strings_in_an_object_array():
    assert LogisticHead().fit(X, Y.astype(object)).classes_.tolist() == sorted(set(Y))


def test_misuse_is_named():
    with pytest.raises(ModelError, match="not trained yet"):
        LogisticHead().predict_proba(X)
    with pytest.raises(DataError, match="trained on 4 features, got 3"):
        LogisticHead().fit(X, Y).predict_proba(X[:, :3])
    with pytest.raises(ConfigError, match="'C' must be above 0, got 0"):
        LogisticHead(C=0).fit(X, Y)


@pytest.mark.parametrize(("name", "dim"), [*((name, 10) for name in HEADS), *((name, 300) for name in VOTERS)])
def test_every_head_learns_and_its_probabilities_add_up(name, dim):
    rng = np.random.default_rng(0)
    y = MOODS[rng.integers(0, 3, 150)]
    rows = rng.normal(size=(150, dim)).astype(np.float32)
    rows[:, :3] += 6 * (y[:, None] == MOODS)
    head = make_head(name).fit(rows[:100], y[:100], sample_weight=np.ones(100))
    p = head.predict_proba(rows[100:])
    assert list(head.classes_) == ["Angry", "Sad", "happy"]
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert (head.classes_[p.argmax(axis=1)] == y[100:]).mean() > (0.8 if dim == 10 else 0.5)


def test_the_discriminant_in_the_span_of_its_rows_is_that_of_all_features_up_to_shrinkage():
    rng = np.random.default_rng(1)
    y = np.array(["a", "b"])[rng.integers(0, 2, 40)]
    rows = rng.normal(size=(40, 6)) + 2 * (y[:, None] == "a")
    scaler = StandardScaler().fit(rows)
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(scaler.transform(rows), y)
    ours = ShrunkDiscriminant().fit(rows, y)
    assert ours.predict_proba(rows) == pytest.approx(plain.predict_proba(scaler.transform(rows)))


def test_weights_are_votes():
    rows = np.array([[1.0, 0], [1, 0.1], [1, -0.1], [-1, 0]])
    y = np.array(["a", "b", "b", "a"])
    heavy = NeighbourVote(k=3).fit(rows, y, sample_weight=np.array([10.0, 1, 1, 1]))
    light = NeighbourVote(k=3).fit(rows, y)
    assert heavy.predict_proba(rows[:1])[0, 0] > light.predict_proba(rows[:1])[0, 0]


@pytest.mark.parametrize("make", [NeighbourVote, ShrunkDiscriminant])
def test_an_unfitted_head_says_so(make):
    with pytest.raises(ModelError, match="not trained yet"):
        make().predict_proba(np.zeros((1, 2)))


@pytest.mark.parametrize("classes", [2, 3])
def test_soft_targets_that_are_certain_or_absent_are_the_labels(classes):
    X, y = clouds(60, 8, classes)
    names = ["happy", "Sad", "Angry"][:classes]
    certain = np.array([[float(name == label) for name in names] for label in y])
    certain[::3] = 0
    soft = SoftLogisticHead(names).fit(np.hstack([X, certain]), y)
    hard = LogisticHead().fit(X, y)
    np.testing.assert_allclose(soft.predict_proba(np.hstack([X, certain])), hard.predict_proba(X), atol=1e-6)


def test_soft_targets_minimise_the_cross_entropy_against_them():
    X, y = clouds(80, 6, 3)
    rng = np.random.default_rng(2)
    targets = rng.dirichlet([0.5, 0.5, 0.5], len(y))
    names = list(MOODS)
    model = SoftLogisticHead(names).fit(np.hstack([X, targets]), y)
    order = [names.index(name) for name in model.classes_]
    wide, goal = np.hstack([X, targets]), targets[:, order]
    scale, mean = X.std(axis=0), X.mean(axis=0)

    def loss(weights, bias):
        logits = X @ weights + bias
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -(goal * logits).sum() + X.shape[1] / 2 * ((weights * scale[:, None]) ** 2).sum()

    least = loss(model.weights_, model.bias_)
    for _ in range(20):
        step = rng.normal(size=model.weights_.shape) / scale[:, None] * 1e-2
        # the step turns about the mean of the rows, as standardised features have it
        assert loss(model.weights_ + step, model.bias_ - mean @ step) > least
    assert (
        np.abs(model.predict_proba(wide) - goal).mean()
        < np.abs(LogisticHead().fit(X, y).predict_proba(X) - goal).mean()
    )
