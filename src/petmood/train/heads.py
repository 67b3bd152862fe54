"""Frozen features and class names -> a linear classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from petmood.contract import Classifier
from petmood.errors import ConfigError, DataError, ModelError
from petmood.train.checks import check_classes, check_features, check_labels, check_weights


class LogisticHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Standardised features, then multinomial logistic regression with an L2 penalty.

    The strength of the penalty follows from the number of features, not from tuning: an L2 penalty is a Gaussian
    prior of variance C on each weight, so with C = 1 / dim the logits of a standardised row have variance 1 before
    any data is seen. With more features than photos, as here, a weaker penalty hardly changes which class is first
    but makes the probabilities far too sure.

    Deterministic: L-BFGS starts from zero and draws nothing.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
        weights_: (dim, n_classes) float64: on features as given, standardisation folded in.
        bias_: (n_classes,) float64. Probabilities are softmax(X @ weights_ + bias_).
        n_features_in_: dim.
    """

    classes_: NDArray[np.str_]
    weights_: NDArray[np.float64]
    bias_: NDArray[np.float64]
    n_features_in_: int

    def __init__(self, C: float | None = None, max_iter: int = 1000) -> None:  # noqa: N803  # its name everywhere
        """Choose the inverse strength of the penalty (1 / dim if None) and the most iterations of L-BFGS."""
        self.C = C
        self.max_iter = max_iter

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from features.

        Args:
            X: (n, dim) float features.
            y: (n,) str class names.
            groups: ignored: nothing is held out.
            sample_weight: (n,) weight of each row, in the standardisation and in the loss; scaled to a mean of 1.

        Raises:
            ConfigError: C is not positive.
            DataError: shapes do not match, values are not finite, or there are fewer than two classes.
        """
        if self.C is not None and not self.C > 0:
            raise ConfigError(f"setting 'C' must be above 0, got {self.C!r}.")
        features = check_features(X).astype(np.float64)
        labels = check_labels(y, len(features))
        check_classes(labels)
        weights = check_weights(sample_weight, len(features))
        if weights is not None:
            weights = weights / weights.mean()
        scaler = StandardScaler().fit(features, sample_weight=weights)
        self.n_features_in_ = features.shape[1]
        model = LogisticRegression(C=self.C or 1 / self.n_features_in_, max_iter=self.max_iter)
        model.fit(scaler.transform(features), labels, sample_weight=weights)
        self.classes_ = model.classes_
        coefficients, intercept = model.coef_.T, model.intercept_
        if len(self.classes_) == 2:
            # scikit-learn keeps one column z, the log odds of the second class; (-z/2, z/2) has the same softmax.
            coefficients, intercept = coefficients * [-0.5, 0.5], intercept * [-0.5, 0.5]
        self.weights_ = coefficients / scaler.scale_[:, np.newaxis]
        self.bias_ = intercept - scaler.mean_ @ self.weights_
        return self

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities; rows sum to 1.

        Raises:
            DataError: the rows have another length than those of `fit`, or are not finite.
            ModelError: `fit` was not called.
        """
        if not hasattr(self, "weights_"):
            raise ModelError("this head is not trained yet. Call fit first.")
        features = check_features(X)
        if features.shape[1] != self.n_features_in_:
            raise DataError(
                f"the head was trained on {self.n_features_in_} features, got {features.shape[1]}. "
                "Use the backbone that it was trained with."
            )
        probabilities: NDArray[np.float64] = softmax(features @ self.weights_ + self.bias_, axis=1)
        return probabilities

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
