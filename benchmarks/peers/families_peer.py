"""The search for copies of whichever petmood PYTHONPATH names: a folder in, its seconds and memory out, as JSON.

    PYTHONPATH=CHECKOUT/src python benchmarks/peers/families_peer.py FOLDER [MORE]

It knows the places of the search in earlier revisions too, so that two revisions can be measured on the same files.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from petmood.cache import ContentCache
from petmood.ingest import read_dataset
from petmood.sources import open_source

try:
    from petmood.families.links import find_links
    from petmood.pictures import Pictures
except ImportError:  # before families were a package
    from petmood.audit.links import find_links

    Pictures = None


def main() -> None:
    """Search once with an empty cache, and once more with what was left out before: one, or as many as are said."""
    more = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with open_source(Path(sys.argv[1])) as source, tempfile.TemporaryDirectory() as folder:
        cache = ContentCache(Path(folder))
        records = read_dataset(source, cache, labelled=False).records
        found: dict[str, object] = {}
        for name, some in (("cold", records[:-more]), ("more", records)):
            began, worked = time.perf_counter(), time.process_time()
            links = find_links(some, source if Pictures is None else Pictures(source), cache)
            found[name] = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    found |= {"peak MiB": peak / 2**20, "pairs": len(links.same)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
