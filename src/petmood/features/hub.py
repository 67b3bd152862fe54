"""`hub:NAME_OR_FOLDER` -> backbone: a model of images of the library transformers, exported to ONNX once.

A convolutional network gives its last feature map and the mean of it. A vision transformer (ViT, DINOv2, DINOv3) gives
the tokens of its places as a map, and its class token; CLIP and SigLIP give the pooled embedding that
their texts share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from petmood.errors import ModelError, reason_of, require_extra
from petmood.features.backbones import GRAPH_VERSION, Backbone, Preprocess, kept_graph
from petmood.features.graphs import export_onnx
from petmood.store import read_json

if TYPE_CHECKING:
    import torch

ALIASES: Final = {"mobilenet": "google/mobilenet_v1_1.0_224", "resnet50": "microsoft/resnet-50"}
"""The study's two networks by their names on the Hugging Face hub."""

_FILES: Final = ("config.json", "preprocessor_config.json", "model.safetensors")


def load(source: str, folder: Path, *, name: str | None = None, download: bool = True) -> Backbone:
    """A backbone from a folder that `save_pretrained` wrote, or from the Hugging Face hub.

    Args:
        source: a folder with config.json, preprocessor_config.json and model.safetensors, or a name on the hub.
        folder: where the exported graph is kept.
        name: of the backbone; by default the last part of `source`.
        download: whether a name may be fetched from the network, if it is not on this machine yet.

    Raises:
        MissingExtraError: the first use needs the extra `hub`.
        ModelError: the model cannot be had, or gives no features of places.
    """
    home = find(source, download=download)
    weights = digest_of(home)
    name = name or (home.resolve().name if Path(source).is_dir() else source.rsplit("/", 1)[-1])
    preprocess = preprocess_of(home / "preprocessor_config.json")
    graph = folder / f"hub-v{GRAPH_VERSION}-{weights[:20]}.onnx"
    return Backbone(
        name=name,
        graph=graph,
        digest=kept_graph(graph, weights, partial(_export, home, preprocess.size)),
        preprocess=preprocess,
        features="features",
        logits=None,
        map="map",
        licence="see the model's card",
    )


def digest_of(home: Path) -> str:
    """SHA-256 of a saved model: its weights, configuration and preprocessing.

    Raises:
        ModelError: one of the three files is missing.
    """
    missing = [file for file in _FILES if not (home / file).is_file()]
    if missing:
        raise ModelError(
            f"{home} lacks {', '.join(missing)}. Save the model and its image processor with save_pretrained."
        )
    return hashlib.sha256(b"".join(hashlib.sha256((home / file).read_bytes()).digest() for file in _FILES)).hexdigest()


def find(source: str, *, download: bool) -> Path:
    """The folder of a model: the source itself, or that of a hub model on this machine, fetched if need be.

    Args:
        source: a folder, or a name on the hub.
        download: whether a name may be fetched.

    Raises:
        MissingExtraError: a name needs the extra `hub`.
        ModelError: the model cannot be had.
    """
    return Path(source) if Path(source).is_dir() else _fetch(source, download)


def _fetch(name: str, download: bool) -> Path:
    require_extra(f"The model hub:{name}", "hub", "huggingface_hub")
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
            f"hub:{name}; without one, give hub:FOLDER or onnx:PATH."
        ) from error


def preprocess_of(path: Path) -> Preprocess:
    """What an image processor does to pixels, on the 0..255 scale. Its crop is left out: faces fill these pictures.

    Raises:
        ModelError: its file names no size.
    """
    said: Any = read_json(path)
    if not isinstance(said, dict):
        raise ModelError(f"{path} must hold a JSON object. Save the model's image processor again.")
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


def _load(home: Path, feature: str, loader: str = "AutoModel") -> Any:
    """A model that transformers saved, in evaluation mode, every weight that petmood uses from the file.

    Args:
        home: its folder.
        feature: what needs it, for the error's message.
        loader: the class of transformers that knows models of its kind.

    Raises:
        MissingExtraError: the extra `hub` is not installed.
        ModelError: it is not a model that transformers can load, or its file lacks weights.
    """
    require_extra(feature, "hub", "torch", "transformers")
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers lacks this one's type
    try:
        model, report = getattr(transformers, loader).from_pretrained(
            home, local_files_only=True, use_safetensors=True, attn_implementation="eager", output_loading_info=True
        )
    except (OSError, ValueError, ImportError) as error:
        reason = reason_of(error)
        raise ModelError(f"{home} is not a model that transformers can load ({reason}). Save it again.") from error
    missing = sorted(report["missing_keys"])
    lost = [name for name in missing if not name.startswith("pooler.")]
    if lost:
        raise ModelError(f"{home} lacks weights of its model, such as {lost[0]}. Save the whole model again.")
    if missing:
        # a classifier was saved without what pools; transformers would make it up at random
        model.pooler = None
    return model.eval()


