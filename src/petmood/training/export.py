"""A trained torch network -> its ONNX graph: the bytes of a bundle's, or a backbone with its JSON and weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from petmood.errors import ModelError
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.graphs import export_onnx
from petmood.features.trunk import CUT, SIZE
from petmood.store import atomic_path, write_json
from petmood.training.finetune import FineTunedHead
from petmood.training.upper_half import UpperHalf


class _WithFeatures(nn.Module):
    """(n, 3, size, size) float32 in [0, 1] -> features before the last layer, and its scores."""

    def __init__(self, network: nn.Sequential, order: Sequence[int]) -> None:
        super().__init__()
        parts = list(network)
        if not isinstance(parts[-1], nn.Linear):
            raise ModelError(f"a network is exported up to its last Linear layer, got {type(parts[-1]).__name__}.")
        self.body = nn.Sequential(*parts[:-1])
        self.last = nn.Linear(parts[-1].in_features, len(order))
        with torch.no_grad():
            self.last.weight.copy_(parts[-1].weight[list(order)])
            self.last.bias.copy_(parts[-1].bias[list(order)])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(pixels)
        return features, self.last(features)


def network_onnx(network: nn.Sequential, size: int, order: Sequence[int]) -> bytes:
    """The ONNX graph of a network that ends in a linear layer.

    Input `pixels` (n, 3, size, size) float32, as the network reads it; outputs `features` (n, dim), what its last layer
    reads, and `scores` (n, len(order)): the network's own scores, in this order. The network is left as it is.

    Raises:
        ModelError: its last layer is not linear.
    """
    device = next(network.parameters()).device
    whole = _WithFeatures(network, order).to(device)
    return export_onnx(whole, torch.zeros(2, 3, size, size, device=device), ("features", "scores"))


WEIGHTS, GRAPH = "crown.safetensors", "backbone.onnx"


class _Whole(nn.Module):
    """(n, 3, h, w) float32 pixels -> (map, features, logits)."""

    def __init__(self, crown: UpperHalf, half: bool = False) -> None:
        super().__init__()
        self.inner: Any = VARIANTS[0].network().inner
        self.crown, self.half_precision = crown, half

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        x = pixels
        if not len(self.crown.stem):
            x = self.inner._swish(self.inner._bn0(self.inner._conv_stem(x)))
            for block in self.inner._blocks[:CUT]:
                x = block(x)
            # what the upper half was trained on had been kept in half precision
            x = x.half().float() if self.half_precision else x
        local, pooled, logits = self.crown(x)
        return local, pooled, logits


class _Answers(nn.Module):
    """(n, 3, h, w) float32 pixels -> features and log-probabilities, each averaged over image and mirror image."""

    def __init__(self, head: FineTunedHead, order: Sequence[int]) -> None:
        super().__init__()
        self.whole = _Whole(head.crown_, half=True)
        self.order = torch.tensor(list(order))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        _, plain, logits = self.whole(pixels)
        _, mirrored, others = self.whole(pixels.flip(3))
        mean = (logits.softmax(dim=1) + others.softmax(dim=1)) / 2
        return (plain + mirrored) / 2, mean.clamp(min=1e-12).log()[:, self.order]


def answers_onnx(head: FineTunedHead, size: int, order: Sequence[int]) -> bytes:
    """The graph of a network's answers, as `petmood.bundle.graph.network_graph` takes it.

    Args:
        head: a trained network.
        size: side of its input in pixels.
        order: for each class of the bundle its column in the network's own order.
    """
    head.crown_.cpu()
    return export_onnx(_Answers(head, order), torch.zeros(2, 3, size, size), ("features", "scores"))


def load_start(path: Path) -> dict[str, Tensor]:
    """The upper half that `export` wrote beside a backbone, but for its classifier, whose classes are others.

    Raises:
        ModelError: there is none.
    """
    file = path.parent / WEIGHTS
    if not file.is_file():
        raise ModelError(f"{file} does not exist; fine-tuning starts from ImageNet or what petmood pretrain wrote.")
    return {name: value for name, value in load_file(file).items() if not name.startswith("fc.")}


def export(head: FineTunedHead, folder: Path, name: str) -> Path:
    """Write `crown.safetensors`, `backbone.onnx` and `backbone.json`; returns the graph's path.

    Args:
        head: a trained upper half.
        folder: made if absent; older files of these names are replaced.
        name: of the backbone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().contiguous() for key, value in head.crown_.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(state, temporary, metadata={"classes": ",".join(head.classes_), "cut": str(CUT)})
    axes = {"pixels": {0: "n", 2: "h", 3: "w"}, "map": {0: "n", 2: "map_h", 3: "map_w"}}
    axes |= {"features": {0: "n"}, "logits": {0: "n"}}
    with atomic_path(folder / GRAPH) as temporary:
        example = torch.zeros(2, 3, SIZE, SIZE)
        export_onnx(_Whole(head.crown_), example, ("map", "features", "logits"), temporary, axes)
    facts = {
        "name": name,
        "size": SIZE,
        "mean": [127.0, 127.0, 127.0],
        "std": [128.0, 128.0, 128.0],
        "features": "features",
        "logits": "logits",
        "map": "map",
        "licence": "Apache-2.0 weights, fine-tuned on images whose licence petmood does not know",
    }
    write_json(folder / "backbone.json", facts)
    return folder / GRAPH
