"""Frozen features and class names -> a linear classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from petmood.contract import Classifier
from petmood.errors import ConfigError
from petmood.train.learner import Learner, Lesson
from petmood.train.scaling import fit_scaler


class LogisticHead(Learner):
    """Standardised features, then multinomial logistic regression with an L2 penalty.

    The strength of the penalty follows from the number of features, not from tuning: an L2 penalty is a Gaussian
    prior of variance C on each weight, so with C = 1 / dim the logits of a standardised row have variance 1 before
    any data is seen. With more features than photos, as here, a weaker penalty hardly changes which class is first
    but makes the probabilities far too sure.

    Deterministic: L-BFGS starts from zero and draws nothing.

    Attributes:
        weights_: (dim, n_classes) float64: on features as given, standardisation folded in.
        bias_: (n_classes,) float64. Probabilities are softmax(X @ weights_ + bias_).
    """

    weights_: NDArray[np.float64]
    bias_: NDArray[np.float64]

    def __init__(self, C: float | None = None, max_iter: int = 1000) -> None:  # noqa: N803  # its name everywhere
        """Choose the inverse strength of the penalty (1 / dim if None) and the most iterations of L-BFGS."""
        self.C = C
        self.max_iter = max_iter

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        if self.C is not None and not self.C > 0:
            raise ConfigError(f"setting 'C' must be above 0, got {self.C!r}.")
        # a mean weight of 1, so that C means the same whatever the unit of weights
        weights = lesson.weights / lesson.weights.mean()
        scaler = fit_scaler(lesson.rows, weights)
        model = LogisticRegression(C=self.C or 1 / lesson.rows.shape[1], max_iter=self.max_iter)
        model.fit(scaler.transform(lesson.rows), lesson.labels, sample_weight=weights)
        coefficients, intercept = model.coef_.T, model.intercept_
        if len(lesson.classes) == 2:
            # scikit-learn keeps one column z, the log odds of the second class; (-z/2, z/2) has the same softmax.
            coefficients, intercept = coefficients * [-0.5, 0.5], intercept * [-0.5, 0.5]
        self.weights_ = coefficients / scaler.scale_[:, np.newaxis]
        self.bias_ = intercept - scaler.mean_ @ self.weights_

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return np.asarray(softmax(rows @ self.weights_ + self.bias_, axis=1))

    def predict(self, X: NDArray[np.floating[Any]]) -> NDArray[np.str_]:
        """(n,) str: the most probable class of each row. Raises as `predict_proba`."""
        best: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return best


HEADS: Final[dict[str, Callable[[int], Classifier]]] = {
    "logistic": lambda seed: LogisticHead(),
    # the penalty that scikit-learn has by default and published figures were made with: weak enough to learn by heart
    "logistic-c1": lambda seed: LogisticHead(C=1.0),
}
"""Heads by name, each made from a seed."""


def make_head(name: str, seed: int) -> Classifier:
    """A fresh head by name; `seed` sets its random choices, of which "logistic" has none.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in HEADS:
        raise ConfigError(f"unknown head '{name}'. Choose one of: {', '.join(HEADS)}.")
    return HEADS[name](seed)
