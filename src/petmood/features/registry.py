"""Name -> backbone: EfficientNet-Lite from Python packages, a user's own ONNX graph, or a model of transformers."""

from __future__ import annotations

from pathlib import Path

from petmood.cache import cache_dir
from petmood.errors import ConfigError, near_or
from petmood.features import efficientnet_lite, hub, onnx_file
from petmood.features.backbones import GRAPH_VERSION, Backbone, Preprocess, kept_graph

_LITE = {variant.name: variant for variant in efficientnet_lite.VARIANTS}


def backbone_names() -> tuple[str, ...]:
    """Names of the backbones whose weights need no download beyond a Python package."""
    return tuple(_LITE)


def load_backbone(name: str, folder: Path | None = None, *, download: bool = True) -> Backbone:
    """A backbone by name; a graph is made once, in the cache, and checked by digest ever after.

    Args:
        name: one of `backbone_names()`; `onnx:PATH`; `hub:NAME_OR_FOLDER`; or `mobilenet` or `resnet50`, the study's
            networks on the hub.
        folder: where graphs are kept; by default inside petmood's cache.
        download: whether weights that a hub name stands for may be fetched if they are not on this machine.

    Raises:
        ConfigError: unknown name.
        ModelError: the graph cannot be had or made, or is damaged beyond repair.
        MissingExtraError: the weights are in a package of the extra `backbones`, or the first use needs the extra
            `hub`.
    """
    folder = folder if folder is not None else cache_dir() / "backbones"
    kind, _, rest = name.partition(":")
    if kind == "onnx" and rest:
        return onnx_file.load(Path(rest), folder)
    if kind == "hub" and rest:
        return hub.load(rest, folder, download=download)
    if name in hub.ALIASES:
        return hub.load(hub.ALIASES[name], folder, name=name, download=download)
    if name not in _LITE:
        known = f"Known: {', '.join(_LITE)}, onnx:PATH, hub:NAME_OR_FOLDER."
        hint = near_or(name, (*_LITE, *hub.ALIASES), known, cutoff=0.4)
        raise ConfigError(f"unknown backbone '{name}'. {hint}")
    variant = _LITE[name]
    graph = folder / f"{name}-v{GRAPH_VERSION}-{variant.sha256[:12]}.onnx"
    return Backbone(
        name=name,
        graph=graph,
        digest=kept_graph(graph, variant.sha256, variant.export),
        preprocess=Preprocess(variant.size, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
        features="features",
        logits="logits",
        map="map",
        licence="Apache-2.0",
    )
