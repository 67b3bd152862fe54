from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petmood.cache import ContentCache, cache_dir, parse_size
from petmood.errors import ConfigError


def at_once(work: Callable[..., None], given: Sequence[tuple[Any, ...]]) -> None:
    """Do the work in as many new processes, which are forked from one that has imported what they need."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["hypothesis", "pytest", "petmood.cache"])
    workers = [context.Process(target=work, args=arguments) for arguments in given]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * len(given)


@pytest.fixture(autouse=True)
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once a process is said anew in each test."""
    monkeypatch.setattr("petmood.cache.said", set())


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
    ContentCache(tmp_path).path.write_bytes(b"this is not a database" * 100)
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"v")
    assert cache.get("a", "k") == b"v"
    assert any("damaged" in p.name for p in tmp_path.iterdir())


def unusable(folder: Path, kind: str) -> Path:
    """A folder that no cache can be kept in, or a database that cannot be used."""
    path = ContentCache(folder / "c").path
    if kind == "a file in its place":
        (folder / "f").write_text("")
        return folder / "f"
    if kind == "below a file":
        (folder / "f").write_text("")
        return folder / "f" / "c"
    if kind == "a link to itself":
        (folder / "l").symlink_to("l")
        return folder / "l"
    if kind == "a name that is too long":
        return folder / ("x" * 300)
    if kind == "not a name":
        return folder / "a\0b"
    path.unlink()
    path.mkdir()  # "a folder where the database should be"
    return path.parent


@pytest.mark.parametrize(
    "kind",
    [
        "a file in its place",
        "below a file",
        "a link to itself",
        "a name that is too long",
        "not a name",
        "a folder where the database should be",
    ],
)
def test_without_a_usable_folder_it_goes_on_and_says_so_once(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = unusable(tmp_path, kind)
    for _ in range(3):
        cache = ContentCache(folder)
        cache.put("a", "k", b"v")
        assert cache.get("a", "k") in (b"v", None)
        assert cache.remember("n", 1, lambda: 2) == 2
        assert cache.prune(max_bytes=0) >= 0
        assert cache.size_bytes >= 0
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


def test_what_can_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "c"
    ContentCache(folder).put("a", "k", b"v")
    (folder / "backbones").mkdir()
    (folder / "backbones" / "x.onnx").write_bytes(b"graph")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    touch = Path.touch

    def read_only(self: Path) -> None:
        if self.parent == folder:
            raise PermissionError(13, "Permission denied", str(self))
        touch(self)

    monkeypatch.setattr(Path, "touch", read_only)
    monkeypatch.setenv("PETMOOD_CACHE", str(folder))
    cache = ContentCache()
    cache.put("a", "new", b"w")
    assert cache.get_many("a", ["k", "new"]) == {"k": b"v", "new": b"w"}
    assert (cache_dir() / "backbones" / "x.onnx").read_bytes() == b"graph"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_busy_database_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.cache.WAIT", 0.1)
    path = ContentCache(tmp_path).path
    ContentCache(tmp_path).put("a", "k", b"v")
    held = sqlite3.connect(path, isolation_level=None)
    held.execute("PRAGMA locking_mode=EXCLUSIVE")
    held.execute("BEGIN EXCLUSIVE")
    held.execute("INSERT OR REPLACE INTO entries VALUES ('b', 'k', x'00', x'00', 1)")
    cache = ContentCache(tmp_path)
    cache.put("a", "other", b"w")
    assert cache.get("a", "other") is None
    held.execute("COMMIT")
    held.close()
    assert ContentCache(tmp_path).get("a", "k") == b"v"
    assert not [p.name for p in tmp_path.iterdir() if "damaged" in p.name]


@settings(max_examples=40)
@given(st.data())
def test_damage_anywhere_costs_the_damaged_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    cache = ContentCache(folder)
    values = {hashlib.sha256(bytes([i])).hexdigest(): bytes([i]) * 900 for i in range(120)}
    cache.put_many("a", values)
    with sqlite3.connect(cache.path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    raw = bytearray(cache.path.read_bytes())
    how = data.draw(st.sampled_from(["flip", "page", "cut"]))
    at = data.draw(st.integers(0, len(raw) - 1))
    if how == "flip":
        raw[at] ^= data.draw(st.integers(1, 255))
    elif how == "page":
        start = at // 4096 * 4096
        raw[start : start + 4096] = data.draw(st.sampled_from([bytes(4096), b"\xff" * 4096]))
    else:
        del raw[at:]
    cache.path.write_bytes(raw)
    again = ContentCache(folder)
    found = again.get_many("a", list(values))
    assert all(values[key] == value for key, value in found.items())
    # what makes the whole unreadable is at its head; elsewhere a page of rows is lost
    if how != "cut" and at >= 8192:
        assert len(found) >= 100
    again.put_many("a", values)
    assert again.get_many("a", list(values)) == values
    assert next((use.name, use.entries) for use in again.namespaces()) == ("a", 120)
    again.prune(max_bytes=0)


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE entries (a, b)",
        "CREATE VIEW entries AS SELECT 1 AS namespace",
        "CREATE TABLE entries (namespace, key, value, checksum)",
        "CREATE TABLE entries (namespace, key, value, checksum, used, more NOT NULL)",
        "CREATE TABLE other (x)",
    ],
)
def test_another_schema_is_put_aside_whole(tmp_path: Path, schema: str) -> None:
    path = ContentCache(tmp_path).path
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute(schema)
        db.execute("CREATE TABLE mine (x)")
        db.execute("INSERT INTO mine VALUES ('precious')")
    db.close()
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"v")
    assert cache.get("a", "k") == b"v"
    assert any(b"precious" in p.read_bytes() for p in tmp_path.iterdir())


