"""A trained torch network and pictures -> where its evidence lies: Grad-CAM and integrated gradients, by captum."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from petmood.errors import ModelError, require_extra
from petmood.train.checks import check_images
from petmood.train.cnn import CnnClassifier


def grad_cam(model: CnnClassifier, images: NDArray[np.uint8], targets: NDArray[np.str_]) -> NDArray[np.float32]:
    """(n, h, w) float32 >= 0: Grad-CAM (Selvaraju et al. 2017) of the last convolution, for one class an image.

    Args:
        model: a trained network.
        images: (n, size, size, 3) uint8 RGB.
        targets: (n,) the class to explain in each image.

    Raises:
        DataError: images of another shape.
        MissingExtraError: captum is not installed.
        ModelError: the network has no such class, or no convolution.
    """
    attribution = _captum()
    convolutions = [part for part in model.module_ if isinstance(part, nn.Conv2d)]
    if not convolutions:
        raise ModelError("Grad-CAM needs a convolution, and this network has none. Use integrated gradients.")
    method = attribution.LayerGradCam(model.module_, convolutions[-1])
    maps = method.attribute(_input(model, images), target=_columns(model, targets), relu_attributions=True)
    found: NDArray[np.float32] = maps[:, 0].detach().cpu().numpy()
    return found


def integrated_gradients(
    model: CnnClassifier, images: NDArray[np.uint8], targets: NDArray[np.str_], steps: int = 32
) -> NDArray[np.float32]:
    """(n, size, size) float32: integrated gradients (Sundararajan et al. 2017) from black, summed over the channels.

    Their sum over an image is about the score of the class less that of a black image, the better the more `steps`.

    Raises:
        DataError: images of another shape.
        MissingExtraError: captum is not installed.
        ModelError: the network has no such class.
    """
    method = _captum().IntegratedGradients(model.module_)
    pixels = _input(model, images)
    columns = _columns(model, targets)
    maps = method.attribute(pixels, target=columns, n_steps=steps, internal_batch_size=max(16, len(images)))
    found: NDArray[np.float32] = maps.sum(dim=1).detach().cpu().numpy().astype(np.float32)
    return found


def _captum() -> Any:
    require_extra("Explaining a torch network", "train", "captum")
    import captum.attr

    return captum.attr


def _input(model: CnnClassifier, images: NDArray[np.uint8]) -> torch.Tensor:
    if not hasattr(model, "module_"):
        raise ModelError("this network is not trained yet. Call fit first, or load a saved one.")
    device = next(model.module_.parameters()).device
    checked = np.ascontiguousarray(check_images(images, model.settings.size))
    model.module_.eval()
    return torch.tensor(checked, device=device).permute(0, 3, 1, 2).float().div_(255)


def _columns(model: CnnClassifier, targets: NDArray[np.str_]) -> torch.Tensor:
    known = model.classes_.tolist()
    unknown = sorted(set(targets.tolist()) - set(known))
    if unknown:
        raise ModelError(f"the network has no class '{unknown[0]}'. Choose one of: {', '.join(known)}.")
    return torch.tensor(
        [known.index(name) for name in targets.tolist()], device=next(model.module_.parameters()).device
    )
