"""A fitted classifier on features -> the same as operators of an ONNX graph, for bundles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.composite import GraphRows, Head
from petmood.bundle.ops import Operators
from petmood.contract import Classifier
from petmood.errors import ModelError
from petmood.features.species import GROUPED, N_IMAGENET, grouping
from petmood.training.compose import ColumnSubset, Distilled, SelfTraining
from petmood.training.heads import LogisticHead
from petmood.training.recipes import Recipe
from petmood.training.shallow import ShallowHead
from petmood.training.species import SpeciesConditional, SpeciesOnly, SpeciesRemoved


def support_vectors(ops: Operators, value: str, fitted: Any) -> str:
    """(n, n_classes) softmax of votes and margins, as `petmood.training.shallow.ShallowHead` makes them.

    Args:
        ops: where operators are added.
        value: name of the (n, dim) rows.
        fitted: scikit-learn's SVC with a Gaussian or linear kernel.
    """
    kernel = _kernel(ops, value, fitted)
    classes = len(fitted.classes_)
    pairs = list(combinations(range(classes), 2))
    # a pair's margin weighs the support vectors of its two classes, each by its multiplier against the other class
    starts = np.concatenate([[0], np.cumsum(fitted.n_support_)])
    weights = np.zeros((starts[-1], len(pairs)))
    for column, (i, j) in enumerate(pairs):
        weights[starts[i] : starts[i + 1], column] = fitted.dual_coef_[j - 1, starts[i] : starts[i + 1]]
        weights[starts[j] : starts[j + 1], column] = fitted.dual_coef_[i, starts[j] : starts[j + 1]]
    margins = ops.apply("Add", ops.apply("MatMul", kernel, ops.singles(weights)), ops.singles(fitted.intercept_))
    if classes == 2:
        return ops.apply("Softmax", ops.apply("MatMul", margins, ops.singles(np.array([[-1.0, 1.0]]))), axis=1)
    first, second = np.zeros((len(pairs), classes)), np.zeros((len(pairs), classes))
    for row, (i, j) in enumerate(pairs):
        first[row, i], second[row, j] = 1.0, 1.0
    lost = ops.cast(ops.apply("Less", margins, ops.number(0.0)), "FLOAT")
    won = ops.apply("Sub", ops.number(1.0), lost)
    votes = ops.apply(
        "Add", ops.apply("MatMul", won, ops.singles(first)), ops.apply("MatMul", lost, ops.singles(second))
    )
    sums = ops.apply("MatMul", margins, ops.singles(first - second))
    bounded = ops.apply("Mul", ops.apply("Add", ops.apply("Abs", sums), ops.number(1.0)), ops.number(3.0))
    return ops.apply("Softmax", ops.apply("Add", votes, ops.apply("Div", sums, bounded)), axis=1)


def _kernel(ops: Operators, value: str, fitted: Any) -> str:
    """(n, n_support): kernel values with each support vector."""
    vectors = fitted.support_vectors_
    inner = ops.apply("MatMul", value, ops.singles(vectors.T))
    if fitted.kernel == "linear":
        return inner
    own = ops.apply("ReduceSumSquare", value, axes=[1], keepdims=1)
    both = ops.apply("Add", own, ops.singles((vectors**2).sum(axis=1)[np.newaxis]))
    away = ops.apply("Sub", both, ops.apply("Mul", inner, ops.number(2.0)))
    return ops.apply("Exp", ops.apply("Mul", away, ops.number(-float(fitted.gamma))))


UNEXPORTED: Final = {
    "boosting": "gradient boosting has no operators in the graphs that bundles are made of",
    "finetune": "fine-tuning is saved by --model finetune",
}
"""Kinds of recipes that cannot be bundles, and why."""


def why_no_operators(recipe: Recipe) -> str | None:
    """Why a recipe's head cannot be a part of a graph, or None."""
    reasons = (UNEXPORTED.get(recipe.kind), *(why_no_operators(member) for member in recipe.members))
    return next((reason for reason in reasons if reason is not None), None)


def as_head(model: Classifier, classes: Sequence[str]) -> Head:
    """What adds a fitted classifier's operators to a graph, its columns in the order of `classes`.

    Raises:
        ModelError: when called: the classifier has no operators.
    """
    order = np.array([list(model.classes_).index(name) for name in classes])

    def add(rows: GraphRows) -> str:
        return rows.ops.apply("Gather", answer(model, rows), rows.ops.fixed(order), axis=1)

    return add


def answer(model: Classifier, rows: GraphRows) -> str:
    """Name of the (n, n_classes) probabilities of a fitted classifier; columns as in its `classes_`.

    Raises:
        ModelError: the classifier has no operators.
    """
    for kind, convert in _COMPOSED.items():
        if isinstance(model, kind):
            return convert(model, rows)
    if isinstance(model, ShallowHead) and model.kind in _SHALLOW:
        return _shallow(model, rows)
    what = f"'{model.kind}'" if isinstance(model, ShallowHead) else type(model).__name__
    raise ModelError(f"a head of kind {what} cannot be a part of a bundle. Choose another.")


def linear(ops: Operators, value: str, weights: NDArray[Any], bias: NDArray[Any]) -> str:
    """(n, k) value @ weights + bias."""
    return ops.apply("Add", ops.apply("MatMul", value, ops.singles(weights)), ops.singles(bias))


