"""K-means over shards: its inertia and seconds beside full k-means, mini-batches and faiss, and how its cost grows.

    python benchmarks/clusters.py [--large] [--tiny]

The first part runs each way on 10,000 vectors of 1,280 numbers and prints inertia against scikit-learn's full k-means
(the best of three starts). The second part runs `petmood cluster` over shards of 10^4 and 10^5 vectors, with `--large`
also 10^6 (5 GB in the temporary folder, removed afterwards), each in a process of its own whose peak memory is printed,
and reckons what 10^7 will cost. The vectors are made: 64 overlapping clouds, positive and sparse as features are.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sheet import Sheet, options_of
from threadpoolctl import threadpool_limits

from petmood.records import FloatArray
from petmood.scale.kmeans import fit, nearest, sample_rows, start_centres, step
from petmood.scale.places import open_folder
from petmood.scale.shards import Embedding, Shard, ShardRows, encode, file_name, write_index

DIM = 1280
ROWS = 2048
MEASURED = """
import json, resource, sys, time
from petmood.jobs.cluster_shards import ShardSettings, cluster_shards
began = time.perf_counter()
facts = cluster_shards(sys.argv[1], sys.argv[2], ShardSettings(k=int(sys.argv[3])))
used = resource.getrusage(resource.RUSAGE_SELF)
# of this program alone: ru_maxrss also counts what the process was before it became this program
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
mib = int(peak[0].split()[1]) / 1024 if peak else used.ru_maxrss / 1024
print(json.dumps({"seconds": time.perf_counter() - began, "cpu": used.ru_utime + used.ru_stime,
                  "mib": mib, "passes": facts.passes}))
"""


def clouds(n: int, seed: int) -> FloatArray:
    """(n, DIM) float32 vectors around 64 means, without negative numbers, as after a rectifier."""
    means = np.random.default_rng(0).standard_normal((64, DIM), dtype=np.float32)
    rng = np.random.default_rng([1, seed])
    vectors = rng.standard_normal((n, DIM), dtype=np.float32)
    vectors += means[rng.integers(0, 64, n)]
    return np.maximum(vectors, 0, out=vectors)


def write_shards(folder: Path, n: int) -> None:
    """An embedded set of `n` made vectors."""
    out, shards = open_folder(str(folder)), []
    for start in range(0, n, ROWS):
        vectors = clouds(min(ROWS, n - start), start)
        names = [f"{start + i:09}.jpg" for i in range(len(vectors))]
        file = file_name(names, names, "made")
        out.write(file, encode(ShardRows(names, names, vectors, ())))
        shards.append(Shard(file=file, rows=len(vectors), dim=DIM, rejected=()))
    write_index(out, Embedding(backbone="made", key="made", dim=DIM, n=n, shards=tuple(shards)))


def full(vectors: FloatArray, k: int) -> FloatArray:
    """Lloyd's k-means over all rows at once, the best of three starts."""
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=3, random_state=0).fit(vectors).cluster_centers_


def passes(vectors: FloatArray, k: int) -> FloatArray:
    """Petmood's way, with a sample of a fifth, so that the sample alone does not decide."""
    parts = np.array_split(vectors, 10)
    sample = np.concatenate([sample_rows(part, str(i), 0.2, 0) for i, part in enumerate(parts)])
    one_pass = lambda centres: [step(part, centres) for part in parts]  # noqa: E731 - one line says it
    return fit(start_centres(sample, k, 0), one_pass, passes=20, tolerance=1e-3).centres


