"""A fine-tuned upper half and the frozen lower half -> one ONNX backbone, its JSON for `onnx:FILE`, and its weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.trunk import CUT, SIZE
from petmood.store import atomic_path, write_json
from petmood.train.crown import Crown, CrownHead

WEIGHTS, GRAPH = "crown.safetensors", "backbone.onnx"


class _Whole(nn.Module):
    """(n, 3, h, w) float32 pixels -> (map, features, logits)."""

    def __init__(self, crown: Crown) -> None:
        super().__init__()
        self.inner: Any = VARIANTS[0].network().inner
        self.crown = crown

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        x = self.inner._swish(self.inner._bn0(self.inner._conv_stem(pixels)))
        for block in self.inner._blocks[:CUT]:
            x = block(x)
        local, pooled, logits = self.crown(x)
        return local, pooled, logits


def export(head: CrownHead, folder: Path, name: str) -> Path:
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
    with atomic_path(folder / GRAPH) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TorchScript exporter is chosen knowingly: docs/decisions/0002
        torch.onnx.export(
            _Whole(head.crown_).eval(),
            (torch.zeros(2, 3, SIZE, SIZE),),
            str(temporary),
            dynamo=False,
            opset_version=17,
            input_names=["pixels"],
            output_names=["map", "features", "logits"],
            dynamic_axes={**axes, "features": {0: "n"}, "logits": {0: "n"}},
        )
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
