"""What tests ask of an embedded folder."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from petmood.records import FloatArray
from petmood.scale.places import open_folder
from petmood.scale.shards import Embedding, Shard, ShardRows, encode, file_name, read_index, read_rows, write_index


def table(out: Path | str) -> dict[str, FloatArray]:
    """Path -> vector of all rows; fails if a row is there twice."""
    folder = open_folder(str(out))
    index = read_index(folder)
    rows = [
        (path, vector)
        for shard in index.shards
        for r in [read_rows(folder, shard)]
        for path, vector in zip(r.paths, r.vectors, strict=True)
    ]
    doubled = [path for path, count in Counter(path for path, _ in rows).items() if count > 1]
    assert doubled == []
    assert len(rows) == index.n
    return dict(rows)


def expected(photos: Path) -> dict[str, FloatArray]:
    """Path -> vector that the backbone `means` is to give, computed without it."""
    found = {}
    for path in sorted(photos.rglob("[0-9]*.jpg")):
        image = Image.open(io.BytesIO(path.read_bytes())).resize((32, 32), Image.Resampling.LANCZOS)
        values = (np.asarray(image, dtype=np.float64) - 127.5) / 127.5
        found[path.relative_to(photos).as_posix()] = values.mean(axis=(0, 1)).astype(np.float32)
    return found


def assert_complete(out: Path | str, photos: Path) -> Embedding:
    """Every good picture has one row with the right vector, the broken one is named, and nothing is left over."""
    wanted, got = expected(photos), table(out)
    assert got.keys() == wanted.keys()
    np.testing.assert_allclose(np.stack([got[p] for p in wanted]), np.stack(list(wanted.values())), atol=1e-5)
    folder = open_folder(str(out))
    index = read_index(folder)
    assert [file.path for file in index.rejected] == ["happy/brökén.jpg"]
    assert index.ignored == 1
    files = [name for name in folder.names() if name.endswith((".parquet", ".part"))]
    assert sorted(shard.file for shard in index.shards) == files
    return index


def write_set(folder: Path, vectors: FloatArray, rows: int = 100) -> Embedding:
    """An embedded set of given vectors, as `petmood embed` would write it."""
    out = open_folder(str(folder))
    shards = []
    for start in range(0, len(vectors), rows):
        part = vectors[start : start + rows]
        names = [f"{start + i:07}.jpg" for i in range(len(part))]
        file = file_name(names, names, "made")
        out.write(file, encode(ShardRows(names, names, part, ())))
        shards.append(Shard(file=file, rows=len(part), dim=part.shape[1], rejected=()))
    index = Embedding(backbone="made", key="made", dim=vectors.shape[1], n=len(vectors), shards=tuple(shards))
    write_index(out, index)
    return index
