"""The content cache: (namespace, key) -> bytes in one SQLite database, shared by all runs and safe among them.

It is never a reason to fail. A database that another process has locked is left alone and gone on without. Damage costs
the damaged rows: the others are carried over into a new database, and the old one stays beside it under a name that
says so. Where the folder cannot be written to, a temporary one takes its place for this process, and what can be read
there is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from petmood.errors import ConfigError

if TYPE_CHECKING:
    from petmood.results.base import Fact

F = TypeVar("F", bound="Fact")

FORMAT_VERSION = 1
"""Part of the database's file name: a new format starts a new database and leaves the old one to `prune`."""

DEFAULT_LIMIT = "10GB"
"""What the cache may hold unless $PETMOOD_CACHE_LIMIT says otherwise."""

_DAY = 86_400
_KEPT = 0.8  # a full cache is brought down to this share of its limit, so that it is not full again at once
_CHECK_EVERY = 64 * 2**20  # bytes written between looks at the size
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
TOGETHER = 128  # values that a writer stores in one transaction
PATIENCE = 5.0  # seconds after which it stores fewer: with the above, what a killed process can lose
WAIT = 30.0  # seconds for another process to let go of the database, the first time; then it is not waited for
_WAIT_AGAIN = 0.2
_log = logging.getLogger("petmood.cache")
_CHUNK = 500  # SQLite's default limit on bound variables is far above; small chunks keep memory flat


def numbers_in(module: Mapping[str, Any]) -> list[Any]:
    """Every number, or several as a tuple, that a module (`globals()`, `vars(it)`) names in capitals: for cache keys.

    So that no rule by which something was made can be forgotten in its key; one that only costs time may stand there.
    """
    return [value for name, value in module.items() if name.isupper() and isinstance(value, int | float | tuple)]


def cache_dir() -> Path:
    """Folder of petmood's cache: $PETMOOD_CACHE, else the platform's user cache folder.

    Where that cannot be written to, a temporary folder takes its place while this process lasts; what the first holds
    but for the database is found there too.
    """
    return _usable(_chosen_dir())