def mini_batches(vectors: FloatArray, k: int) -> FloatArray:
    """scikit-learn's mini-batches, streamed five times."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, n_init=3, random_state=0)
    for _ in range(5):
        for start in range(0, len(vectors), 1024):
            if len(part := vectors[start : start + 1024]) >= k:
                model.partial_fit(part)
    return model.cluster_centers_


def by_faiss(vectors: FloatArray, k: int) -> FloatArray:
    """faiss, which holds its training vectors in memory: a sample of 256 a centre, as by default."""
    import faiss

    faiss.omp_set_num_threads(1)
    model = faiss.Kmeans(vectors.shape[1], k, niter=25, nredo=3, seed=0)
    model.train(vectors)
    return model.centroids


def compare(sheet: Sheet, n: int, counts: tuple[int, ...]) -> None:
    """Each way on the same vectors."""
    ways: dict[str, Callable[[FloatArray, int], FloatArray]] = {
        "passes over shards (petmood)": passes,
        "mini-batches (scikit-learn)": mini_batches,
    }
    if importlib.util.find_spec("faiss"):
        ways["faiss on a sample"] = by_faiss
    vectors, rows = clouds(n, 0), []
    for k in counts:
        inertia, seconds = {}, {}
        for name, way in {"full k-means (scikit-learn)": full, **ways}.items():
            began = time.perf_counter()
            centres = np.asarray(way(vectors, k), dtype=np.float32)
            seconds[name] = time.perf_counter() - began
            inertia[name] = float(nearest(vectors, centres)[1].sum())
            ratio = inertia[name] / next(iter(inertia.values()))
            rows.append((name, k, f"{ratio:.4f}", f"{seconds[name]:.1f}"))
        ours = inertia["passes over shards (petmood)"] / inertia["full k-means (scikit-learn)"]
        sheet.target(f"inertia of passes over shards, against full k-means, k={k}", ours, at_most=1.01)
    sheet.table(f"{n:,} vectors, one thread", ("way", "k", "inertia / full", "seconds"), rows)


def grow(sheet: Sheet, scratch: Path, sizes: tuple[int, ...], k: int) -> None:
    """`petmood cluster` over shards of each size."""
    rows, found = [], {}
    for n in sizes:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            made = Path(folder) / "set"
            write_shards(made, n)
            command = [sys.executable, "-c", MEASURED, str(made), str(Path(folder) / "out"), str(k)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[n] = one = json.loads(done.stdout)
        figures = (f"{one['seconds']:.1f}", f"{one['cpu']:.1f}", one["passes"], f"{one['mib']:.0f}")
        rows.append((f"{n:,}", *figures, f"{one['cpu'] / n * 1e6:.0f}"))
    columns = ("vectors", "seconds", "processor seconds", "passes", "peak MiB", "processor seconds a million")
    sheet.table(f"growth, k={k}, {DIM} numbers each", columns, rows)
    last = max(sizes)
    # the sample's part is the same for every size; what is left grows with the rows
    small = min(sizes)
    if last > small:
        slope = (found[last]["cpu"] - found[small]["cpu"]) / (last - small)
        fixed = found[small]["cpu"] - slope * small
        hours = (fixed + slope * 1e7) / 3600
        size = DIM * 4e7 / 1e9
        sheet.note(
            f"10^7 vectors: {hours:.2f} core-hours at {slope * 1e6:.0f} processor seconds a million; "
            f"{size:.0f} GB of float32 before compression."
        )
    if last >= 1_000_000:
        share = found[last]["mib"] * 2**20 / (last * DIM * 4)
        sheet.target("peak memory with 10^6 vectors, as a share of their size", share, at_most=0.25)


def main() -> None:
    """Measure, print, write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--large", action="store_true", help="also 10^6 vectors: 5 GB on disk, some minutes")
    options = parser.parse_args()
    sheet = Sheet(
        "clusters", "K-means over shards", "Made vectors; each way once, one after another.", tiny=options.tiny
    )
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(1):
        compare(sheet, *((400, (4,)) if options.tiny else (10_000, (10, 64))))
        sizes = (500, 1000) if options.tiny else (10_000, 100_000, *((1_000_000,) if options.large else ()))
        grow(sheet, Path(scratch), sizes, k=4 if options.tiny else 10)
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
