"""What is fuzzed: bytes of strangers -> nothing, or an error that petmood raises on purpose; all else is a find."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from drawing import jpeg
from petmood import images
from petmood.bundle.folder import read as read_bundle
from petmood.cache import ContentCache
from petmood.config import ReadOptions
from petmood.errors import PetmoodError
from petmood.features.inspection import inspect_graph
from petmood.ingest import read_dataset
from petmood.sources import open_source
from petmood.tables import parse_rows

_LARGEST = 2**20


def decode(data: bytes) -> None:
    """A picture."""
    with suppress(PetmoodError):
        images.limit_pixels(data, 4_000_000)
        images.decode(data, 64)


def archive(data: bytes) -> None:
    """A zip, all of whose members are read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "d.zip"
        path.write_bytes(data)
        with suppress(PetmoodError), open_source(path) as source:
            for name in source.walk():
                with suppress(PetmoodError):
                    source.read(name, _LARGEST)


def table(data: bytes) -> None:
    """A table of labels, by itself and beside pictures."""
    with suppress(PetmoodError):
        for _ in parse_rows(data, "t.csv", ("path", "label")):
            pass
    _read(
        {"train/happy/0.jpg": jpeg(0), "train/sad/1.jpg": jpeg(1), "labels.csv": data}, ReadOptions(table="labels.csv")
    )


def annotations(data: bytes) -> None:
    """An annotation export as JSON; the first byte chooses XML or YAML instead."""
    kind = {0: "train/happy/0.xml", 1: "data.yaml"}.get(data[0] if data else 9, "_annotations.coco.json")
    _read({"train/happy/0.jpg": jpeg(0), "train/sad/1.jpg": jpeg(1), kind: data[1:] if data[:1] < b"\2" else data})


def bundle(data: bytes) -> None:
    """A model: its description, and its graph behind a line of zeros."""
    text, _, graph = data.partition(b"\0\0\0\0")
    with suppress(PetmoodError):
        inspect_graph(graph, "m")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("model.json", text)
        packed.writestr("model.onnx", graph)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.zip"
        path.write_bytes(out.getvalue())
        with suppress(PetmoodError):
            read_bundle(path)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": decode,
    "archive": archive,
    "table": table,
    "annotations": annotations,
    "bundle": bundle,
}


@cache
def _cache() -> ContentCache:
    return ContentCache(Path(mkdtemp(prefix="petmood-fuzz-")))


def _read(files: dict[str, bytes], options: ReadOptions | None = None) -> None:
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder) / "d" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        with suppress(PetmoodError), open_source(Path(folder) / "d") as source:
            found = read_dataset(source, _cache(), labelled=False, options=options)
            assert len(found.records) + len(found.rejected) + len(found.ignored) == found.found