def _chosen_dir() -> Path:
    chosen = os.environ.get("PETMOOD_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("petmood", appauthor=False)


_PART: Final = re.compile(r"\.[0-9a-f]{12}\.part$")
_CLEARED: set[Path] = set()
_REPLACED: dict[Path, TemporaryDirectory[str]] = {}


def _usable(folder: Path) -> Path:
    if folder in _REPLACED:
        return Path(_REPLACED[folder].name)
    probe = folder / f".{secrets.token_hex(6)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        _say_once(f"the cache folder {folder} cannot be written to ({_reason(error)}). Going on without it: ", error)
        _REPLACED[folder] = TemporaryDirectory(prefix="petmood-cache-")
        instead = Path(_REPLACED[folder].name)
        with suppress(OSError):
            for path in folder.glob("*/*"):
                if path.is_file():
                    (instead / path.parent.name).mkdir(exist_ok=True)
                    (instead / path.parent.name / path.name).symlink_to(path.resolve())
        return instead
    if folder not in _CLEARED:
        _CLEARED.add(folder)
        _clear_parts(folder)
    return folder


def _clear_parts(folder: Path) -> None:
    """Remove what processes that were killed long ago left half written."""
    for pattern in ("*.part", "*/.*.part"):
        for path in folder.glob(pattern):
            with suppress(OSError):
                if _PART.search(path.name) and path.stat().st_mtime < time.time() - _DAY:
                    path.unlink()


said: set[str] = set()


def _say_once(what: str, error: Exception) -> None:
    if what not in said:
        said.add(what)
        _log.warning("%snothing is lost but time. Set PETMOOD_CACHE to another folder to change that.", what)
        _log.debug("cause", exc_info=error)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


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
class CacheUse:
    """How much one namespace or kind of thing takes in the cache, and when it was last used.

    Attributes:
        name: of it, e.g. "features/efficientnet-lite0".
        entries: how many values or files.
        size_bytes: their bytes.
        last_used: seconds since the epoch, to a day.
    """

    name: str
    entries: int
    size_bytes: int
    last_used: float


_T = TypeVar("_T")

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS entries (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " checksum BLOB NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID"
)
_COLUMNS: Final = "namespace, key, value, checksum, used"


class _Kept:
    """A connection that stays open, and the file and process that it is of."""

    db: sqlite3.Connection | None = None
    identity: tuple[int, int, int] | None = None

    def close(self) -> None:
        """Close it, unless it is another process's: a forked one must not touch what its parent goes on with."""
        if self.db is not None:
            if self.identity is not None and self.identity[0] != os.getpid():
                _PARENTS.append(self.db)
            else:
                self.db.close()
        self.db = self.identity = None


_PARENTS: Final[list[sqlite3.Connection]] = []


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Process, device and inode; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return os.getpid(), found.st_dev, found.st_ino


class ContentCache:
    """Bytes by (namespace, key). A namespace covers every cause but the content; the key is the content's digest.

    Each value is stored with a checksum: a damaged one is dropped and reads as absent. Many processes may read and
    write at once. Over the limit ($PETMOOD_CACHE_LIMIT), the least recently used entries make room. `hits` and `misses`
    count lookups of this object. No method fails for the database's sake: see the module.
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        chosen = folder if folder is not None else _chosen_dir()
        self.folder = _usable(chosen)
        self.limit = limit if limit is not None else parse_size(os.environ.get("PETMOOD_CACHE_LIMIT", DEFAULT_LIMIT))
        self._unlooked = _CHECK_EVERY  # bytes written since the size was last looked at
        self._wait = WAIT
        self.hits = 0
        self.misses = 0
        name = f"content-v{FORMAT_VERSION}.sqlite"
        self.path = self.folder / name
        there = self.folder != chosen and os.path.isfile(chosen / name)  # noqa: PTH113 - pathlib fails on no names
        self._behind = chosen / name if there else None
        self._lock = RLock()
        self._kept = _Kept()
        weakref.finalize(self, self._kept.close)
        self._do(lambda db: None, None)

    def _do(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """What `work` gives, in one transaction; `otherwise` where the database cannot be used now."""
        for _ in range(2):
            try:
                with self._connect() as db:
                    return work(db)
            except sqlite3.Error as error:
                trouble = _trouble(error)
                if trouble is _Trouble.BUG:
                    raise
                if trouble is _Trouble.DAMAGED and self._heal():
                    continue
                if trouble is _Trouble.BUSY:
                    self._wait = _WAIT_AGAIN
                    _say_once(f"the cache {self.path} is held by another process. Going on without it: ", error)
                else:
                    _say_once(f"the cache {self.path} cannot be used ({error}). Going on without it: ", error)
                return otherwise
        return otherwise

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """A transaction on the connection that is kept, for one thread at a time."""
        healing = self._healing
        if healing.exists():
            with suppress(OSError, TimeoutError), _locked(healing, self._wait):
                pass
        with self._lock:
            try:
                db = self._opened()
                with db:
                    yield db
            except sqlite3.Error:
                self._kept.close()
                raise

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that is there now: opening one takes longer than most of what it is asked."""
        there = _identity(self.path)
        if self._kept.db is None or there is None or there != self._kept.identity:
            self._kept.close()
            db = sqlite3.connect(self.path, timeout=self._wait, check_same_thread=False)
            self._kept.db = db
            db.text_factory = _lenient
            db.execute("PRAGMA synchronous=NORMAL")
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE)
            self._kept.identity = _identity(self.path)
        return self._kept.db

    @property
    def _healing(self) -> Path:
        return self.path.with_suffix(".healing")

    def _heal(self) -> bool:
        """Carry what is whole over into a new database, and put the damaged one aside. Returns whether to try again."""
        part = self.path.with_suffix(f".{secrets.token_hex(6)}.part")
        try:
            with _locked(self._healing, self._wait):
                if _is_sound(self.path):
                    return True  # another process was quicker
                with closing(sqlite3.connect(self.path, timeout=self._wait, isolation_level=None)) as old:
                    old.text_factory = _lenient
                    try:
                        # nobody may be writing to what is put aside; what is not a database at all cannot be written to
                        old.execute("BEGIN EXCLUSIVE")
                    except sqlite3.Error as error:
                        if _trouble(error) is not _Trouble.DAMAGED:
                            return False
                    kept = _salvage(old, part)
                    aside = self.path.with_suffix(f".damaged-{int(time.time())}-{secrets.token_hex(2)}")
                    for ending in ("", "-wal", "-shm"):
                        with suppress(FileNotFoundError):
                            Path(f"{self.path}{ending}").replace(f"{aside}{ending}")
                    if part.exists():
                        part.replace(self.path)
                _log.warning(
                    "the cache %s was damaged: %s entries were kept; the old file is %s", self.path, kept, aside
                )
                return True
        except (OSError, TimeoutError, sqlite3.Error):
            return False
        finally:
            for path in (part, Path(f"{part}-journal"), Path(f"{part}-wal"), Path(f"{part}-shm")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def get_many(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Values of the keys that are present and undamaged."""
        unique = list(dict.fromkeys(keys))
        found: dict[str, bytes] = self._do(lambda db: _look_up(db, namespace, unique, drop=True), {})
        if self._behind is not None and len(found) < len(unique):
            found |= _look_behind(self._behind, namespace, [key for key in unique if key not in found])
        self.hits += len(found)
        self.misses += len(unique) - len(found)
        return found

    def get(self, namespace: str, key: str) -> bytes | None:
        """One value, or None."""
        return self.get_many(namespace, [key]).get(key)

    def known(self, namespace: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a value, which is not read: it may turn out to be damaged."""

        def look(db: sqlite3.Connection) -> set[str]:
            found = set[str]()
            for start in range(0, len(keys), _CHUNK):
                part = keys[start : start + _CHUNK]
                query = f"SELECT key FROM entries WHERE namespace=? AND key IN ({','.join('?' * len(part))})"
                found.update(key for (key,) in db.execute(query, [namespace, *part]))
            return found

        found: set[str] = self._do(look, set())
        if self._behind is not None:
            found.update(_look_behind(self._behind, namespace, [key for key in keys if key not in found]))
        return found

    def put_many(self, namespace: str, items: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> None:
        """Store values; an existing key is overwritten."""
        pairs = list(items.items() if isinstance(items, Mapping) else items)
        now = int(time.time())
        rows = [(namespace, key, value, _checksum(value), now) for key, value in pairs]

        def put(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)

        self._do(put, None)
        self._look_at_size(sum(len(value) for _, value in pairs))

    def _look_at_size(self, written: int) -> None:
        self._unlooked += written
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
            if len(waiting) >= TOGETHER or time.monotonic() > stored + PATIENCE:
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

        def used(db: sqlite3.Connection) -> int:
            pages, free, size = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)

        return self._do(used, 0)

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
            # what is kept is what is returned, so that all runs see one value: that of the first process which kept it
            kept = self.first(namespace, key, json.dumps(make(), allow_nan=False).encode())
        return json.loads(kept)

    def first(self, namespace: str, key: str, value: bytes) -> bytes:
        """Store a value unless another process has stored one meanwhile. Returns the one that stands."""

        def put(db: sqlite3.Connection) -> bytes:
            row = (namespace, key, value, _checksum(value), int(time.time()))
            db.execute("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?)", row)
            return _look_up(db, namespace, [key], drop=True).get(key, value)

        standing = self._do(put, value)
        self._look_at_size(len(value))
        return standing

    def remember_facts(self, namespace: str, kind: type[F], causes: Any, make: Callable[[], F]) -> F:
        """`remember` of facts of one kind."""
        return kind.model_validate(self.remember(namespace, causes, lambda: make().model_dump(mode="json")))

    def namespaces(self) -> list[CacheUse]:
        """What the cache holds, largest namespace first."""

        def count(db: sqlite3.Connection) -> list[CacheUse]:
            rows = db.execute(
                "SELECT namespace, COUNT(*), SUM(LENGTH(value)), MAX(CAST(used AS INTEGER)) FROM entries"
                " GROUP BY namespace ORDER BY 3 DESC, 1"
            )
            return [CacheUse(*row) for row in rows]

        return self._do(count, [])

    def prune(self, *, max_bytes: int | None = None, unused_since: float | None = None, give_back: bool = True) -> int:
        """Drop entries, the least recently used first. Returns bytes of values dropped.

        Args:
            max_bytes: drop until at most so many bytes of values remain; None for no such limit.
            unused_since: drop what was last used before this time (seconds since the epoch), to a day; None for none.
            give_back: also make the file smaller, which takes as long as writing what remains.
        """
        if max_bytes is not None and max_bytes < 0:
            raise ConfigError(f"the cache's size limit must be 0 or more, got {max_bytes}.")

        def drop(db: sqlite3.Connection) -> int:
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
            return before - _total(db)

        dropped = self._do(drop, 0)
        if dropped and give_back:
            # another process at work may hold the file: its pages are then reused instead of given back
            with suppress(sqlite3.Error), closing(sqlite3.connect(self.path, timeout=5)) as db:
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dropped


class _Trouble(Enum):
    BUSY = "another process has it"
    DAMAGED = "what it holds is not what was written"
    UNUSABLE = "the system refuses"
    BUG = "ours"


_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_REFUSED: Final = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_TOOBIG,
}
_OTHER_SCHEMA: Final = re.compile(
    r"no such (table|column)|has no column|entries has \d+ columns|malformed|not a table|view"
)


def _trouble(error: sqlite3.Error) -> _Trouble:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _Trouble.BUG
    if code & 0xFF in _BUSY:
        return _Trouble.BUSY
    if code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_IOERR_SHORT_READ:
        return _Trouble.DAMAGED
    if code & 0xFF in _REFUSED:
        return _Trouble.UNUSABLE
    # another program's table of the same name, or a constraint of it
    if code & 0xFF in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH) or _OTHER_SCHEMA.search(str(error)):
        return _Trouble.DAMAGED
    return _Trouble.BUG


