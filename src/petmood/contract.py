"""What every classifier of petmood is: images or features and class names go in, probabilities by class come out."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Classifier(Protocol):
    """A model of classes: a head on frozen features, a network on images, or anything that behaves like them.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted; the columns of `predict_proba`. Set by `fit`.
    """

    classes_: NDArray[np.str_]

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from labelled rows.

        Args:
            X: (n, dim) float features or (n, height, width, 3) uint8 RGB images: what the classifier reads.
            y: (n,) str: the class name of each row.
            groups: (n,) the family of each row, for classifiers that hold out data while they learn; a family
                never straddles such a hold-out. Classifiers that hold nothing out ignore it.
            sample_weight: (n,) float >= 0: the weight of each row in the loss; all 1 if None.

        Raises:
            DataError: shapes do not match, values are not finite, or there are fewer than two classes.
        """
        ...

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_classes) float64 in [0, 1]: the probability of each class of `classes_`; rows sum to 1.

        Raises:
            DataError: the rows are not of the shape that `fit` saw.
            ModelError: `fit` was not called.
        """
        ...