def _heal_and_write(folder: Path, worker: int) -> None:
    cache = ContentCache(folder)
    for i in range(20):
        cache.put("n", f"{worker}-{i}", bytes([worker]) * 100)
        assert cache.get("n", f"{worker}-{i}") in (bytes([worker]) * 100, None)


def test_processes_that_find_damage_at_once_heal_it_once(tmp_path: Path) -> None:
    path = ContentCache(tmp_path).path
    path.write_bytes(b"no database" * 1000)
    at_once(_heal_and_write, [(tmp_path, n) for n in range(2)])
    assert len([p for p in tmp_path.iterdir() if "damaged" in p.name and p.suffix.startswith(".damaged")]) == 1
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_full_disk_costs_nothing_but_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ContentCache(tmp_path)
    cache.put("a", "k", b"v")
    connect = sqlite3.connect

    def small(*args: object, **named: object) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*args, **named)  # type: ignore[call-overload]
        db.execute("PRAGMA max_page_count=6")
        return db

    monkeypatch.setattr("petmood.cache.sqlite3.connect", small)
    cache = ContentCache(tmp_path)
    cache.put("a", "large", bytes(100_000))
    assert cache.get_many("a", ["k", "large"]) == {"k": b"v"}


def test_pruning_drops_the_least_recently_used(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path)
    cache.put_many("a", {"old": bytes(100), "new": bytes(100)})
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET used=1 WHERE key='old'")
    db.close()
    assert cache.prune(max_bytes=150) == 100
    assert set(cache.get_many("a", ["old", "new"])) == {"new"}
    assert [(u.name, u.entries, u.size_bytes) for u in cache.namespaces()] == [("a", 1, 100)]
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
    at_once(_write, [(tmp_path, n) for n in range(3)])
    assert sum(u.entries for u in ContentCache(tmp_path).namespaces()) == 180


def test_the_folder_is_the_users_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "x"))
    assert cache_dir() == tmp_path / "x"
    monkeypatch.delenv("PETMOOD_CACHE")
    assert cache_dir().name == "petmood"


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
    at_once(_write_and_check, [(tmp_path, n, 150) for n in range(2)])
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
    monkeypatch.setattr("petmood.cache.TOGETHER", 4)
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
    monkeypatch.setattr("petmood.cache.PATIENCE", 0.0)
    cache = ContentCache(tmp_path)
    with cache.writer("n") as put:
        put({"a": b"1"})
        assert cache.get("n", "a") == b"1"


def test_of_two_processes_that_compute_one_value_both_have_the_first(tmp_path: Path) -> None:
    one, two = ContentCache(tmp_path), ContentCache(tmp_path)
    assert one.remember("a", ["cause"], lambda: two.remember("a", ["cause"], lambda: 0.1)) == 0.1
    assert one.remember("b", ["cause"], lambda: [two.remember("b", ["cause"], lambda: 0.1), 0.2][1]) == 0.1
    assert two.remember("b", ["cause"], lambda: pytest.fail("computed again")) == 0.1
