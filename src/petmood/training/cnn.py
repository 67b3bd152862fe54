"""Images and class names -> one of the study's networks, trained: a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from petmood.errors import DataError, ModelError, require_extra
from petmood.progress import Tick, silent
from petmood.results import Epochs
from petmood.training.classifier import check_classes, check_images, check_labels, check_weights
from petmood.training.networks import Network, make_network
from petmood.training.settings import OnEpoch, TrainedNetwork, TrainSettings

if TYPE_CHECKING:
    from torch import nn

    from petmood.training.training_loop import LabelledImages

Validation = tuple[NDArray[np.uint8], NDArray[np.str_]]
"""(n, size, size, 3) uint8 RGB images and their n class names."""


class CnnClassifier:
    """A network of the study behind the contract of `petmood.contract.Classifier`.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
        network_: the network's description.
        module_: the trained torch module: (n, 3, size, size) float32 in [0, 1] -> (n, n_classes) logits.
        result_: what the training came to.
        history_: the learning curves.
    """

    classes_: NDArray[np.str_]
    network_: Network
    module_: nn.Sequential
    result_: TrainedNetwork

    def __init__(
        self,
        network: str = "cnn1",
        settings: TrainSettings | None = None,
        checkpoint_dir: Path | None = None,
        on_epoch: OnEpoch | None = None,
        on_step: Tick = silent,
    ) -> None:
        """Choose what to train and how.

        Args:
            network: "cnn1" or "cnn2".
            settings: how to train it; the study's settings for CNN 1 if None.
            checkpoint_dir: where to keep a checkpoint after each epoch; a fit of the same data with the same settings
                resumes from it. None keeps none.
            on_epoch: called after each epoch.
            on_step: called after each step.

        Raises:
            ConfigError: an unknown network, or an image size that is too small for it.
            MissingExtraError: torch is not installed.
        """
        require_extra("Training a network", "train", "torch")
        self.network = network
        self.settings = TrainSettings() if settings is None else settings
        self.checkpoint_dir = checkpoint_dir
        self.on_epoch = on_epoch
        self.on_step = on_step
        make_network(network, size=self.settings.size)

    @property
    def history_(self) -> Epochs:
        """Loss and accuracy of each epoch.

        Raises:
            ModelError: `fit` was not called.
        """
        self._require_fitted()
        return self.result_.history

    def fit(
        self,
        X: NDArray[np.uint8],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
        validation: Validation | None = None,
    ) -> Self:
        """Train from fresh initial weights, or from where a checkpoint of the same training stands.

        Args:
            X: (n, size, size, 3) uint8 RGB, of the size of the settings.
            y: (n,) str: the class of each image.
            groups: ignored: nothing is held out of `X`.
            sample_weight: (n,) weight of each image in the loss; scaled to a mean of 1.
            validation: images and classes to watch, never trained on, of classes that `y` has. None, like no images
                at all, watches nothing.

        Raises:
            ConfigError: the settings ask for early stopping and there is no validation, or for a missing device.
            DataError: shapes, dtypes or classes do not fit.
            ModelError: the training diverged.
        """
        from petmood.training.modules import build
        from petmood.training.training_loop import train

        classes = check_classes(check_labels(y, len(X)))
        data = self._labelled(X, y, classes, sample_weight)
        watched = self._labelled(*validation, classes, None) if validation and len(validation[0]) else None
        network = make_network(self.network, len(classes), self.settings.size)
        module = build(network, self.settings.seed)
        self.result_ = train(
            module,
            data,
            self.settings,
            validation=watched,
            checkpoint_dir=self.checkpoint_dir,
            on_epoch=self.on_epoch,
            on_step=self.on_step,
        )
        self.classes_, self.network_, self.module_ = classes, network, module
        return self

    def predict_proba(self, X: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities of (n, size, size, 3) uint8 RGB images; rows sum to 1.

        Raises:
            DataError: images of another shape or dtype.
            ModelError: `fit` was not called.
        """
        from petmood.training.training_loop import predict_logits

        self._require_fitted()
        logits = predict_logits(self.module_, check_images(X, self.settings.size)).astype(np.float64)
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
        return probabilities

    def _labelled(
        self,
        X: NDArray[np.uint8],
        y: NDArray[np.str_],
        classes: NDArray[np.str_],
        sample_weight: NDArray[np.float64] | None,
    ) -> LabelledImages:
        from petmood.training.training_loop import LabelledImages

        images = check_images(X, self.settings.size)
        labels = check_labels(y, len(images))
        unknown = np.setdiff1d(labels, classes)
        if len(unknown):
            raise DataError(
                f"validation images have the class '{unknown[0]}', which no training image has. "
                "Leave them out, or add training images of it."
            )
        weights = check_weights(sample_weight, len(images))
        scaled = None if weights is None else (weights / weights.mean()).astype(np.float32)
        return LabelledImages(images, np.searchsorted(classes, labels).astype(np.int64), scaled)

    def _require_fitted(self) -> None:
        if not hasattr(self, "module_"):
            raise ModelError("this network is not trained yet. Call fit first.")
