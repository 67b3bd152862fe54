"""Vectors of some images <-> a Parquet shard named by its content; all shards of a set <-> its index."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from petmood import images
from petmood.errors import DataError
from petmood.given import parquet_damage, parse_json
from petmood.records import FloatArray
from petmood.results.base import Fact
from petmood.scale.places import OutFolder

INDEX: Final = "embedding.json"
SUFFIX: Final = ".parquet"
_VERSION: Final = 1  # raise it when a shard's rows change their meaning: it is part of every shard's name
_META: Final = "petmood_shard"


class RejectedFile(Fact):
    """A file that gave no vector, and why."""

    path: str
    reason: str


class Shard(Fact):
    """One Parquet file of an embedded set: `path`, `sha256` and `vector` (dim float32) of each of its `rows`."""

    file: str
    rows: int
    dim: int
    rejected: tuple[RejectedFile, ...]


class Embedding(Fact):
    """The index of an embedded set.

    Attributes:
        version: of this format.
        backbone: name of the network.
        key: digest-bearing name of its weights and preprocessing.
        dim: length of each vector.
        n: vectors in all.
        shards: in the order of their images' paths.
        ignored: files that are no images of the set.
    """

    version: int = _VERSION
    backbone: str
    key: str
    dim: int
    n: int
    shards: tuple[Shard, ...]
    ignored: int = 0

    @property
    def rejected(self) -> tuple[RejectedFile, ...]:
        """Files of all shards that gave no vector."""
        return tuple(file for shard in self.shards for file in shard.rejected)


@dataclass(frozen=True)
class ShardRows:
    """What a shard holds.

    Attributes:
        paths, sha256: of each image.
        vectors: (n_images, dim) float32.
        rejected: files beside them that gave no vector.
    """

    paths: Sequence[str]
    sha256: Sequence[str]
    vectors: FloatArray
    rejected: tuple[RejectedFile, ...]


def chunks(names: Iterable[str], rows: int) -> Iterator[tuple[str, ...]]:
    """Cut sorted names into parts of `rows` on average, half of it at least and half as many again at most.

    Where a part ends depends on the names nearby alone, so that a photo added or removed changes one part or two and
    every other shard keeps its name.
    """
    part: list[str] = []
    for name in names:
        part.append(name)
        mark = int.from_bytes(hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest(), "big")
        if (len(part) >= rows // 2 and mark % (rows // 2) == 0) or len(part) >= rows + rows // 2:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)


def place_of(names: Sequence[str]) -> str:
    """The first half of a shard's name, which tells whose images it holds; known before any is read."""
    return _digest(list(names))


def file_name(names: Sequence[str], sha256: Sequence[str], key: str) -> str:
    """A shard's name: digests of its images' paths, and of their bytes and the backbone. Equal name, equal content."""
    return f"{place_of(names)}-{_digest([_VERSION, images.DECODE_VERSION, key, list(sha256)])}{SUFFIX}"


def _digest(value: list[Any]) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def encode(rows: ShardRows) -> bytes:
    """Parquet bytes of a shard; what it rejected stands in the file's metadata."""
    import polars as pl

    n, dim = rows.vectors.shape
    vectors = pl.Series("vector", np.ascontiguousarray(rows.vectors), dtype=pl.Array(pl.Float32, dim))
    frame = pl.DataFrame(
        {"path": list(rows.paths), "sha256": list(rows.sha256)}, schema=dict.fromkeys(("path", "sha256"), pl.String)
    )
    meta = {"rows": n, "dim": dim, "rejected": [file.model_dump() for file in rows.rejected]}
    out = io.BytesIO()
    frame.with_columns(vectors).write_parquet(out, metadata={_META: json.dumps(meta)})
    return out.getvalue()


def describe(folder: OutFolder, file: str) -> Shard:
    """What a shard that is already there says of itself.

    Raises:
        DataError: it is no shard.
    """
    import polars as pl

    try:
        meta = parse_json(pl.read_parquet_metadata(io.BytesIO(folder.read(file)))[_META])
        return Shard(file=file, **meta)
    except parquet_damage(KeyError, TypeError, ValidationError) as error:
        raise DataError(f"{file} is not a shard that petmood wrote ({error}). Remove it, and embed again.") from error


def read_rows(folder: OutFolder, shard: Shard) -> ShardRows:
    """All of a shard.

    Raises:
        DataError: it is missing, damaged, or not what the index says.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(folder.read(shard.file)))
        vectors = np.asarray(frame["vector"].to_numpy(), dtype=np.float32).reshape(-1, shard.dim)
        paths, digests = frame["path"].to_list(), frame["sha256"].to_list()
    except parquet_damage() as error:
        raise DataError(f"shard {shard.file} is damaged ({error}). Remove it, and run petmood embed again.") from error
    if len(vectors) != shard.rows:
        raise DataError(
            f"shard {shard.file} has {len(vectors)} rows, the index says {shard.rows}. Remove it, and embed again."
        )
    return ShardRows(paths, digests, vectors, shard.rejected)


def write_index(folder: OutFolder, index: Embedding) -> None:
    """Write the index of a set, after all of its shards."""
    folder.write(INDEX, (index.model_dump_json(indent=2) + "\n").encode())


def read_index(folder: OutFolder) -> Embedding:
    """The index of a set.

    Raises:
        DataError: there is none, or it is none that this version reads.
    """
    try:
        index = Embedding.model_validate_json(folder.read(INDEX))
    except ValidationError as error:
        raise DataError(f"{INDEX} is not an index that petmood embed wrote ({error.errors()[0]['msg']}).") from error
    if index.version != _VERSION:
        raise DataError(f"{INDEX} has version {index.version}; this petmood reads {_VERSION}. Run petmood embed again.")
    return index
