"""`petmood cluster` over what `petmood embed` wrote: k-means on sets larger than memory, by one process or by many."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from petmood.config import Settings, run_settings
from petmood.errors import ConfigError, DataError, require_extra
from petmood.files import claimed_folder
from petmood.jobs.cluster_naming import cluster
from petmood.progress import Progress, Silent, Tick
from petmood.records import FloatArray
from petmood.results import GroupFacts, ShardClusters
from petmood.scale.kmeans import SAMPLE, PassSums, fit, nearest, sample_rows, start_centres, step
from petmood.scale.passes import Passes, open_passes
from petmood.scale.places import absolute, is_url, open_folder
from petmood.scale.shards import INDEX, SUFFIX, Embedding, Shard, ShardRows, read_index
from petmood.threads import cores

FACTS: Final = "clusters.json"
CENTRES: Final = "centres.parquet"


class ShardSettings(Settings):
    """What `petmood cluster` does with shards.

    Attributes:
        engine: "local", threads of this process, or "ray".
        k: clusters.
        seed: of the sample and of the start.
        passes: over all shards, at most.
        tolerance: stop when a pass lowers the inertia by less than this share.
        workers: shards worked on at once; by default one for each core.
        address: of a Ray cluster; None starts one on this machine.
    """

    engine: Literal["local", "ray"] = "local"
    k: int = Field(ge=1, le=100_000)
    seed: int = Field(default=42, ge=0, lt=2**31)
    passes: int = Field(default=20, ge=1, le=1000)
    tolerance: float = Field(default=1e-3, ge=0, lt=1, strict=False)
    workers: int | None = Field(default=None, ge=1, le=100_000)
    address: str | None = None


def cluster_set(
    data: str,
    out: str,
    settings: Mapping[str, Any],
    progress: Progress | None = None,
    *,
    method: str = "kmeans",
    backbone: str | None = None,
) -> GroupFacts | ShardClusters:
    """Cluster shards, if `data` is what `petmood embed` wrote (a URL can be nothing else), or else photos.

    Args:
        data: shards, or a folder or .zip of photos.
        out: where to write.
        settings: those of `ShardSettings`; None is not given. For photos, `k` and `seed` alone.
        progress: where to show it.
        method: how photos are grouped; shards by "kmeans".
        backbone: whose features photos are grouped by; shards have theirs.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if not is_url(data) and not (Path(data) / INDEX).is_file():
        if given.get("engine", "local") != "local":
            raise ConfigError(
                f"--engine {given['engine']} works on shards. Make them first: petmood embed {data} --out DIR"
            )
        how = run_settings("quick", backbone=backbone, seed=given.get("seed"))
        return cluster(Path(data), Path(out), how, progress, method=method, k=given.get("k"))
    if method != "kmeans" or backbone is not None:
        raise ConfigError(
            "shards are clustered by kmeans, in the vectors they hold. Leave --method and --backbone out."
        )
    if "k" not in given:
        raise ConfigError("clustering shards needs the number of clusters. Give --k.")
    return cluster_shards(data, out, ShardSettings.create(given), progress)


def cluster_shards(data: str, out: str, settings: ShardSettings, progress: Progress | None = None) -> ShardClusters:
    """Cluster the vectors of an embedded set.

    Writes into `out`, a folder or URL: for each shard one of the same name with the `path`, `cluster` (from 1) and
    `distance` of each image, centres.parquet, and clusters.json, the facts.
    """
    require_extra("Clustering shards", "tables")
    shown = progress or Silent()
    data, out = absolute(data), absolute(out)
    index = read_index(open_folder(data))
    if settings.k > index.n:
        raise DataError(f"k-means with k={settings.k} needs as many vectors, got {index.n}. Choose a smaller k.")
    if data == out:
        raise ConfigError(f"--out {out} is the folder of the shards itself. Choose another.")
    with nullcontext() if is_url(out) else claimed_folder(Path(out), [data]):
        shards = [shard for shard in index.shards if shard.rows]
        with open_passes(settings.engine, data, settings.workers or cores(), settings.address) as passes:
            with shown.stage("Drawing a sample") as tick:
                start = _start(passes, index, shards, settings, tick)
            with shown.stage("Clustering") as tick:

                def one_pass(centres: FloatArray) -> list[PassSums]:
                    return list(passes.over(shards, partial(_step, centres=centres)))

                found = fit(start, one_pass, passes=settings.passes, tolerance=settings.tolerance, on_pass=tick)
            with shown.stage("Writing clusters") as tick:
                inertia, sizes = 0.0, [0] * settings.k
                for done, (part, counts) in enumerate(
                    passes.over(shards, partial(_assign, centres=found.centres, out=out)), start=1
                ):
                    inertia += part
                    sizes = [a + b for a, b in zip(sizes, counts, strict=True)]
                    tick(done, len(shards))
        facts = ShardClusters(
            backbone=index.backbone,
            n=index.n,
            dim=index.dim,
            k=settings.k,
            seed=settings.seed,
            passes=len(found.inertias),
            inertia=inertia,
            inertias=found.inertias,
            sizes=tuple(sizes),
        )
        folder = open_folder(out)
        folder.write(CENTRES, _centres(found.centres))
        kept = {shard.file for shard in shards} | {CENTRES}
        for name in folder.names():
            if name.endswith(SUFFIX) and name not in kept:
                folder.remove(name)
        folder.write(FACTS, (facts.model_dump_json(indent=2) + "\n").encode())
        return facts


def _start(
    passes: Passes, index: Embedding, shards: Sequence[Shard], settings: ShardSettings, tick: Tick
) -> FloatArray:
    import numpy as np

    share = min(1.0, max(SAMPLE, 16 * settings.k) / index.n)
    drawn = []
    for done, rows in enumerate(passes.over(shards, partial(_sample, share=share, seed=settings.seed)), start=1):
        drawn.append(rows)
        tick(done, len(shards))
    sample = np.concatenate(drawn)
    if len(sample) < settings.k:
        raise DataError(f"a sample of {len(sample)} vectors is too small for k={settings.k}. Choose a smaller k.")
    return start_centres(sample, settings.k, settings.seed)


def _sample(shard: Shard, rows: ShardRows, share: float, seed: int) -> FloatArray:
    return sample_rows(rows.vectors, shard.file, share, seed)


def _step(shard: Shard, rows: ShardRows, centres: FloatArray) -> PassSums:
    return step(rows.vectors, centres)


def _assign(shard: Shard, rows: ShardRows, centres: FloatArray, out: str) -> tuple[float, list[int]]:
    """Write the clusters of one shard; (its inertia, its rows in each cluster)."""
    import numpy as np
    import polars as pl

    found, squared = nearest(rows.vectors, centres)
    table = pl.DataFrame(
        {"path": rows.paths, "cluster": found + 1, "distance": np.sqrt(squared).astype(np.float32)},
        schema={"path": pl.String, "cluster": pl.Int32, "distance": pl.Float32},
    )
    data = io.BytesIO()
    table.write_parquet(data)
    open_folder(out).write(shard.file, data.getvalue())
    return float(squared.sum()), np.bincount(found, minlength=len(centres)).tolist()


def _centres(centres: FloatArray) -> bytes:
    import polars as pl

    data = io.BytesIO()
    vectors = pl.Series("vector", centres, dtype=pl.Array(pl.Float32, centres.shape[1]))
    pl.DataFrame([pl.Series("cluster", range(1, len(centres) + 1), dtype=pl.Int32), vectors]).write_parquet(data)
    return data.getvalue()
