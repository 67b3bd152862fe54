from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from petmood.cache import ContentCache, cache_dir, parse_size
from petmood.errors import ConfigError


def test_what_is_put_is_got_and_counted(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put_many("a", {f"k{i}": bytes([i % 256]) * 10 for i in range(1200)})
    found = ContentCache(tmp_path).get_many("a", [f"k{i}" for i in range(1200)])
    assert len(found) == 1200
    assert found["k7"] == b"\x07" * 10
    assert cache.get_many("a", ["k1", "k1", "nothing"]) == {"k1": b"\x01" * 10}
    assert (cache.hits, cache.misses) == (1, 1)
    assert cache.get("b", "k1") is None


def test_a_damaged_value_reads_as_absent_and_is_dropped(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"right")
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET value=?", (b"wrong",))
    db.close()
    assert cache.get("a", "k") is None
    assert cache.namespaces() == []
    cache.put("a", "k", b"right")
    assert cache.get("a", "k") == b"right"


def test_a_damaged_database_is_put_aside(tmp_path: Path) -> None:
    ContentCache(tmp_path).path.write_bytes(b"this is no database" * 100)
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"v")
    assert cache.get("a", "k") == b"v"
    assert any("damaged" in p.name for p in tmp_path.iterdir())


def test_pruning_drops_the_least_recently_used(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put_many("a", {"old": bytes(100), "new": bytes(100)})
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET used=1 WHERE key='old'")
    db.close()
    assert cache.prune(max_bytes=150) == 100
    assert set(cache.get_many("a", ["old", "new"])) == {"new"}
    assert [(u.namespace, u.entries, u.size_bytes) for u in cache.namespaces()] == [("a", 1, 100)]
    with pytest.raises(ConfigError):
        cache.prune(max_bytes=-1)


def test_reading_marks_as_used(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"v")
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET used=1")
    db.close()
    cache.get("a", "k")
    assert cache.namespaces()[0].last_used > 1_000_000


def _write(folder: Path, worker: int) -> None:
    cache = ContentCache(folder)
    for i in range(60):
        cache.put(f"w{i % 3}", f"{worker}-{i}", bytes([worker]) * 500)


def test_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(tmp_path, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sum(u.entries for u in ContentCache(tmp_path).namespaces()) == 180


def test_the_folder_is_the_users_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "x"))
    assert cache_dir() == tmp_path / "x"
    monkeypatch.delenv("PETMOOD_CACHE")
    assert cache_dir().name == "petmood"
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        ContentCache(tmp_path / "file" / "below")


def test_a_value_is_computed_once_for_its_causes(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    calls: list[int] = []

    def make() -> dict[str, object]:
        calls.append(1)
        return {"a": (1, 2), "b": 0.1}

    first = cache.remember("n/v1", ["x", 1], make)
    assert first == cache.remember("n/v1", ["x", 1], make) == {"a": [1, 2], "b": 0.1}
    assert len(calls) == 1
    cache.remember("n/v1", ["x", 2], make)
    cache.remember("n/v2", ["x", 1], make)
    assert len(calls) == 3


def test_it_keeps_to_its_limit_by_itself(tmp_path: Path) -> None:
    limit = 400_000
    cache = ContentCache(tmp_path, limit=limit)
    for i in range(100):
        cache.put("a", f"{i:03}", bytes([i]) * 10_000)
        if i == 50:
            with sqlite3.connect(cache.path) as db:
                db.execute("UPDATE entries SET used=1")
            db.close()
    assert cache.size_bytes <= limit * 1.2
    held = cache.get_many("a", [f"{i:03}" for i in range(100)])
    assert len(held) > 10
    assert set(held) <= {f"{i:03}" for i in range(51, 100)}
    assert "099" in held


def test_what_was_not_used_for_long_is_dropped(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put_many("a", {"old": bytes(100), "new": bytes(50)})
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET used=1000 WHERE key='old'")
    db.close()
    assert cache.prune(unused_since=1000) == 0
    assert cache.prune(unused_since=1001) == 100
    assert cache.get("a", "new") == bytes(50)


def _write_and_check(folder: Path, worker: int, rounds: int) -> None:
    """Writes and reads back within a limit that both processes hit again and again."""
    cache = ContentCache(folder, limit=300_000)
    for i in range(rounds):
        value = bytes([worker, i % 256]) * 2000
        cache.put("shared", f"{worker}-{i}", value)
        found = cache.get_many("shared", [f"{w}-{i}" for w in range(2)])
        for key, got in found.items():
            assert got == bytes([int(key[0]), i % 256]) * 2000
        if i % 20 == 0:
            cache.prune(max_bytes=100_000)


def test_processes_prune_while_others_write(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_and_check, args=(tmp_path, n, 150)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with sqlite3.connect(ContentCache(tmp_path).path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("500MB", 500_000_000), ("1.5 gb", 1_500_000_000), ("2k", 2000), ("7B", 7)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "10 apples", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)


def test_a_writer_stores_many_at_once_and_the_rest_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petmood.cache._TOGETHER", 4)
    cache = ContentCache(tmp_path)

    def work() -> None:
        with cache.writer("n") as put:
            put({"a": b"1", "b": b"2"})
            assert cache.get("n", "a") is None
            put({"c": b"3", "d": b"4"})
            assert cache.get_many("n", ["a", "d"]) == {"a": b"1", "d": b"4"}
            put({"e": b"5"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cache.get("n", "e") == b"5"


def test_a_writer_does_not_keep_slow_work_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.cache._PATIENCE", 0.0)
    cache = ContentCache(tmp_path)
    with cache.writer("n") as put:
        put({"a": b"1"})
        assert cache.get("n", "a") == b"1"
