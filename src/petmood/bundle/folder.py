"""A model's graph, description and neighbours <-> a bundle on disk: a folder or one .zip, inspectable, never pickle."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from petmood.bundle.built_in import located
from petmood.bundle.card import model_card
from petmood.bundle.checks import check_description, check_neighbours
from petmood.bundle.schema import MemoryFacts, ModelDescription, NeighbourList
from petmood.errors import DataError, ImageError, ModelError
from petmood.families import memory as recall
from petmood.families.memory import Memory
from petmood.features.inspection import inspect_graph
from petmood.features.trial import trust_graph
from petmood.files import output_file, output_folder, settle
from petmood.sources import Source, open_source
from petmood.store import write_bytes

GRAPH: Final = "model.onnx"
DESCRIPTION: Final = "model.json"
CARD: Final = "MODEL_CARD.md"
NEIGHBOURS: Final = "neighbours.safetensors"
MEMORY: Final = "memory.safetensors"
_FILES: Final = frozenset({GRAPH, DESCRIPTION, CARD, NEIGHBOURS, MEMORY})
_MAX_BYTES: Final = 2**31
_MAX_DESCRIPTION: Final = 2**24


@dataclass(frozen=True)
class TrainingNeighbours:
    """What a bundle remembers of its training photos.

    Attributes:
        features: (n, dim) float32, as the graph gives them.
        labels: n class names.
        paths: n paths, relative to the training data.
        thumbnails: n JPEG files, or None: photos may not be ours to pass on, so they are kept only when asked for.
    """

    features: NDArray[np.float32]
    labels: tuple[str, ...]
    paths: tuple[str, ...]
    thumbnails: tuple[bytes, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Parts:
    """The content of a bundle as read: its description, the bytes of its graph, its neighbours and its memory."""

    description: ModelDescription
    graph: bytes
    neighbours: TrainingNeighbours | None
    memory: Memory | None = None


def save(
    target: Path,
    graph: bytes,
    description: ModelDescription,
    neighbours: TrainingNeighbours | None = None,
    memory: Memory | None = None,
) -> ModelDescription:
    """Write a bundle: a folder, or one file if `target` ends in .zip. Returns the description as it was written.

    The bundle appears in one step or not at all.

    Args:
        target: where; what petmood wrote there is replaced, anything else is refused.
        graph: the ONNX graph's bytes.
        description: of the model; its digests are filled in here.
        neighbours: the training photos' features and labels, if the bundle is to keep them.
        memory: by what the training photos are recognised, if the bundle is to keep it.

    Raises:
        DataError: `target` is there and was not written by petmood, or cannot be written.
    """
    files = {GRAPH: graph}
    facts = None
    if neighbours is not None:
        packed = _pack(neighbours)
        files[NEIGHBOURS] = packed
        facts = NeighbourList(file=NEIGHBOURS, sha256=_sha256(packed), n=len(neighbours))
    kept = None
    if memory is not None and len(memory):
        files[MEMORY] = recall.pack(memory)
        kept = MemoryFacts(file=MEMORY, sha256=_sha256(files[MEMORY]), n=len(memory), files=len(memory.digests))
    update = {"graph_sha256": _sha256(graph), "neighbours": facts, "memory": kept}
    whole = description.model_copy(update=update)
    text = json.dumps(whole.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False, allow_nan=False)
    files[DESCRIPTION] = f"{text}\n".encode()
    files[CARD] = model_card(whole).encode()
    write_files(target, files)
    trust_graph(graph)
    return whole


def write_files(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle's files by name: a folder, or one file if `target` ends in .zip; in one step or not at all.

    Raises:
        DataError: `target` is there and was not written by petmood, or cannot be written.
    """
    if target.suffix.lower() == ".zip":
        with output_file(target, wait=True) as path:
            _write_zip(path, files)
    else:
        with output_folder(target) as folder:
            for name, data in files.items():
                write_bytes(folder / name, data)


def read_files(folder: Path) -> dict[str, bytes]:
    """A bundle folder's files by name, as `write_files` takes them; their digests are not checked."""
    return {name: (folder / name).read_bytes() for name in sorted(_FILES) if (folder / name).is_file()}


def bundle_files(path: Path) -> dict[str, bytes]:
    """A bundle's files by name, from a folder or a .zip."""
    with open_source(located(path)) as source:
        named = {PurePosixPath(name).name: name for name in source.names()}
        return {name: source.read(named[name], _MAX_BYTES) for name in sorted(_FILES & named.keys())}


