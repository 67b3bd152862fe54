"""The content cache: (namespace, key) -> bytes in one SQLite database, shared by all runs and safe among them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from petmood.errors import ConfigError

FORMAT_VERSION = 1
"""Part of the database's file name: a new format starts a new database and leaves the old one to `prune`."""

DEFAULT_LIMIT = "10GB"
"""What the cache may hold unless $PETMOOD_CACHE_LIMIT says otherwise."""

_DAY = 86_400
_KEPT = 0.8  # a full cache is brought down to this share of its limit, so that it is not full again at once
_CHECK_EVERY = 64 * 2**20  # bytes written between looks at the size
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_TOGETHER = 128  # values that a writer stores in one transaction
_PATIENCE = 5.0  # seconds after which it stores fewer: with the above, what a killed process can lose
_CHUNK = 500  # SQLite's default limit on bound variables is far above; small chunks keep memory flat


def cache_dir() -> Path:
    """Folder of petmood's cache: $PETMOOD_CACHE, else the platform's user cache folder."""
    chosen = os.environ.get("PETMOOD_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("petmood", appauthor=False)


def parse_size(text: str) -> int:
    """Bytes of a size such as 500MB, 1.5GB or 0.

    Raises:
        ConfigError: it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B?)", text.strip().upper())
    if found is None or (unit := found[2]) not in (*_UNITS, *"KMGT"):
        raise ConfigError(f"'{text}' is no size. Write it like 500MB or 10GB.")
    return int(float(found[1]) * _UNITS[unit if unit in _UNITS else f"{unit}B"])


@dataclass(frozen=True, slots=True)
class NamespaceUse:
    """How much one namespace of the cache holds, and when it was last used (seconds since the epoch)."""

    namespace: str
    entries: int
    size_bytes: int
    last_used: float


class ContentCache:
    """Bytes by (namespace, key). A namespace covers every cause but the content; the key is the content's digest.

    Each value is stored with a checksum: a damaged one is dropped and reads as absent. Many processes may read and
    write at once. Over the limit ($PETMOOD_CACHE_LIMIT), the least recently used entries make room. `hits` and `misses`
    count lookups of this object.
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = folder if folder is not None else cache_dir()
        self.limit = limit if limit is not None else parse_size(os.environ.get("PETMOOD_CACHE_LIMIT", DEFAULT_LIMIT))
        self._unlooked = _CHECK_EVERY  # bytes written since the size was last looked at
        self.hits = 0
        self.misses = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the cache folder {self.folder} cannot be made: {error.strerror}. "
                "Set PETMOOD_CACHE to a writable folder."
            ) from error
        self.path = self.folder / f"content-v{FORMAT_VERSION}.sqlite"
        self._prepare()

    def _prepare(self) -> None:
        try:
            self._create()
        except sqlite3.DatabaseError:
            # a damaged database is only a cache: put it aside so that its owner can look, and start again
            self.path.replace(self.path.with_suffix(f".damaged-{int(time.time())}"))
            self._create()

    def _create(self) -> None:
        with self._connect() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS entries (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
                " checksum BLOB NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID"
            )

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60)) as db, db:
            db.execute("PRAGMA synchronous=NORMAL")
            yield db

    def get_many(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Values of the keys that are present and undamaged."""
        found: dict[str, bytes] = {}
        damaged: list[tuple[str, str, bytes]] = []
        unique = list(dict.fromkeys(keys))
        now = int(time.time())
        with self._connect() as db:
            stale = False
            for start in range(0, len(unique), _CHUNK):
                part = unique[start : start + _CHUNK]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, value, checksum, used FROM entries WHERE namespace=? AND key IN ({marks})"
                for key, value, checksum, used in db.execute(query, [namespace, *part]):
                    if _checksum(value) == checksum:
                        found[key] = value
                        stale = stale or used < now - _DAY
                    else:
                        damaged.append((namespace, key, checksum))
            if damaged:
                # by its checksum, lest a value be dropped that another process has just put right
                db.executemany("DELETE FROM entries WHERE namespace=? AND key=? AND checksum=?", damaged)
            if stale:
                db.executemany(
                    "UPDATE entries SET used=? WHERE namespace=? AND key=?", [(now, namespace, key) for key in found]
                )
        self.hits += len(found)
        self.misses += len(unique) - len(found)
        return found

    def get(self, namespace: str, key: str) -> bytes | None:
        """One value, or None."""
        return self.get_many(namespace, [key]).get(key)

    def put_many(self, namespace: str, items: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> None:
        """Store values; an existing key is overwritten."""
        pairs = list(items.items() if isinstance(items, Mapping) else items)
        now = int(time.time())
        with self._connect() as db:
            db.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                ((namespace, key, value, _checksum(value), now) for key, value in pairs),
            )
        self._unlooked += sum(len(value) for _, value in pairs)
        if self._unlooked >= min(_CHECK_EVERY, self.limit // 8):
            self._unlooked = 0
            self._keep_to_limit()

    @contextmanager
    def writer(self, namespace: str) -> Iterator[Callable[[Mapping[str, bytes]], None]]:
        """Stores what it is called with, many values in one transaction; the rest at the end, however that comes."""
        waiting: dict[str, bytes] = {}
        stored = time.monotonic()

        def put(items: Mapping[str, bytes]) -> None:
            nonlocal stored
            waiting.update(items)
            if len(waiting) >= _TOGETHER or time.monotonic() > stored + _PATIENCE:
                self.put_many(namespace, waiting)
                waiting.clear()
                stored = time.monotonic()

        try:
            yield put
        finally:
            if waiting:
                self.put_many(namespace, waiting)

    def _keep_to_limit(self) -> None:
        used = self.size_bytes
        if used > self.limit:
            # values fill pages in part: what is to be dropped is told by their share of the pages
            values = sum(use.size_bytes for use in self.namespaces())
            self.prune(max_bytes=int(values * _KEPT * self.limit / used), give_back=False)

    @property
    def size_bytes(self) -> int:
        """Bytes of the database in use, pages that are free for new entries left out."""
        with self._connect() as db:
            pages, free, size = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def put(self, namespace: str, key: str, value: bytes) -> None:
        """Store one value."""
        self.put_many(namespace, {key: value})

    def remember(self, namespace: str, causes: Any, make: Callable[[], Any]) -> Any:
        """A JSON value computed once for given causes: the kept one if there is one, else `make()`, kept.

        Args:
            namespace: what kind of value; holds the version of the code that makes it.
            causes: everything the value depends on, JSON-ready.
            make: computes the value, JSON-ready.
        """
        key = hashlib.sha256(json.dumps(causes, sort_keys=True).encode()).hexdigest()
        kept = self.get(namespace, key)
        if kept is None:
            # what is kept is what is returned, so that a first and a second run see the same value
            kept = json.dumps(make(), allow_nan=False).encode()
            self.put(namespace, key, kept)
        return json.loads(kept)

    def namespaces(self) -> list[NamespaceUse]:
        """What the cache holds, largest namespace first."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT namespace, COUNT(*), SUM(LENGTH(value)), MAX(used) FROM entries"
                " GROUP BY namespace ORDER BY 3 DESC, 1"
            ).fetchall()
        return [NamespaceUse(*row) for row in rows]

    def prune(self, *, max_bytes: int | None = None, unused_since: float | None = None, give_back: bool = True) -> int:
        """Drop entries, the least recently used first. Returns bytes of values dropped.

        Args:
            max_bytes: drop until at most so many bytes of values remain; None for no such limit.
            unused_since: drop what was last used before this time (seconds since the epoch), to a day; None for none.
            give_back: also make the file smaller, which takes as long as writing what remains.
        """
        if max_bytes is not None and max_bytes < 0:
            raise ConfigError(f"the cache's size limit must be 0 or more, got {max_bytes}.")
        with self._connect() as db:
            # at once a writer: a reader that becomes one fails if another process has written in between
            db.execute("BEGIN IMMEDIATE")
            before = _total(db)
            if unused_since is not None:
                db.execute("DELETE FROM entries WHERE used < ?", (int(unused_since),))
            if max_bytes is not None:
                db.execute(
                    "DELETE FROM entries WHERE (namespace, key) IN (SELECT namespace, key FROM (SELECT namespace, key,"
                    " SUM(LENGTH(value)) OVER (ORDER BY used DESC, namespace DESC, key DESC) AS kept FROM entries)"
                    " WHERE kept > ?)",
                    (max_bytes,),
                )
            dropped = before - _total(db)
        if dropped and give_back:
            # another process at work may hold the file: its pages are then reused instead of given back
            with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self.path, timeout=5)) as db:
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dropped


def open_cache() -> ContentCache:
    """Petmood's cache, as every job opens it."""
    return ContentCache()


def _total(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COALESCE(SUM(LENGTH(value)), 0) FROM entries").fetchone()[0])


def _checksum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8).digest()
