"""K-means over shards: as good as over all rows at once, the same from every engine, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from petmood.errors import ConfigError, DataError
from petmood.jobs import cluster_shards as module
from petmood.jobs.cluster_shards import ShardSettings, cluster_set, cluster_shards
from petmood.records import FloatArray
from petmood.scale.kmeans import fit, nearest, sample_rows, start_centres, step
from petmood.scale.passes import local_passes
from petmood.scale.places import open_folder
from scale.embedded import write_set


@pytest.fixture(scope="module")
def vectors() -> FloatArray:
    """1,500 points around 12 overlapping means in 24 dimensions."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((12, 24)) * 1.2
    return (means[rng.integers(0, 12, 1500)] + rng.standard_normal((1500, 24))).astype(np.float32)


def full_inertia(vectors: FloatArray, k: int) -> float:
    from sklearn.cluster import KMeans

    return float(KMeans(k, n_init=10, random_state=0).fit(vectors).inertia_)


@pytest.mark.parametrize(("k", "sample"), [(4, 16_384), (12, 16_384), (12, 500), (30, 500)])
def test_the_inertia_is_within_a_hundredth_of_full_kmeans(
    vectors: FloatArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int, sample: int
) -> None:
    write_set(tmp_path / "set", vectors)
    monkeypatch.setattr(module, "SAMPLE", sample)
    facts = cluster_shards(str(tmp_path / "set"), str(tmp_path / "out"), ShardSettings(k=k))
    assert facts.inertia <= 1.01 * full_inertia(vectors, k)
    assert facts.inertias[-1] >= facts.inertia
    assert (facts.n, sum(facts.sizes), len(facts.sizes)) == (1500, 1500, k)


def test_each_photo_stands_with_its_nearest_centre(vectors: FloatArray, tmp_path: Path) -> None:
    index = write_set(tmp_path / "set", vectors)
    facts = cluster_shards(str(tmp_path / "set"), str(tmp_path / "out"), ShardSettings(k=5))
    table = pl.concat([pl.read_parquet(tmp_path / "out" / shard.file) for shard in index.shards])
    centres = pl.read_parquet(tmp_path / "out" / "centres.parquet")["vector"].to_numpy()
    distances = np.linalg.norm(vectors[:, np.newaxis].astype(np.float64) - centres, axis=2)
    assert table["path"].to_list() == [f"{i:07}.jpg" for i in range(1500)]
    np.testing.assert_array_equal(table["cluster"].to_numpy(), distances.argmin(axis=1) + 1)
    np.testing.assert_allclose(table["distance"].to_numpy(), distances.min(axis=1), rtol=1e-3)
    assert facts.inertia == pytest.approx((distances.min(axis=1) ** 2).sum(), rel=1e-4)
    again = cluster_shards(str(tmp_path / "set"), str(tmp_path / "out"), ShardSettings(k=5))
    assert again == facts
    fewer = cluster_shards(str(tmp_path / "set"), str(tmp_path / "out"), ShardSettings(k=2))
    assert len(fewer.sizes) == 2


def test_passes_over_shards_are_lloyds_steps_over_all_rows(vectors: FloatArray, tmp_path: Path) -> None:
    index = write_set(tmp_path / "set", vectors, rows=64)
    start = vectors[:6].copy()
    with local_passes(str(tmp_path / "set"), 2) as passes:
        parts = fit(
            start,
            lambda c: list(passes.over(index.shards, lambda shard, rows: step(rows.vectors, c))),
            passes=5,
            tolerance=0,
        )
    whole = fit(start, lambda c: [step(vectors, c)], passes=5, tolerance=0)
    np.testing.assert_allclose(parts.centres, whole.centres, atol=1e-4)
    np.testing.assert_allclose(parts.inertias, whole.inertias, rtol=1e-5)
    assert list(parts.inertias) == sorted(parts.inertias, reverse=True)


def test_shards_are_read_as_they_are_needed(
    vectors: FloatArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petmood.scale import passes as passes_module

    index = write_set(tmp_path / "set", vectors, rows=25)
    read: list[str] = []
    real = passes_module.read_rows
    monkeypatch.setattr(
        passes_module, "read_rows", lambda folder, shard: read.append(shard.file) or real(folder, shard)
    )
    with local_passes(str(tmp_path / "set"), 2) as passes:
        values = passes.over(index.shards, lambda shard, rows: len(rows.paths))
        assert next(values) == 25
        assert len(read) <= 5
        assert sum(values) == 1500 - 25
    assert sorted(read) == sorted(shard.file for shard in index.shards)


def test_a_sample_does_not_hang_on_the_order_of_reading(vectors: FloatArray) -> None:
    one = sample_rows(vectors, "a.parquet", 0.1, seed=1)
    np.testing.assert_array_equal(one, sample_rows(vectors, "a.parquet", 0.1, seed=1))
    assert 149 <= len(one) <= 151
    assert not np.array_equal(one, sample_rows(vectors, "b.parquet", 0.1, seed=1)[: len(one)])
    assert len(sample_rows(vectors[:3], "c", 1.0, seed=1)) == 3
    assert start_centres(one, 3, 0).shape == (3, 24)


def test_a_centre_without_rows_stays(vectors: FloatArray) -> None:
    start = np.concatenate([vectors[:2], np.full((1, 24), 1e3, dtype=np.float32)])
    found = fit(start, lambda c: [step(vectors, c)], passes=3, tolerance=0)
    assert found.sizes[2] == 0
    np.testing.assert_array_equal(found.centres[2], start[2])
    assert np.isfinite(nearest(vectors, found.centres)[1]).all()


@pytest.mark.filterwarnings("default")  # Ray's own code warns of Ray's own code
@pytest.mark.slow
def test_ray_finds_the_same_clusters(cluster: str, vectors: FloatArray, tmp_path: Path) -> None:
    index = write_set(tmp_path / "set", vectors)
    settings = {"k": 7, "seed": 3, "workers": 2}
    here = cluster_set(str(tmp_path / "set"), str(tmp_path / "here"), settings)
    there = cluster_set(str(tmp_path / "set"), str(tmp_path / "there"), settings | {"engine": "ray"})
    assert there.sizes == here.sizes
    assert there.inertia == pytest.approx(here.inertia, rel=1e-6)
    names = sorted([*(shard.file for shard in index.shards), "centres.parquet", "clusters.json"])
    assert [n for n in open_folder(str(tmp_path / "there")).names() if not n.startswith(".")] == names


def test_what_does_not_fit_is_said(vectors: FloatArray, tmp_path: Path) -> None:
    write_set(tmp_path / "set", vectors[:50])
    place, out = str(tmp_path / "set"), str(tmp_path / "out")
    with pytest.raises(ConfigError, match="Give --k"):
        cluster_set(place, out, {})
    with pytest.raises(DataError, match="k=51 needs as many vectors, got 50"):
        cluster_set(place, out, {"k": 51})
    with pytest.raises(ConfigError, match="Leave --method and --backbone out"):
        cluster_set(place, out, {"k": 2}, method="gmm")
    with pytest.raises(ConfigError, match="itself"):
        cluster_set(place, place, {"k": 2})
    with pytest.raises(ConfigError, match="petmood embed"):
        cluster_set(str(tmp_path), out, {"engine": "ray"})
