"""Images and class names -> one of the study's networks, trained: a classifier that a folder can hold."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from petmood.errors import DataError, ModelError, require_extra
from petmood.results import Epochs
from petmood.store import read_json, write_bytes, write_json
from petmood.training.checks import check_classes, check_images, check_labels, check_weights
from petmood.training.networks import Network, make_network
from petmood.training.settings import Device, OnEpoch, OnStep, TrainedNetwork, TrainSettings

if TYPE_CHECKING:
    from torch import nn

    from petmood.training.training_loop import LabelledImages

_INDEX: Final = "cnn.json"
_WEIGHTS: Final = "weights.safetensors"

Validation = tuple[NDArray[np.uint8], NDArray[np.str_]]
"""(n, size, size, 3) uint8 RGB images and their n class names."""


class _Saved(BaseModel):
    """The content of the saved folder's JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    network: str
    classes: tuple[str, ...]
    settings: TrainSettings
    result: TrainedNetwork
    weights_sha256: str


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
        on_step: OnStep | None = None,
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

    def save(self, folder: Path) -> None:
        """Write the trained network to a folder: `cnn.json` and `weights.safetensors`.

        Raises:
            ModelError: `fit` was not called.
        """
        import safetensors.torch

        self._require_fitted()
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.module_.state_dict().items()}
        weights = safetensors.torch.save(tensors)
        saved = _Saved(
            format=1,
            network=self.network,
            classes=tuple(self.classes_.tolist()),
            settings=self.settings,
            result=self.result_,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
        )
        # The JSON comes last and names the weights by content: an interrupted save never passes for a whole one.
        write_bytes(folder / _WEIGHTS, weights)
        write_json(folder / _INDEX, saved.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path, device: Device = "auto") -> Self:
        """Read a network that `save` wrote; it predicts on `device`.

        Raises:
            ConfigError: the device is not there.
            MissingExtraError: torch is not installed.
            ModelError: the folder holds no saved network, or a damaged one.
        """
        try:
            saved = _Saved.model_validate(read_json(folder / _INDEX))
            weights = (folder / _WEIGHTS).read_bytes()
        except (DataError, OSError, ValidationError) as error:
            detail = str(error).splitlines()[0]
            raise ModelError(f"no saved network in {folder} ({detail}). Train one and save it there.") from error
        if hashlib.sha256(weights).hexdigest() != saved.weights_sha256:
            raise ModelError(f"the network in {folder} is damaged: {_WEIGHTS} is not the one saved. Save it again.")
        model = cls(saved.network, saved.settings)
        model._restore(saved, weights, device)
        return model

    def _restore(self, saved: _Saved, weights: bytes, device: str) -> None:
        import safetensors.torch

        from petmood.training.devices import resolve_device
        from petmood.training.modules import build

        self.network_ = make_network(saved.network, len(saved.classes), saved.settings.size)
        module = build(self.network_, saved.settings.seed)
        try:
            module.load_state_dict(safetensors.torch.load(weights))
        except RuntimeError as error:
            raise ModelError(f"the saved weights are not of the network '{saved.network}': {error}") from error
        self.module_ = module.to(resolve_device(device)).eval()
        self.classes_, self.result_ = np.array(saved.classes), saved.result

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
            raise ModelError("this network is not trained yet. Call fit first, or load a saved one.")
