"""`hub:NAME_OR_FOLDER` -> backbone: a transformers vision model, exported to ONNX once."""

from __future__ import annotations

import hashlib
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from petmood.errors import ModelError, require_extra
from petmood.features.backbones import GRAPH_VERSION, Backbone, Preprocess, kept_graph
from petmood.store import read_json

if TYPE_CHECKING:
    import torch

ALIASES: Final = {"mobilenet": "google/mobilenet_v1_1.0_224", "resnet50": "microsoft/resnet-50"}
"""The study's two networks by their names on the Hugging Face hub."""

_FILES: Final = ("config.json", "preprocessor_config.json", "model.safetensors")
_OPSET: Final = 17


def load(source: str, folder: Path, *, name: str | None = None, download: bool = True) -> Backbone:
    """A backbone from a folder that `save_pretrained` wrote, or from the Hugging Face hub.

    Args:
        source: a folder with config.json, preprocessor_config.json and model.safetensors, or a name on the hub.
        folder: where the exported graph is kept.
        name: of the backbone; by default the last part of `source`.
        download: whether a name may be fetched from the network, if it is not on this machine yet.

    Raises:
        MissingExtraError: the first use needs the extra `hub`.
        ModelError: the model cannot be had, or gives no feature map.
    """
    home = Path(source) if Path(source).is_dir() else _fetch(source, download)
    missing = [file for file in _FILES if not (home / file).is_file()]
    if missing:
        raise ModelError(
            f"{home} lacks {', '.join(missing)}. Save the model and its image processor with save_pretrained."
        )
    weights = hashlib.sha256(b"".join(hashlib.sha256((home / file).read_bytes()).digest() for file in _FILES))
    name = name or (home.resolve().name if Path(source).is_dir() else source.rsplit("/", 1)[-1])
    preprocess = _preprocess(home / "preprocessor_config.json")
    graph = folder / f"hub-v{GRAPH_VERSION}-{weights.hexdigest()[:20]}.onnx"
    return Backbone(
        name=name,
        graph=graph,
        digest=kept_graph(graph, weights.hexdigest(), partial(_export, home, preprocess.size)),
        preprocess=preprocess,
        features="features",
        logits=None,
        map="map",
        licence="see the model's card",
    )


def _fetch(name: str, download: bool) -> Path:
    """The folder of a hub model on this machine, fetched if need be."""
    require_extra(f"The backbone hub:{name}", "hub", "huggingface_hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=not download))
    except HFValidationError as error:
        raise ModelError(f"'{name}' is neither a folder nor a name on the hub, such as microsoft/resnet-50.") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = "cannot be fetched from the hub" if download else "is not on this machine"
        raise ModelError(
            f"the weights of {name} {reason}. With a network, petmood fetches them when it is given "
            f"--backbone hub:{name}; without one, give hub:FOLDER or onnx:PATH."
        ) from error


def _preprocess(path: Path) -> Preprocess:
    """What an image processor does to pixels, on the 0..255 scale. Its crop is left out: faces fill these pictures."""
    said: Any = read_json(path)
    side = said.get("crop_size") if said.get("do_center_crop", True) else None
    side = side or said.get("size")
    if isinstance(side, dict):
        side = side.get("height") or side.get("shortest_edge")
    if not isinstance(side, int):
        raise ModelError(f"{path} names no size of the input. Save the model's image processor again.")
    scale = float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0
    normalised = said.get("do_normalize", True)
    mean = said.get("image_mean", [0.5] * 3) if normalised else [0.0] * 3
    std = said.get("image_std", [0.5] * 3) if normalised else [1.0] * 3
    means, stds = ([round(float(v) / scale, 6) for v in values] for values in (mean, std))
    return Preprocess(side, (means[0], means[1], means[2]), (stds[0], stds[1], stds[2]))


def _export(home: Path, size: int, target: Path) -> None:
    require_extra(f"The backbone hub:{home.name} (its first use only)", "hub", "torch", "transformers")
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    class MapAndMean(torch.nn.Module):
        """A model's last feature map, and its mean over positions."""

        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            local: torch.Tensor = self.inner(pixels).last_hidden_state
            return local, local.mean(dim=(2, 3))

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers lacks this one's type
    try:
        inner: Any = AutoModel.from_pretrained(home, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{home} is no model that transformers can load: {error}. Save it again.") from error
    example = torch.zeros(2, 3, size, size)
    with torch.inference_mode():
        shape = inner.eval()(example).last_hidden_state.shape
    if len(shape) != 4:
        raise ModelError(
            f"{home.name} gives tokens, not a feature map: petmood reads convolutional models from the hub."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TorchScript exporter is chosen knowingly: see docs/decisions/0002
        torch.onnx.export(
            MapAndMean(inner).eval(),
            (example,),
            str(target),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["pixels"],
            output_names=["map", "features"],
            dynamic_axes={"pixels": {0: "n"}, "map": {0: "n"}, "features": {0: "n"}},
        )