def read(path: Path) -> Parts:
    """Read a bundle, checking its digests.

    Raises:
        ModelError: there is no bundle, or it is damaged or of another version.
    """
    path = located(path)
    try:
        settle(path)
        with open_source(path) as source:
            return _read(source, path)
    except (DataError, OSError) as error:
        raise ModelError(f"{path} is not a bundle ({error}). Make one with: petmood train DATA --out {path}") from error


def _read(source: Source, path: Path) -> Parts:
    names = source.names()
    found = sorted((n for n in names if PurePosixPath(n).name == DESCRIPTION), key=lambda n: n.count("/"))
    if found and (path / found[0]).is_symlink():
        raise ModelError(f"{DESCRIPTION} of the bundle {path} is a link, which is not followed. Copy the file itself.")
    if not found or found[0].count("/") > 1:
        raise ModelError(
            f"{path} is not a bundle: it has no {DESCRIPTION}. Make one with: petmood train DATA --out {path}"
        )
    root = PurePosixPath(found[0]).parent
    raw = source.read(found[0], _MAX_DESCRIPTION)
    try:
        version = json.loads(raw).get("schema")
        if version != 1 or isinstance(version, bool):
            raise ModelError(f"{path} has version {version} of the bundle's format, known is 1. Update petmood.")
        description = ModelDescription.model_validate_json(raw)
    except (ValueError, AttributeError, ValidationError, RecursionError) as error:
        detail = " ".join(str(error).splitlines()[:3])
        raise ModelError(
            f"{path}: {DESCRIPTION} is not a description of a model ({detail}). Train it again."
        ) from error

    def checked(name: str, sha256: str) -> bytes:
        if (path / root / name).is_symlink():
            raise ModelError(f"{name} of the bundle {path} is a link, which is not followed. Copy the file itself.")
        try:
            data = source.read((root / name).as_posix(), _MAX_BYTES)
        except (ImageError, KeyError) as error:
            raise ModelError(f"the bundle {path} lacks {name} ({error}). Copy or train it again.") from error
        if _sha256(data) != sha256:
            raise ModelError(f"the bundle {path} is damaged: {name} is not the file it was made with. Copy it again.")
        return data

    check_description(description, str(path))
    graph = checked(GRAPH, description.graph_sha256)
    inspect_graph(graph, str(path))
    kept, known = description.neighbours, description.memory
    for facts, expected in ((kept, NEIGHBOURS), (known, MEMORY)):
        if facts is not None and facts.file != expected:
            raise ModelError(f"{path} is not a valid bundle: '{facts.file}' should be {expected}.")
    neighbours = None if kept is None else _unpack(checked(kept.file, kept.sha256))
    if neighbours is not None:
        check_neighbours(neighbours, description, str(path))
    memory = None if known is None else recall.unpack(checked(known.file, known.sha256))
    return Parts(description, graph, neighbours, memory)


def _pack(neighbours: TrainingNeighbours) -> bytes:
    from safetensors.numpy import save as pack

    tensors: dict[str, NDArray[Any]] = {"features": np.ascontiguousarray(neighbours.features, dtype=np.float32)}
    if neighbours.thumbnails is not None:
        ends = np.cumsum([len(t) for t in neighbours.thumbnails], dtype=np.int64)
        tensors |= {"thumbnails": np.frombuffer(b"".join(neighbours.thumbnails), dtype=np.uint8), "ends": ends}
    # one text alone: safetensors writes several in any order, and equal models are to be equal files
    texts = json.dumps({"labels": neighbours.labels, "paths": neighbours.paths})
    packed: bytes = pack(tensors, metadata={"photos": texts})
    return packed


def _unpack(data: bytes) -> TrainingNeighbours:
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpack

    try:
        tensors = unpack(data)
        # the reader in memory does not hand out the metadata, which stands in the JSON header
        length = int.from_bytes(data[:8], "little")
        texts = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["photos"])
        labels, paths = tuple(texts["labels"]), tuple(texts["paths"])
        thumbnails = None
        if "thumbnails" in tensors:
            blob, ends = tensors["thumbnails"].tobytes(), tensors["ends"].tolist()
            thumbnails = tuple(blob[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True))
        if not all(isinstance(text, str) for text in (*labels, *paths)):
            raise ValueError("a label or a path is no text")
        return TrainingNeighbours(tensors["features"], labels, paths, thumbnails)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{NEIGHBOURS} of the bundle cannot be read ({error}). Copy or train it again.") from error


def _write_zip(target: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            # a fixed date: the same model gives the same bytes
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