def _export(home: Path, size: int, target: Path) -> None:
    inner = _load(home, f"The backbone hub:{home.name} (its first use only)")
    import torch

    class Outputs(torch.nn.Module):
        """A model's local features as a map, and its pooled features."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            local, pooled = _tower(self.inner, pixels)
            if local.ndim == 4:
                return local, local.mean(dim=(2, 3))
            # what comes before the places: a class token, registers
            side = _places(self.inner, size)
            places = local[:, local.shape[1] - side * side :].transpose(1, 2)
            if pooled is None:
                pooled = local[:, 0] if local.shape[1] > side * side else places.mean(dim=2)
            return places.reshape(-1, places.shape[1], side, side), pooled

    for module in inner.modules():
        if hasattr(module, "interpolate_pos_encoding"):
            # at one size places are constants; some are resized by an operator that ONNX lacks
            module.interpolate_pos_encoding = _once(module.interpolate_pos_encoding)
    network = Outputs().eval()
    example = torch.zeros(2, 3, size, size)
    try:
        with torch.no_grad():
            local, pooled = network(example)
    except (ValueError, RuntimeError, TypeError, AttributeError) as error:
        reason = reason_of(error)
        raise ModelError(
            f"{home.name} does not turn pictures of {size} pixels into features ({reason}). petmood reads models of "
            "images from the hub: convolutional ones, and transformers with one token for each place."
        ) from error
    if local.ndim != 4 or pooled.ndim != 2:
        raise ModelError(f"{home.name} gives outputs of an unknown shape. Export it to ONNX, and use onnx:PATH.")
    export_onnx(network, example, ("map", "features"), target)


def export_detector(home: Path, size: int, target: Path) -> None:
    """Write a detector that transformers saved as a graph for one square: `pixels` in, `logits` and `pred_boxes` out.

    Args:
        home: its folder.
        size: side of the square in pixels.
        target: the graph's file.

    Raises:
        MissingExtraError: the extra `hub` is not installed.
        ModelError: it is not a detector, or cannot be exported.
    """
    inner = _load(home, f"The detector hub:{home.name} (its first use only)", "AutoModelForObjectDetection")
    import torch

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen = self.inner(pixel_values=pixels)
            return seen.logits, seen.pred_boxes

    try:
        export_onnx(Outputs(), torch.zeros(1, 3, size, size), ("logits", "pred_boxes"), target, {})
    except Exception as error:  # torch's exporter raises many types, some of its own
        reason = reason_of(error)
        raise ModelError(
            f"{home.name} cannot be exported as a detector of pictures of {size} pixels ({reason}). Export it to "
            "ONNX, and use onnx:FILE."
        ) from error


def _once(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The same function, which gives its first answer ever after."""
    kept: list[torch.Tensor] = []

    def answer(*arguments: Any) -> torch.Tensor:
        if not kept:
            kept.append(function(*arguments).detach())
        return kept[0]

    return answer


def _tower(model: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A model's last hidden state and, where it has been trained to be used, its pooled one.

    With a text tower beside it, the pooled one is the image's embedding in the space that both share.
    """
    if hasattr(model, "get_image_features"):
        seen = model.vision_model(pixel_values=pixels)
        pooled = seen.pooler_output
        projection = getattr(model, "visual_projection", None)
        return seen.last_hidden_state, pooled if projection is None else projection(pooled)
    seen = model(pixel_values=pixels)
    pooled = getattr(seen, "pooler_output", None)
    # ViT's dense layer and tanh belong to the task it was trained on: its class token is the feature
    if hasattr(getattr(model, "pooler", None), "dense"):
        pooled = None
    return seen.last_hidden_state, pooled


def _places(model: Any, size: int) -> int:
    """Places along one side of the map of a vision transformer."""
    config = getattr(model.config, "vision_config", model.config)
    patch = config.patch_size
    side = size // (patch if isinstance(patch, int) else patch[0])
    return int(side)
