"""A fitted support vector machine -> operators of an ONNX graph: kernels, votes of pairs of classes, their margins."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from petmood.bundle.ops import Operators


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
