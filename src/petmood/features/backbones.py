"""Name -> backbone: an ONNX graph on disk and the preprocessing that its weights were trained with."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import cache_dir
from petmood.errors import ConfigError, ModelError
from petmood.features import efficientnet_lite
from petmood.records import FloatArray
from petmood.store import atomic_path, read_json, write_json

GRAPH_VERSION: Final = 1
"""Raise it when the way a graph is exported changes: it is part of every feature's cache key."""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How pixels become the graph's input: resize to a square, then (x - mean) / std on values in [0, 255].

    Attributes:
        size: side in pixels.
        mean, std: per channel, RGB, on the 0..255 scale.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def apply(self, pixels: NDArray[np.uint8]) -> FloatArray:
        """(n, size, size, 3) uint8 RGB -> (n, 3, size, size) float32, contiguous."""
        values = np.empty((len(pixels), 3, *pixels.shape[1:3]), dtype=np.float32)
        for channel in range(3):
            np.subtract(pixels[..., channel], np.float32(self.mean[channel]), out=values[:, channel])
            values[:, channel] /= np.float32(self.std[channel])
        return values


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen network.

    Attributes:
        name: as the user gives it.
        graph: path of the ONNX file; input `pixels` (n, 3, h, w) float32.
        digest: SHA-256 of the graph's bytes.
        preprocess: what the graph expects of its input.
        features: name of the output with (n, dim) pooled features.
        logits: name of the output with the scores of its own head (n, n_outputs), or None.
        map: name of the output with (n, dim, h', w') local features, or None.
        licence: of the weights.
    """

    name: str
    graph: Path
    digest: str
    preprocess: Preprocess
    features: str
    logits: str | None
    map: str | None
    licence: str

    @property
    def key(self) -> str:
        """Cache namespace: covers weights, graph, preprocessing and version, so that no stale feature is ever read."""
        causes = json.dumps([GRAPH_VERSION, self.digest, asdict(self.preprocess)], sort_keys=True)
        return f"features/{self.name}/{hashlib.sha256(causes.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a built-in backbone is made: an exporter that writes its graph, and what its weights are."""

    export: Callable[[Path], None]
    weights_digest: str
    preprocess: Preprocess
    licence: str


_LITE = {"mean": (127.0, 127.0, 127.0), "std": (128.0, 128.0, 128.0)}


def _recipes() -> dict[str, _Recipe]:
    return {
        f"efficientnet-lite{variant.number}": _Recipe(
            export=variant.export,
            weights_digest=variant.sha256,
            preprocess=Preprocess(size=variant.size, **_LITE),
            licence="Apache-2.0",
        )
        for variant in efficientnet_lite.VARIANTS
    }


def backbone_names() -> tuple[str, ...]:
    """Names of the backbones whose weights need no download beyond a Python package."""
    return tuple(_recipes())


def load_backbone(name: str, folder: Path | None = None, *, download: bool = True) -> Backbone:
    """A backbone by name; a graph is exported once into the cache and checked by digest ever after.

    Args:
        name: one of `backbone_names()`; `onnx:PATH`; `hub:NAME_OR_FOLDER`; or `mobilenet` or `resnet50`, the study's
            networks on the hub.
        folder: where graphs are kept; by default inside petmood's cache.
        download: whether weights that a hub name stands for may be fetched if they are not on this machine.

    Raises:
        ConfigError: unknown name.
        ModelError: the graph cannot be had or made, or is damaged beyond repair.
        MissingExtraError: the first export needs the extra `train`, or `hub`.
    """
    from petmood.features import hub, onnx_file  # they build on this module

    folder = folder if folder is not None else cache_dir() / "backbones"
    kind, _, rest = name.partition(":")
    if kind == "onnx" and rest:
        return onnx_file.load(Path(rest), folder)
    if kind == "hub" and rest:
        return hub.load(rest, folder, download=download)
    if name in hub.ALIASES:
        return hub.load(hub.ALIASES[name], folder, name=name, download=download)
    recipes = _recipes()
    if name not in recipes:
        near = difflib.get_close_matches(name, (*recipes, *hub.ALIASES), n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(recipes)}, onnx:PATH, hub:NAME_OR_FOLDER."
        raise ConfigError(f"unknown backbone '{name}'. {hint}")
    recipe = recipes[name]
    graph = folder / f"{name}-v{GRAPH_VERSION}-{recipe.weights_digest[:12]}.onnx"
    digest = checked_digest(graph)
    if digest is None:
        digest = _export(recipe, graph)
    return Backbone(
        name=name,
        graph=graph,
        digest=digest,
        preprocess=recipe.preprocess,
        features="features",
        logits="logits",
        map="map",
        licence=recipe.licence,
    )


def checked_digest(graph: Path) -> str | None:
    """The graph's digest if the file is there and is what was exported; None if it must be made (again)."""
    sealed = graph.with_suffix(".json")
    if not graph.is_file() or not sealed.is_file():
        return None
    try:
        expected: Any = read_json(sealed)["sha256"]
    except (KeyError, TypeError, ModelError):
        return None
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()
    return digest if digest == expected else None


def _export(recipe: _Recipe, graph: Path) -> str:
    with atomic_path(graph) as temporary:
        recipe.export(temporary)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    seal(graph, digest, recipe.weights_digest)
    return digest


def seal(graph: Path, digest: str, weights_digest: str) -> None:
    """Write down what a graph is, beside it, for `checked_digest` to compare with."""
    write_json(graph.with_suffix(".json"), {"sha256": digest, "weights_sha256": weights_digest})
