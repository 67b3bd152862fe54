"""The index by which copies are looked for, beside comparing all, and beside faiss where it is installed.

    python benchmarks/nearest.py [--data DATA]

Prints for each: processor seconds to build and to ask for six neighbours of every feature, plain and mirrored, and the
share of the true neighbours found.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sheet import Sheet, data_or_demo, options_of

from petmood.cache import ContentCache
from petmood.families.candidates import VOTERS, spread
from petmood.families.index import NONE, Grid, NearestIndex, encode, mirrored_codes
from petmood.families.local import find_local_features, mirrored, unit
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.records import FloatArray, IntArray
from petmood.sources import open_source

_K = 6
_ASKED = 2_000  # queries whose true neighbours are worked out

Descriptors = NDArray[np.uint8]
Search = Callable[[FloatArray], IntArray]


def features(data: Path) -> Descriptors:
    """(n, 128) descriptors of the pictures of a data set that vote."""
    with open_source(data) as source, tempfile.TemporaryDirectory() as cache:
        records = read_dataset(source, ContentCache(Path(cache)), labelled=False).records
        pictures = Pictures(source)
        found = [find_local_features(pictures.picture(r)) for r in records]
    return np.concatenate([one.descriptors[spread(one)] for one in found])


def own(descriptors: Descriptors) -> Search:
    """Petmood's index; it makes the codes of mirrored queries of the plain ones."""
    codes = encode(descriptors)
    n = len(codes)
    index = NearestIndex(Grid("voters", n // VOTERS), np.arange(n), codes, np.arange(1, n + 1))

    def search(queries: FloatArray) -> IntArray:
        assert len(queries) == 2 * n
        keys = index.nearest(np.concatenate([codes, mirrored_codes(codes)]), _K)
        return np.where(keys == NONE, -1, keys & 0xFFFFFFFF)

    return search


def by_faiss(descriptors: Descriptors) -> Search:
    """Faiss with inverted lists of 4-bit product codes."""
    import faiss

    vectors = unit(descriptors)
    faiss.omp_set_num_threads(1)
    dim = vectors.shape[1]
    lists = int(min(16_384, 2 ** np.round(np.log2(2 * np.sqrt(len(vectors))))))
    coarse = faiss.IndexFlatL2(dim)
    index: Any = faiss.IndexIVFPQFastScan(coarse, dim, lists, dim // 2, 4)
    index.cp.niter, index.cp.max_points_per_centroid, index.nprobe = 6, 48, 8
    index.train(vectors)
    index.add(vectors)
    return lambda queries: (coarse, index.search(queries, _K)[1])[1]


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, data=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data, name = data_or_demo(given.data, Path(scratch))
        descriptors = features(data)
    vectors = unit(descriptors)
    queries = np.concatenate([vectors, unit(mirrored(descriptors))])
    asked = np.random.default_rng(1).choice(len(queries), min(_ASKED, len(queries)), replace=False)
    true = np.argsort(-(queries[asked] @ vectors.T), axis=1)[:, :_K]
    ways = {"petmood": own} | ({"faiss": by_faiss} if importlib.util.find_spec("faiss") else {})
    rows = []
    for way, build in ways.items():
        start = time.process_time()
        search = build(descriptors)
        built = time.process_time()
        found = search(queries)[asked]
        done = time.process_time()
        among = (true[:, :, None] == found[:, None, :]).any(axis=2)
        rows.append(
            (way, f"{built - start:.1f}", f"{done - built:.1f}", f"{among.mean():.3f}", f"{among[:, 1].mean():.3f}")
        )
    sheet = Sheet(
        "nearest", "Index of local features", f"{len(vectors):,} features of {name}, {len(queries):,} asked for."
    )
    sheet.table(
        "Index", ("index", "seconds to build", "seconds to ask", f"of {_K} neighbours", "of the second nearest"), rows
    )
    sheet.finish(given.out)


if __name__ == "__main__":
    main()
