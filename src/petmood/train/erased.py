"""A head that takes a concept (species) out of its features first -> a classifier fitted on training rows alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from petmood.audit.erasure import Eraser, fit_eraser
from petmood.contract import Classifier
from petmood.errors import ModelError


class ErasedHead:
    """Erases a concept and hands the rest to another head; the last `n_concept` columns are the concept.

    Both are fitted on the rows of `fit` and nothing else, so that cross-validation needs no special care.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
    """

    classes_: NDArray[np.str_]

    def __init__(self, make: Callable[[], Classifier], method: str, n_concept: int) -> None:
        """Choose the head, one of `petmood.audit.erasure.ERASERS`, and the number of columns of the concept."""
        self._make, self._method, self._k = make, method, n_concept
        self._eraser: Eraser | None = None

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from (n, dim + n_concept) columns; see `petmood.contract.Classifier`."""
        features, concept = self._split(X)
        self._eraser = fit_eraser(self._method, features, concept, sample_weight)
        cleaned = self._eraser.transform(features, concept)
        self._head = self._make().fit(cleaned, y, groups=groups, sample_weight=sample_weight)
        self.classes_ = self._head.classes_
        return self

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities; rows sum to 1.

        Raises:
            ModelError: `fit` was not called.
        """
        if self._eraser is None:
            raise ModelError("this head is not trained yet. Call fit first.")
        return self._head.predict_proba(self._eraser.transform(*self._split(X)))

    def _split(self, X: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        both = np.asarray(X, dtype=np.float64)
        return both[:, : -self._k], both[:, -self._k :]
