"""The content cache: (namespace, key) -> bytes in one SQLite database, shared by all runs and safe among them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from petmood.errors import ConfigError

FORMAT_VERSION = 1
"""Part of the database's file name: a new format starts a new database and leaves the old one to `prune`."""

_DAY = 86_400
_CHUNK = 500  # SQLite's default limit on bound variables is far above; small chunks keep memory flat


def cache_dir() -> Path:
    """Folder of petmood's cache: $PETMOOD_CACHE, else the platform's user cache folder."""
    chosen = os.environ.get("PETMOOD_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("petmood", appauthor=False)


@dataclass(frozen=True, slots=True)
class NamespaceUse:
    """How much one namespace of the cache holds, and when it was last used (seconds since the epoch)."""

    namespace: str
    entries: int
    size_bytes: int
    last_used: float


class ContentCache:
    """Bytes by (namespace, key). A namespace covers every cause but the content; the key is the content's digest.

    Each value is stored with a checksum: a damaged one reads as absent. Many processes may read and write at once.
    `hits` and `misses` count lookups of this object.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else cache_dir()
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
        pairs = items.items() if isinstance(items, Mapping) else items
        now = int(time.time())
        with self._connect() as db:
            db.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                ((namespace, key, value, _checksum(value), now) for key, value in pairs),
            )

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

    def prune(self, *, max_bytes: int) -> int:
        """Drop the least recently used entries until at most `max_bytes` of values remain. Returns bytes dropped."""
        if max_bytes < 0:
            raise ConfigError(f"the cache's size limit must be 0 or more, got {max_bytes}.")
        dropped = 0
        with self._connect() as db:
            total = db.execute("SELECT COALESCE(SUM(LENGTH(value)), 0) FROM entries").fetchone()[0]
            rows = db.execute("SELECT namespace, key, LENGTH(value) FROM entries ORDER BY used, namespace, key")
            doomed = []
            for namespace, key, size in rows:
                if total - dropped <= max_bytes:
                    break
                doomed.append((namespace, key))
                dropped += size
            db.executemany("DELETE FROM entries WHERE namespace=? AND key=?", doomed)
        if dropped:
            with closing(sqlite3.connect(self.path, timeout=60)) as db:
                db.execute("VACUUM")
        return dropped


def _checksum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8).digest()
