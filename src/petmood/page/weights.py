"""A bundle's graph and training photos -> bytes that a page can hold as text, small and hardly different."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.folder import Parts, TrainingNeighbours
from petmood.bundle.model import unit_rows
from petmood.errors import MissingExtraError

MANTISSA: Final = 16
"""Bits that are kept of a weight's fraction, of 23: relative errors stay under 1e-5, and a third of the bytes go."""

_LEAST_BYTES: Final = 4096  # smaller constants are left as they are
_PART: Final = 1 << 20  # characters of a part; a multiple of 4


@dataclass(frozen=True)
class Asset:
    """One file inside the page, `text` base64 of gzip; with `planes`, bytes are sorted by their place in a word."""

    text: str
    size: int
    planes: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The text in parts that can be loaded one by one."""
        return tuple(self.text[i : i + _PART] for i in range(0, len(self.text), _PART))

    @property
    def facts(self) -> dict[str, int | bool]:
        """What the page needs to unpack it."""
        return {"parts": len(self.parts), "bytes": self.size, "planes": self.planes}


def model_assets(parts: Parts) -> dict[str, Asset]:
    """The graph as `model`; the features of the training photos as `photos`, their labels and pictures as `near`.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    assets = {"model": packed(rounded_graph(parts.graph), planes=True)}
    if parts.neighbours is not None:
        unit = rounded(unit_rows(parts.neighbours.features).astype("<f4"))
        assets["photos"] = packed(unit.tobytes(), planes=True)
        assets["near"] = packed(json.dumps(_near(parts.neighbours), ensure_ascii=False).encode(), planes=False)
    return assets


def packed(data: bytes, *, planes: bool) -> Asset:
    """Bytes as an asset; the same bytes give the same text."""
    body = data
    if planes:
        padded = data + bytes(-len(data) % 4)
        body = np.frombuffer(padded, dtype=np.uint8).reshape(-1, 4).T.tobytes()
    # level 9 takes eleven times as long, for weights in floats, and saves a hundredth
    return Asset(base64.b64encode(gzip.compress(body, 6, mtime=0)).decode(), len(data), planes)


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 values whose fractions have `MANTISSA` bits, rounded to the nearest."""
    drop = 23 - MANTISSA
    bits = values.view(np.uint32).astype(np.uint64) + (1 << (drop - 1)) >> drop << drop
    return bits.astype(np.uint32).view(np.float32)


def rounded_graph(graph: bytes) -> bytes:
    """An ONNX graph with rounded float32 weights; integer weights stay as they are."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("Exporting a page", "train", "onnx") from error
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.raw_data) >= _LEAST_BYTES:
            tensor.raw_data = rounded(np.frombuffer(tensor.raw_data, dtype="<f4")).tobytes()
    done: bytes = model.SerializeToString(deterministic=True)
    return done


def _near(kept: TrainingNeighbours) -> list[dict[str, str | None]]:
    pictures = kept.thumbnails or (None,) * len(kept)
    return [
        {
            "path": path,
            "label": label,
            "thumbnail": None if picture is None else "data:image/jpeg;base64," + base64.b64encode(picture).decode(),
        }
        for path, label, picture in zip(kept.paths, kept.labels, pictures, strict=True)
    ]
