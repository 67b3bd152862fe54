"""The record of what petmood wrote in a folder or as a file: names and digests, the only proof of ownership."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, Final, Self

from petmood.errors import DataError
from petmood.given import parse_json
from petmood.store import write_bytes

RECORD: Final = "petmood.json"
"""Ends the name of every record: `.petmood.json` in a folder, `.NAME.petmood.json` beside a file called NAME."""

_ADDED: Final = "petmood.added.jsonl"
_FORMAT: Final = 1
_CHUNK: Final = 2**20
_PART: Final = re.compile(r"\.(.+)\.[0-9a-f]{12}\.part")
"""Names under which `write_bytes` writes before it moves a file into its place."""


@dataclass(frozen=True)
class Move:
    """A set of files that is to be moved from `source`, a folder beside the record; the record was its commit.

    Attributes:
        source: name of the folder with the new files.
        files: relative path -> sha256 of what is to stand there.
        drop: relative paths of an older writing that are to go.
        handed: relative paths among `files` that are the user's from then on.
    """

    source: str
    files: Mapping[str, str]
    drop: tuple[str, ...] = ()
    handed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ownership:
    """What petmood wrote below `root`: relative POSIX path -> every sha256 that the file may have as petmood's own.

    Attributes:
        root: the folder that paths are relative to.
        prefix: "" for a whole folder, "NAME." for a file called NAME.
        files: paths and digests; more than one while a new file replaces an old one.
        move: what is committed but not yet in its place.
        known: whether there was a record at all.
    """

    root: Path
    prefix: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    move: Move | None = None
    known: bool = False

    @property
    def path(self) -> Path:
        """Where the record is kept."""
        return self.root / f".{self.prefix}{RECORD}"

    @property
    def _added(self) -> Path:
        return self.root / f".{self.prefix}{_ADDED}"

    @classmethod
    def read(cls, root: Path, prefix: str = "") -> Self:
        """The record of a folder or file; an unknown, empty one where there is none that petmood can have written."""
        empty = cls(root, prefix)
        try:
            kept = json.loads(empty.path.read_text(encoding="utf-8"))
            files = {str(name): tuple(map(str, digests)) for name, digests in kept["files"].items()}
            move = None
            if kept.get("move"):
                waiting = kept["move"]
                wanted = {str(name): str(digest) for name, digest in waiting["files"].items()}
                drop, handed = (tuple(map(str, waiting[key])) for key in ("drop", "handed"))
                move = Move(str(waiting["from"]), wanted, drop, handed)
            if kept["format"] != _FORMAT:
                return empty
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return empty
        names = [*files, *(() if move is None else (move.source, *move.files, *move.drop))]
        if not all(map(_is_inside, names)):
            return empty
        for name, digest in _read_added(empty._added):
            files[name] = (*files.get(name, ()), digest)
        return cls(root, prefix, files, move, known=True)

    def write(self) -> None:
        """Write the record in one step; what was added one by one is in it from then on."""
        move: dict[str, Any] | None = None
        if self.move is not None:
            waiting = self.move
            lists = {"drop": list(waiting.drop), "handed": list(waiting.handed)}
            move = {"from": waiting.source, "files": dict(waiting.files), **lists}
        kept = {
            "format": _FORMAT,
            "about": "Files written by petmood and their SHA-256: only these may be replaced or removed by it.",
            "files": {name: list(digests) for name, digests in sorted(self.files.items())},
            "move": move,
        }
        write_bytes(self.path, f"{json.dumps(kept, indent=1)}\n".encode())
        self._added.unlink(missing_ok=True)

    def owns(self, name: str) -> bool:
        """Whether the file at a relative path is, byte for byte, one that petmood wrote there."""
        digests = self.files.get(name)
        return digests is not None and digest_of(self.root / name) in digests

    def changed(self, besides: Iterable[str] = ()) -> list[str]:
        """Recorded files that are there but are not, or no longer, what petmood wrote."""
        skipped = set(besides)
        return [
            name
            for name in self.files
            if name not in skipped and os.path.lexists(self.root / name) and not self.owns(name)
        ]

    def replaced(self, files: Mapping[str, str]) -> Ownership:
        """The record of a folder that holds exactly these files."""
        return replace(self, files={name: (digest,) for name, digest in files.items()}, move=None, known=True)


def digest_of(path: Path) -> str | None:
    """SHA-256 of a regular file's bytes; None for a link, a folder, a device or what cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None
    digest = hashlib.sha256()
    try:
        with path.open("rb") as handle:
            while part := handle.read(_CHUNK):
                digest.update(part)
    except OSError:
        return None
    return digest.hexdigest()


def write_owned(root: Path, name: str, data: bytes) -> None:
    """Write one file of a claimed folder in place, for work whose parts are kept when it is interrupted.

    Its digest is recorded before the file appears, so that it is known as petmood's at every instant. Processes may
    write to one folder at once. A folder without a record is no user's output, and is written to plainly.

    Raises:
        DataError: something stands there that petmood did not write.
        OSError: the file cannot be written.
    """
    record = Ownership.read(root)
    digest = hashlib.sha256(data).hexdigest()
    if record.known:
        target = root / name
        if os.path.lexists(target) and not record.owns(name) and digest_of(target) != digest:
            raise DataError(f"{target} was not written by petmood, or was changed since. Move it away; it is kept.")
        line = json.dumps([name, digest]).encode()
        handle = os.open(record._added, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            # a leading newline closes the half line of a killed writer
            os.write(handle, b"\n" + line + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
    write_bytes(root / name, data)


def remove_owned(root: Path, name: str) -> bool:
    """Remove one file of a claimed folder if it is, unchanged, one that petmood wrote. Returns whether it did.

    What a killed process left half written of a recorded file goes too.
    """
    record = Ownership.read(root)
    part = _PART.fullmatch(name)
    if record.known and not record.owns(name) and not (part and _recorded(part[1], record.files)):
        return False
    (root / name).unlink(missing_ok=True)
    return True


def _recorded(shortened: str, names: Iterable[str]) -> bool:
    """Whether a part is of a recorded file: `write_bytes` puts the first 50 characters of its name before the mark."""
    return any(name[:50] == shortened for name in names)


def is_record(name: str) -> bool:
    """Whether a file's name is that of a record or a lock, which no list of results should have."""
    return re.fullmatch(r"\.(?:.+\.)?petmood\.(?:json|added\.jsonl|lock)", name) is not None


def _read_added(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            name, digest = parse_json(line)
        except (ValueError, TypeError):
            continue
        if isinstance(name, str) and isinstance(digest, str) and _is_inside(name):
            found.append((name, digest))
    return found


def _is_inside(name: str) -> bool:
    """Whether a relative path of a record stays below its folder: a record may come from a stranger."""
    pure = PurePath(name)
    return "\0" not in name and not pure.anchor and not {"", ".", ".."} & {*name.split("/"), *pure.parts}
