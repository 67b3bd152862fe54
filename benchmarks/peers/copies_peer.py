"""Copies that another tool finds: its name and a folder in, one line of JSON with its pairs and seconds out.

    python benchmarks/peers/copies_peer.py fastdup|imagededup FOLDER

It runs in an environment of the tool's own; `benchmarks/families.py --peers` makes that.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import types
from collections import defaultdict
from importlib.metadata import version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path


def by_fastdup(folder: Path) -> set[tuple[str, str]]:
    """Pairs of files in one connected component at similarity 0.9, its default."""
    import fastdup

    with tempfile.TemporaryDirectory() as work:
        search = fastdup.create(work_dir=work, input_dir=str(folder))
        search.run(ccthreshold=0.9, overwrite=True)
        found, _ = search.connected_components()
        groups = defaultdict(list)
        for name, group in zip(found["filename"], found["component_id"], strict=True):
            groups[group].append(Path(name).resolve().relative_to(folder.resolve()).as_posix())
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


def by_imagededup(folder: Path) -> set[tuple[str, str]]:
    """Pairs of files whose perceptual hashes differ in at most 10 bits, its default."""
    # the __init__ of these import networks, which need torch; hashes do not
    where = Path(find_spec("imagededup").submodule_search_locations[0])
    for name in ("methods", "utils"):
        package = types.ModuleType(f"imagededup.{name}")
        package.__path__ = [str(where / name)]
        sys.modules[package.__name__] = package
    from imagededup.methods.hashing import PHash

    search = PHash(verbose=False)
    found = search.find_duplicates(encoding_map=search.encode_images(image_dir=str(folder), recursive=True))
    return {tuple(sorted((Path(a).as_posix(), Path(b).as_posix()))) for a, others in found.items() for b in others}


TOOLS = {"fastdup": by_fastdup, "imagededup": by_imagededup}


def main() -> None:
    """Search, and print what was found."""
    tool, folder = sys.argv[1], Path(sys.argv[2])
    began = time.perf_counter()
    pairs = sorted(TOOLS[tool](folder))
    seconds = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    worked = sum(one.ru_utime + one.ru_stime for one in used)
    print(json.dumps({"pairs": pairs, "seconds": seconds, "processor": worked, "version": version(tool)}))


if __name__ == "__main__":
    main()
