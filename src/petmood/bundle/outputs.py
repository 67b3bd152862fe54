"""What a bundle's graph gives for some pictures, as arrays with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outputs:
    """What the graph gives for n pictures, all float32.

    Attributes:
        probabilities: (n, n_classes), calibrated.
        scores: (n, n_classes), before calibration and softmax.
        features: (n, dim).
        cam: (n, n_classes, h, w): evidence for each class at each place, or None.
        imagenet: (n, 1000): scores of ImageNet's classes, or None.
    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    features: NDArray[np.float32]
    cam: NDArray[np.float32] | None
    imagenet: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.probabilities)

    @classmethod
    def joined(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of several batches as those of one."""

        def whole(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else np.concatenate(values)

        return cls(**{field.name: whole(field.name) for field in fields(cls)})

    def row(self, at: int) -> Outputs:
        """The outputs of one picture, as a batch of one."""
        part = slice(at, at + 1)
        return Outputs(
            probabilities=self.probabilities[part],
            scores=self.scores[part],
            features=self.features[part],
            cam=None if self.cam is None else self.cam[part],
            imagenet=None if self.imagenet is None else self.imagenet[part],
        )
