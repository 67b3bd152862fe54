"""Memory of the search for copies among drawn features: a number of images in, MiB at the peak out.

    PYTHONPATH=CHECKOUT/src python benchmarks/peers/growth_memory.py N

There are no pictures, and a hundred images look for others, of however many: what is held of all is held all the same.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from petmood.cache import ContentCache
from petmood.families.candidates import VOTERS, Sketch, Sketches
from petmood.families.known import KnownCandidates
from petmood.records import ImageRecord

_PART = 1_024


def main() -> None:
    """Hold the records, make the index, look for candidates."""
    n, rng = int(sys.argv[1]), np.random.default_rng(1)
    records = []
    for i in range(n):
        path = f"train/relaxed/{i:06}-a-name.jpg"
        records.append(
            ImageRecord(
                path=path,
                sha256=rng.bytes(32).hex(),
                size_bytes=10_000 + i,
                width=500 + i,
                height=400 + i,
                class_name="relaxed",
                split="train",
                family=path,
                derived=False,
                format="JPEG",
                mode="RGB",
                reoriented=False,
            )
        )
    by_digest = {record.sha256: record for record in records}
    digests = sorted(by_digest)

    def parts() -> Iterator[list[Sketch]]:
        for start in range(0, n, _PART):
            voters = rng.normal(0, 14, (min(_PART, n - start), VOTERS, 64)).astype(np.int8)
            small = rng.normal(0, 15, (len(voters), 8, 8)).astype(np.int8)
            yield [Sketch(one, thumbnail, textured=True) for one, thumbnail in zip(voters, small, strict=True)]

    with tempfile.TemporaryDirectory() as folder:
        known = KnownCandidates(digests, ContentCache(Path(folder)), "drawn", lambda: Sketches(n, parts()))
        every = np.arange(n)
        known.pairs("drawn", every, every[:: max(1, n // 100)])
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)


if __name__ == "__main__":
    main()
