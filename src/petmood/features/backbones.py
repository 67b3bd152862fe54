"""A backbone: an ONNX graph on disk, made once and checked ever after, and the preprocessing of its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import PetmoodError
from petmood.records import FloatArray
from petmood.store import atomic_path, read_json, write_json

GRAPH_VERSION: Final = 2
"""Raise it when the way in which graphs are made changes: it is part of every feature's cache key."""


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


def kept_graph(graph: Path, weights_digest: str, make: Callable[[Path], None]) -> str:
    """Make a graph unless it is there and is what was made; returns its digest.

    Args:
        graph: where it is kept.
        weights_digest: what the graph is made from, written down beside it with the graph's own digest.
        make: writes the graph to a path.
    """
    digest = _checked_digest(graph)
    if digest is None:
        with atomic_path(graph) as temporary:
            make(temporary)
            digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        write_json(graph.with_suffix(".json"), {"sha256": digest, "weights_sha256": weights_digest})
    return digest


def _checked_digest(graph: Path) -> str | None:
    """The graph's digest if the file is there and is what was made; None if it must be made (again)."""
    sealed = graph.with_suffix(".json")
    if not graph.is_file() or not sealed.is_file():
        return None
    try:
        expected: Any = read_json(sealed)["sha256"]
    except (KeyError, TypeError, PetmoodError):
        return None
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()
    return digest if digest == expected else None
