"""`--out` of any command -> a place to write to that becomes the output in one step, or a refusal that touches nothing.

Every command writes through here. The rules:

- An output is petmood's if its record (`petmood.files.owned`) lists the file with the digest that it has. A name, a
  suffix or a `model.json` proves nothing. What is not petmood's is neither overwritten nor deleted.
- An output is never an input, inside one, or a folder around one.
- New files are made in a folder of their own. When all are there, the record is written, which commits them; then they
  are moved into their places. A process that is killed before leaves the old output, after it the new one: whoever
  opens the output next, to write or to read, finishes or clears up what was left.
- One command at a time writes to an output: a lock, which ends with its process, says so.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from petmood.errors import DataError
from petmood.files.owned import Move, Ownership, digest_of
from petmood.store import sync_folder

_LITTER: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"})
_LAST: Final = ("model.json", "results.json", "clusters.json", "embedding.json")
"""Names that readers look for first: they come into their places after all others."""
_PATIENCE: Final = 20.0  # seconds that a short write or a reader waits for another's
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_HELD: Final[set[Path]] = set()  # outputs that this process is writing: a part of it may claim them again

Inputs = Iterable[Path | str | None]


def check_output(out: Path, inputs: Inputs = (), *, option: str = "--out") -> Path:
    """The real path of an output, if it is no input, inside none and around none.

    Args:
        out: where a command is to write.
        inputs: everything that the command reads; None and URLs are passed over.
        option: as the user knows it.

    Raises:
        DataError: it is one of these, or no path at all.
    """
    real = _real(out, option)
    for given in inputs:
        if given is None or "://" in str(given):
            continue
        source = _real(Path(given), "the input")
        if not source.exists():
            continue
        if real == source or _same(real, source):
            raise DataError(f"{option} {out} is the input {given} itself, which would be lost. Choose another path.")
        if source.is_dir() and any(_same(parent, source) for parent in real.parents):
            raise DataError(
                f"{option} {out} lies inside the data {given}; results would mix with it. Choose another path."
            )
        if real.is_dir() and any(_same(parent, real) for parent in source.parents):
            raise DataError(f"{option} {out} is a folder around the data {given}. Choose another path.")
    return real


@contextmanager
def output_folder(
    out: Path,
    inputs: Inputs = (),
    *,
    option: str = "--out",
    keep: Sequence[str] = (),
    shared: bool = False,
    beside: Sequence[Path | None] = (),
) -> Iterator[Path]:
    """Yield an empty folder whose files become `out` when the block ends; if it fails, `out` stays as it was.

    Files of an earlier output that are not written again go; whatever else is in `out` stays.

    Args:
        out: the output; made if absent.
        inputs: see `check_output`.
        option: as the user knows it.
        keep: relative paths that are written for the user to edit: petmood writes them where there are none, and they
            are the user's from then on.
        shared: whether several processes may do this work at once, so that only its end is one command's alone.
        beside: inputs that may lie in `out`, such as an earlier labels.csv: they are only not to be overwritten.

    Raises:
        DataError: `out` is not petmood's to write to, or another command is writing to it.
    """
    output = _folder_output(out, inputs, option)
    for path in beside:
        if path is not None and _same(_real(path, "the input"), output.root):
            raise DataError(f"{option} {out} is the input {path} itself, which would be lost. Choose another path.")
    if shared:
        with _writing(output, wait=True):
            # recorded at once: what another library keeps in the folder, such as a search's trials, outlives a kill
            replace(output.checked(keep), known=True).write()
        with TemporaryDirectory(prefix="petmood-") as folder:
            yield Path(folder)
            with _writing(output, wait=True), output.staged(keep) as stage:
                shutil.copytree(folder, stage, dirs_exist_ok=True)
        return
    with _writing(output), output.staged(keep) as stage:
        yield stage


@contextmanager
def claimed_folder(out: Path, inputs: Inputs = ()) -> Iterator[Path]:
    """Claim `out` for work that writes in place with `write_owned`, so that its parts outlive an interruption."""
    output = _folder_output(out, inputs, "--out")
    with _writing(output):
        replace(output.checked(), known=True).write()
        yield output.root
        # what was added file by file is one record from now on, without what is gone
        record = Ownership.read(output.root)
        replace(record, files={name: d for name, d in record.files.items() if (output.root / name).exists()}).write()


@contextmanager
def claimed_output(out: Path, inputs: Inputs = ()) -> Iterator[None]:
    """Claim `out`, a folder or a file that ends in .zip, for work at whose end another function writes it.

    A refusal comes before the work, and nobody else writes there meanwhile.
    """
    if out.suffix.lower() == ".zip":
        output = _file_output(out, (out.name,), inputs, "--out")
    else:
        output = _folder_output(out, inputs, "--out")
    with _writing(output):
        output.checked()
        yield


def _folder_output(out: Path, inputs: Inputs, option: str) -> Output:
    real = check_output(out, inputs, option=option)
    if real.exists() and not real.is_dir():
        raise DataError(f"{out} is a file; {option} needs a folder. Choose another path.")
    return Output(real, "", out, option)


@contextmanager
def output_files(
    out: Path, names: Sequence[str], inputs: Inputs = (), *, option: str = "--out", wait: bool = False
) -> Iterator[Path]:
    """Yield an empty folder; the files of these names that are written there come to stand beside `out` at the end.

    Args:
        out: the first of the files; the others stand in its folder.
        names: of all files, that of `out` first.
        inputs: see `check_output`.
        option: as the user knows it.
        wait: whether to wait for another process that writes the same, for writes that take no time.

    Raises:
        DataError: one of the files is there and is not, byte for byte, petmood's; or another command is writing them.
    """
    output = _file_output(out, names, inputs, option)
    with _writing(output, wait=wait), output.staged() as folder:
        yield folder


def _file_output(out: Path, names: Sequence[str], inputs: Inputs, option: str) -> Output:
    given = list(inputs)
    if out.is_symlink():
        raise DataError(f"{out} is a link, which petmood did not make. Choose another path for {option}.")
    real = check_output(out, given, option=option)
    for name in names[1:]:
        check_output(out.with_name(name), given, option=option)
    if real.is_dir():
        raise DataError(f"{out} is a folder; {option} needs a file's name. Choose another path.")
    return Output(real.parent, f"{real.name}.", out, option, tuple(names))


@contextmanager
def output_file(out: Path, inputs: Inputs = (), *, option: str = "--out", wait: bool = False) -> Iterator[Path]:
    """Yield a path to write to, which becomes the file `out` when the block ends; see `output_files`."""
    with output_files(out, (_real(out, option).name,), inputs, option=option, wait=wait) as folder:
        yield folder / _real(out, option).name


def settle(place: Path) -> None:
    """Finish what a killed command left half moved in a folder that is about to be read, or in the one around it.

    Raises:
        DataError: it cannot be finished, since it may not be written to or another command is at it.
    """
    for folder in (place, place.parent):
        record = Ownership.read(folder)
        if record.move is None or folder in _HELD:
            continue
        output = Output(folder, "", folder, "the output")
        with _writing(output, wait=True):
            output.finish()


class Output:
    """One output: a folder, or files beside each other, with its record, its lock and its work in progress."""

    def __init__(self, root: Path, prefix: str, shown: Path, option: str, names: tuple[str, ...] = ()) -> None:
        self.root, self.prefix, self.shown, self.option, self.names = root, prefix, shown, option, names

    @property
    def key(self) -> Path:
        """Tells outputs apart."""
        return self.root / self.prefix

    @property
    def lock(self) -> Path:
        """The file that is locked."""
        return self.root / f".{self.prefix}petmood.lock"

    def _is_stage(self, name: str) -> bool:
        return re.fullmatch(rf"\.{re.escape(self.prefix)}petmood-new-[0-9a-f]{{12}}", name) is not None

    def checked(self, keep: Sequence[str] = ()) -> Ownership:
        """The record, if the output may be written to.

        Raises:
            DataError: it holds what petmood did not write.
        """
        record = self.finish()
        if self.names:
            for name in self.names:
                place = self.root / name
                if os.path.lexists(place) and not record.owns(name):
                    raise DataError(
                        f"{place} exists and was not written by petmood, or was changed since. "
                        f"Choose another name for {self.option}, so that nothing is lost."
                    )
            return record
        if not record.known and any(not self._is_own(name) for name in _listed(self.root)):
            raise DataError(
                f"{self.shown} is not empty and was not written by petmood (it has no {record.path.name}). "
                f"Choose a new folder for {self.option}, so that nothing is lost."
            )
        if changed := record.changed(keep):
            raise DataError(
                f"{self.root / changed[0]} was changed since petmood wrote it. Move it away or choose another folder "
                f"for {self.option}, so that nothing is lost."
            )
        return record

    def _is_part(self, name: str) -> bool:
        """Whether a name is that of a record which a killed process was writing."""
        record = re.escape(Ownership(self.root, self.prefix).path.name)
        return re.fullmatch(rf"\.{record}\.[0-9a-f]{{12}}\.part", name) is not None

    def _is_own(self, name: str) -> bool:
        return name in _LITTER or name == self.lock.name or self._is_stage(name) or self._is_part(name)

    @contextmanager
    def staged(self, keep: Sequence[str] = ()) -> Iterator[Path]:
        """A folder for new files, which are committed at the end."""
        self.checked(keep)
        stage = self.root / f".{self.prefix}petmood-new-{secrets.token_hex(6)}"
        stage.mkdir()
        try:
            yield stage
            self.commit(stage, keep)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def commit(self, stage: Path, keep: Sequence[str]) -> None:
        """Make the files of `stage` the output."""
        record = Ownership.read(self.root, self.prefix)
        for name in keep:
            if os.path.lexists(self.root / name):
                (stage / name).unlink(missing_ok=True)
        new = {path.relative_to(stage).as_posix(): _digest(path) for path in _files(stage)}
        for name, digest in new.items():
            place = self.root / name
            linked = next((p for p in place.relative_to(self.root).parents if (self.root / p).is_symlink()), None)
            found = os.path.lexists(place)
            if linked is not None or (found and not record.owns(name) and digest_of(place) != digest):
                raise DataError(
                    f"{place} was not written by petmood, or was changed since. Move it away and run the same command "
                    "again; finished work is kept."
                )
        gone = tuple(name for name in record.files if name not in new and name not in keep)
        owned = {name: (*record.files.get(name, ()), digest) for name, digest in new.items()}
        owned |= {name: record.files[name] for name in gone}
        move = Move(stage.name, new, gone, tuple(name for name in keep if name in new))
        replace(record, files=owned, move=move, known=True).write()
        self.finish()

    def finish(self) -> Ownership:
        """Bring a committed set of files into their places, and clear up what no process is working on any more."""
        record = Ownership.read(self.root, self.prefix)
        if record.move is not None:
            stage, move = self.root / record.move.source, record.move
            kept: dict[str, str] = {}
            for name in sorted(move.files, key=lambda n: (Path(n).name in _LAST, n)):
                staged, place = stage / name, self.root / name
                if staged.is_file() and (not os.path.lexists(place) or record.owns(name)):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    staged.replace(place)
                    sync_folder(place.parent)
                if name not in move.handed and digest_of(place) == move.files[name]:
                    kept[name] = move.files[name]
            for name in move.drop:
                if record.owns(name):
                    (self.root / name).unlink()
                    _take_away([p for p in (self.root / name).parents if self.root in p.parents])
            record = record.replaced(kept)
            record.write()
        for name in _listed(self.root):
            if self._is_stage(name):
                shutil.rmtree(self.root / name, ignore_errors=True)
            elif self._is_part(name):
                (self.root / name).unlink()
        return record


@contextmanager
def _writing(output: Output, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of an output; the folder is made if absent, and taken away again if nothing came to be in it."""
    from filelock import FileLock, Timeout

    if output.key in _HELD:
        yield
        return
    missing = [folder for folder in (output.root, *output.root.parents) if not folder.exists()]
    held = FileLock(output.lock, thread_local=False)
    try:
        output.root.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=_PATIENCE if wait else 0)
    except Timeout as error:
        raise DataError(
            f"another petmood command is writing to {output.shown}. Wait until it has ended, or choose another path "
            f"for {output.option}."
        ) from error
    except OSError as error:
        _take_away(missing)
        raise _unwritable(output, error) from error
    _HELD.add(output.key)
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM or (isinstance(error.filename, str) and output.root in Path(error.filename).parents):
            raise _unwritable(output, error) from error
        raise
    finally:
        _HELD.discard(output.key)
        # taken away while it is held, so that nobody else's goes; where that cannot be, it goes after
        for step in (output.lock.unlink, held.release, output.lock.unlink if os.name == "nt" else held.release):
            with suppress(OSError):
                step()
        _take_away(missing)


def _unwritable(output: Output, error: OSError) -> DataError:
    return DataError(
        f"cannot write to {output.shown}: {error.strerror or error}. Free space or choose another path for "
        f"{output.option}."
    )


def _take_away(folders: Sequence[Path]) -> None:
    """Remove folders in which there is nothing, innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _real(path: Path, option: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{option} {path!s} is not a usable path ({error}). Choose another.") from error


def _same(a: Path, b: Path) -> bool:
    """Whether two paths are one file: by name, or by what they lead to (links, case, mounts)."""
    if a == b:
        return True
    try:
        return a.samefile(b)
    except (OSError, ValueError):
        return False


def _listed(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 - names, of any bytes


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str:
    found = digest_of(path)
    if found is None:
        raise DataError(f"cannot read {path}, which was just written. Run the same command again.")
    return found