@contextmanager
def _locked(path: Path, wait: float) -> Iterator[None]:
    from filelock import FileLock

    with FileLock(path, timeout=wait, thread_local=False):
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _lenient(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_AGAIN)) as db:
            db.execute(f"SELECT {_COLUMNS} FROM entries LIMIT 1")
            return (
                bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
                and not db.execute(
                    f"SELECT 1 FROM pragma_table_info('entries') WHERE name NOT IN ({','.join('?' * 5)})",
                    _COLUMNS.split(", "),
                ).fetchall()
            )
    except sqlite3.Error:
        return False


def _salvage(old: sqlite3.Connection, part: Path) -> int:
    """Write every row that can still be read and has its checksum to a new database. Returns how many."""

    def rows(condition: str, values: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        # a scan ends at the first damaged page: others begin elsewhere
        with suppress(sqlite3.Error):
            yield from old.execute(f"SELECT {_COLUMNS} FROM entries {condition}", values)

    def readable() -> Iterator[tuple[Any, ...]]:
        names = set()
        for order in ("", "ORDER BY namespace DESC, key DESC"):
            for row in rows(order):
                names.add(row[0])
                yield row
        for name in sorted(map(str, names)):
            for start in (f"{i:02x}" for i in range(256)):
                yield from rows("WHERE namespace=? AND key>=? AND key<?", (name, start, f"{start}g"))

    kept = 0
    with closing(sqlite3.connect(part)) as new, new:
        new.execute(_TABLE)
        for row in readable():
            if _is_whole(row[2], row[3]) and all(isinstance(name, str) for name in row[:2]):
                used = row[4] if isinstance(row[4], int) else 0
                kept += new.execute("INSERT OR IGNORE INTO entries VALUES (?,?,?,?,?)", (*row[:4], used)).rowcount
    return kept


def _look_up(db: sqlite3.Connection, namespace: str, keys: Sequence[str], *, drop: bool) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    damaged: list[tuple[str, str, bytes]] = []
    now = int(time.time())
    stale = False
    for start in range(0, len(keys), _CHUNK):
        part = keys[start : start + _CHUNK]
        marks = ",".join("?" * len(part))
        query = f"SELECT key, value, checksum, used FROM entries WHERE namespace=? AND key IN ({marks})"
        for key, value, checksum, used in db.execute(query, [namespace, *part]):
            if _is_whole(value, checksum):
                found[key] = value
                stale = stale or not isinstance(used, int) or used < now - _DAY
            else:
                damaged.append((namespace, key, checksum))
    if damaged and drop:
        # by its checksum, lest a value be dropped that another process has just put right
        db.executemany("DELETE FROM entries WHERE namespace=? AND key=? AND checksum IS ?", damaged)
    if stale and drop:
        db.executemany(
            "UPDATE entries SET used=? WHERE namespace=? AND key=?", [(now, namespace, key) for key in found]
        )
    return found


def _look_behind(path: Path, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
    """What a database that cannot be written to has of the keys."""
    # where nobody can write, SQLite cannot make the file that readers of a log share: it is told that none is needed
    how = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=_WAIT_AGAIN)) as db:
            return _look_up(db, namespace, keys, drop=False)
    except sqlite3.Error:
        return {}


def open_cache() -> ContentCache:
    """Petmood's cache, as every job opens it."""
    return ContentCache()


def _total(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COALESCE(SUM(LENGTH(value)), 0) FROM entries").fetchone()[0])


def _is_whole(value: object, checksum: object) -> bool:
    return isinstance(value, bytes) and _checksum(value) == checksum


def _checksum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8).digest()
