"""What an earlier search has kept makes the next one quick, and never another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from petmood.cache import ContentCache
from petmood.families import known as module
from petmood.families.candidates import VOTERS, Sketch, Sketches
from petmood.families.index import NearestIndex
from petmood.families.known import KnownCandidates
from petmood.records import IntArray


def drawn(n: int) -> dict[str, Sketch]:
    """Sketches by digest, every third of which is much like the one before it, and some of which are poor."""
    rng = np.random.default_rng(5)
    found: dict[str, Sketch] = {}
    voters = thumbnail = np.zeros(0, np.int8)
    for i in range(n):
        if i % 3 == 2:
            voters = np.clip(voters + rng.integers(-6, 7, voters.shape), -127, 127).astype(np.int8)
            thumbnail = np.clip(thumbnail + rng.integers(-3, 4, (8, 8)), -127, 127).astype(np.int8)
        else:
            count = VOTERS if i % 5 else int(rng.integers(0, VOTERS))
            voters = np.clip(rng.normal(0, 14, (count, 64)), -127, 127).astype(np.int8)
            thumbnail = np.clip(rng.normal(0, 15, (8, 8)), -127, 127).astype(np.int8)
        found[rng.bytes(32).hex()] = Sketch(voters, thumbnail, i % 4 > 0)
    return found


def search(sketches: dict[str, Sketch], digests: Sequence[str], cache: ContentCache) -> list[IntArray]:
    """Candidates among all, and among half of them for a few."""
    held = sorted(digests)
    known = KnownCandidates(held, cache, "test", lambda: Sketches(len(held), [[sketches[d] for d in held]]))
    every = np.arange(len(held))
    # told by content, so that another set asks the same of the same pictures
    half = every[[int(digest[8:10], 16) % 2 == 0 for digest in held]]
    few = half[[int(held[i][10:12], 16) % 4 == 0 for i in half]]
    return [known.pairs("all", every, every), known.pairs("some", half, few)]


def test_adding_removing_and_replacing_in_any_order_gives_what_a_search_from_scratch_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUCKET", 40)
    sketches = drawn(170)
    every = list(sketches)
    steps = [every[:150], every[4:160], every[4:90] + every[95:170], every, every[:3]]
    cache = ContentCache(tmp_path / "kept")
    for step, digests in enumerate(steps):
        warm = search(sketches, digests, cache)
        cold = search(sketches, digests, ContentCache(tmp_path / f"cold{step}"))
        assert all(map(np.array_equal, warm, cold))
        assert step == 4 or min(map(len, cold)) > 0


def test_only_what_is_new_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()
    nearest = NearestIndex.nearest

    def count(self: NearestIndex, queries: np.ndarray, *rest: int) -> np.ndarray:
        asked.append(len(queries))
        return nearest(self, queries, *rest)

    monkeypatch.setattr(NearestIndex, "nearest", count)
    sketches, cache = drawn(230), ContentCache(tmp_path)  # half of them stay below a step of the cells
    every = list(sketches)
    search(sketches, every[:220], cache)
    whole = sum(asked)
    asked.clear()
    search(sketches, every, cache)
    assert 0 < sum(asked) < whole / 20
    asked.clear()
    search(sketches, every, cache)
    assert not asked


def test_all_pictures_of_a_part_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # each time, the index reads all that it holds: looks must be few, or the time of an image grows with their number
    looked = list[int]()
    nearest = NearestIndex.nearest

    def count(self: NearestIndex, queries: np.ndarray, *rest: int) -> np.ndarray:
        looked.append(len(queries))
        return nearest(self, queries, *rest)

    monkeypatch.setattr(NearestIndex, "nearest", count)
    sketches = drawn(600)
    search(sketches, list(sketches), ContentCache(tmp_path))
    assert len(looked) <= 2 * 2 * 2  # of two kinds, among all and among half, in two parts


def test_lists_that_are_lost_or_of_another_search_are_made_anew(tmp_path: Path) -> None:
    sketches, cache = drawn(200), ContentCache(tmp_path / "a")
    every = list(sketches)
    search(sketches, every[:195], cache)
    keys = [key for key in _keys(cache) if key.count(" ") == 2 and not key.endswith("head")]
    assert keys
    cache.put_many("test", dict.fromkeys(keys[::2], b"x" * 100))
    cold = search(sketches, every, ContentCache(tmp_path / "cold"))
    assert all(map(np.array_equal, search(sketches, every, cache), cold))


def _keys(cache: ContentCache) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(cache.path)) as db:
        return [key for (key,) in db.execute("SELECT key FROM entries WHERE namespace='test'")]