def softmax(ops: Operators, value: str) -> str:
    """Shares of each row."""
    return ops.apply("Softmax", value, axis=1)


def _paired(decision: NDArray[Any]) -> NDArray[Any]:
    """Columns whose softmax is what scikit-learn makes of its one column for two classes."""
    return np.concatenate([-decision / 2, decision / 2], axis=-1) if decision.shape[-1] == 1 else decision


def _columns(model: ColumnSubset, rows: GraphRows) -> str:
    return answer(model.model_, rows.columns(model.columns))


def _inner(model: SelfTraining | Distilled, rows: GraphRows) -> str:
    return answer(model.model_, rows)


def _shares(ops: Operators, value: str) -> str:
    return ops.apply("Div", value, ops.apply("ReduceSum", value, ops.fixed(np.array([1])), keepdims=1))


def _species(ops: Operators, logits: str, groups: NDArray[Any]) -> str:
    """(n, n_groups) probabilities of groups of ImageNet's classes, as `species_probabilities` gives them."""
    prior, _ = grouping()
    shares = softmax(ops, ops.apply("Add", logits, ops.singles(np.log(prior))))
    return ops.apply("MatMul", shares, ops.singles(groups))


def _species_only(model: SpeciesOnly, rows: GraphRows) -> str:
    ops, (_, members) = rows.ops, grouping()
    read = rows.columns(model.logits)
    return answer(model.model_, rows.of(lambda: _species(ops, read.value(), members), members.shape[1]))


def _three(model: SpeciesConditional | SpeciesRemoved, rows: GraphRows) -> str:
    """(n, 3): dog, cat, the rest, as `species_groups` gives them."""
    assert len(model.logits) == N_IMAGENET
    return _species(rows.ops, rows.columns(model.logits).value(), grouping()[1] @ GROUPED)


def _conditional(model: SpeciesConditional, rows: GraphRows) -> str:
    ops, species = rows.ops, _three(model, rows)
    parts = []
    for i, member in enumerate(model.models_):
        share = ops.apply("Gather", species, ops.fixed(np.array([i])), axis=1)
        parts.append(ops.apply("Mul", share, answer(member, rows.columns(model.features))))
    return ops.apply("Sum", *parts)


def _removed(model: SpeciesRemoved, rows: GraphRows) -> str:
    ops, read = rows.ops, rows.columns(model.features)

    def left() -> str:
        told = linear(ops, _three(model, rows), model.ridge_.coef_.T, model.ridge_.intercept_)
        return ops.apply("Sub", read.value(), told)

    return answer(model.model_, rows.of(left, read.width))


def _logistic_head(model: LogisticHead, rows: GraphRows) -> str:
    return softmax(rows.ops, linear(rows.ops, rows.value(), model.weights_, model.bias_))


def _shallow(model: ShallowHead, rows: GraphRows) -> str:
    ops, scaler = rows.ops, model.scaler_
    value = ops.apply("Div", ops.apply("Sub", rows.value(), ops.singles(scaler.mean_)), ops.singles(scaler.scale_))
    if model.pca_ is not None:
        basis, shift = model.pca_.basis_, model.pca_.shift_
        value = ops.apply("MatMul", ops.apply("Sub", value, ops.singles(shift)), ops.singles(basis))
    return _SHALLOW[model.kind](ops, ops.apply("Div", value, ops.number(model.scale_)), model.model_)


def _linear_model(ops: Operators, value: str, fitted: Any) -> str:
    return softmax(ops, linear(ops, value, _paired(fitted.coef_.T), _paired(fitted.intercept_)))


def _unit(ops: Operators, value: str) -> str:
    norm = ops.apply("ReduceL2", value, axes=[1], keepdims=1)
    return ops.apply("Div", value, ops.apply("Max", norm, ops.number(1e-12)))


def _neighbours(ops: Operators, value: str, fitted: Any) -> str:
    similar = ops.apply("MatMul", _unit(ops, value), ops.singles(fitted.rows_.T))
    k = min(fitted.k, len(fitted.rows_))
    best = ops.two("TopK", similar, ops.fixed(np.array([k])), axis=1)
    least = ops.apply("ReduceMin", best, axes=[1], keepdims=1)
    most = ops.apply("ReduceMax", best, axes=[1], keepdims=1)
    away = ops.apply("Div", ops.apply("Sub", similar, most), ops.number(fitted.temperature))
    near = ops.apply("Where", ops.apply("GreaterOrEqual", similar, least), ops.apply("Exp", away), ops.number(0.0))
    votes = ops.apply("Add", ops.apply("MatMul", near, ops.singles(fitted.votes_)), ops.number(1e-9))
    return _shares(ops, votes)


_SHALLOW: Final[dict[str, Callable[[Operators, str, Any], str]]] = {
    "logistic": _linear_model,
    "lda": _linear_model,
    "knn": _neighbours,
    "svm": support_vectors,
}

_COMPOSED: Final[dict[type, Callable[[Any, GraphRows], str]]] = {
    ColumnSubset: _columns,
    SelfTraining: _inner,
    Distilled: _inner,
    SpeciesOnly: _species_only,
    SpeciesConditional: _conditional,
    SpeciesRemoved: _removed,
    LogisticHead: _logistic_head,
}
