"""Tables that say what is on the images of a data set -> the layout they make: class, split, animal of each image."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

from petmood import images
from petmood.config import ReadOptions
from petmood.errors import DataError, ImageError, some
from petmood.given import read_given
from petmood.ingest.layout import Layout, Placed, canonical_classes
from petmood.ingest.pattern import option
from petmood.ingest.rows import FORMATS, Rows, from_frame, read_table
from petmood.ingest.words import fold_of, split_of, tokens
from petmood.records import SkippedFile
from petmood.sources import FolderSource, Source
from petmood.tables import same_name, same_path

_PATHS: Final = "path file_name filename file filepath file_path image image_path imagepath img name id image_id fname"
_CLASSES: Final = (
    "label labels class class_name classname category emotion mood expression target y label_name labelname tag state "
    "choice choices"
)
_SPLITS: Final = "split set subset partition fold_set phase usage dataset"
_ANIMALS: Final = (
    "animal animal_id animalid subject subject_id individual individual_id pet pet_id cat_id dog_id person"
)
_SPECIES: Final = "species animal_type animaltype kind_of_animal type_of_animal"
_FOLDS: Final = "fold kfold cv_fold fold_id"
_KNOWN: Final = {
    role: tuple(words.split())
    for role, words in (
        ("path", _PATHS),
        ("class", _CLASSES),
        ("split", _SPLITS),
        ("species", _SPECIES),
        ("animal", _ANIMALS),
        ("fold", _FOLDS),
    )
}
_OWN: Final = frozenset(
    {"groups.csv", "changes.csv", "animals-offered.csv", "manifest.csv", "manifest.parquet", "quality.csv"}
)
"""Tables of petmood's own, which say nothing of classes."""

_SURE_SPLITS: Final = frozenset({"split", "subset", "partition"})
"""TableColumns that say a split, whatever their values; others of that role do where a value is a known split."""

_TELLING: Final = frozenset(
    {"train", "test", "valid", "split", "fold", "subject", "animal", "pet", "dog", "cat", "species"}
)
"""Words in the name of a column that a person may expect to be read."""

_HOT: Final = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
_SEVERAL: Final = re.compile(r"\s*[|;,]\s*")
_JOINED: Final = re.compile(r"\s*[+&/]\s*")
_LISTED: Final = re.compile(r"\[\s*(.*?)\s*\]|\{\s*(.*?)\s*\}|\(\s*(.*?)\s*,?\s*\)", re.DOTALL)
_QUOTED: Final = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)

_CORNERS: Final = frozenset({"xmin", "ymin", "xmax", "ymax"})

MAX_TABLES: Final = 200
HALF: Final = 0.5

MOST_SPLITS: Final = 10
"""More values than that are no splits, whatever their column is called."""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table says what; `onehot` are columns of 0 and 1, each for a class."""

    roles: Mapping[str, str]
    onehot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What rows say of one image, where the first of them stands, and how many they are."""

    placed: Placed
    where: str
    n: int = 1


class Index:
    """Finds the image that a table means, by its path from the root or the table's folder, its end or its name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._full = {same_path(name): name for name in names}
        self._files: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()
        for path in self._full:
            folder, _, file = path.rpartition("/")
            self._files[file.casefold()].append(path)
            self._stems[file.rpartition(".")[0].casefold()].append(path)
            self._folders.update(folder.casefold().split("/"))

    def find(self, text: str, folder: str = "") -> str:
        """The name of an image in the source; "" if none is meant, or several might be."""
        path = same_path(text)
        if "://" in path or "?" in path or _UPLOADED.search(path):
            whole = self._find(path, folder)
            return whole or self._find(_UPLOADED.sub(r"\1", _without_address(path)), folder)
        return self._find(path, folder)

    def _find(self, path: str, folder: str) -> str:
        for exact in (f"{folder}/{path}" if folder else path, path):
            if exact in self._full:
                return self._full[exact]
        file = path.rpartition("/")[2].casefold()
        found = self._files.get(file) or self._stems.get(file) or []
        bare = file not in self._files  # the name of the file without its ending
        if folder and len(found) > 1:
            found = [name for name in found if name.startswith(folder + "/")] or found
        if len(found) > 1:
            # annotations/a/1.xml says 1.jpg and means images/a/1.jpg
            parts = (f"{folder}/{path}" if folder else path).casefold().split("/")
            ends = {name: name.casefold().rpartition(".")[0] if bare else name.casefold() for name in found}
            shared = {name: _common_end(end.split("/"), parts) for name, end in ends.items()}
            top = max(shared.values())
            found = [name for name, n in shared.items() if n == top]
        if len(found) != 1:
            return ""
        above = _folder_of(path)
        if above and above in self._folders and above not in found[0].casefold().split("/")[:-1]:
            return ""  # the picture would lie in a folder that is there, and does not
        # 1.jpg of train is not 1.jpg of test, though it be the only one there
        mine, theirs = (_split_of_folder(name.rpartition("/")[0]) for name in (path, found[0]))
        return "" if mine and theirs and mine != theirs else self._full[found[0]]


_UPLOADED: Final = re.compile(r"(^|/)[0-9a-f]{8}-(?=[^/]+$)")
"""What Label Studio puts before the name of a file that was uploaded."""


def _folder_of(path: str) -> str:
    """The last folder of a path, "" if it has none."""
    return path.casefold().rpartition("/")[0].rpartition("/")[2]


def _without_address(path: str) -> str:
    """The path that an address of the web, or of an annotation tool, means."""
    path = path.partition("?d=")[2] or path.partition("?")[0]
    return unquote(re.sub(r"^[a-zA-Z0-9+]+://", "", path))


def _common_end(a: Sequence[str], b: Sequence[str]) -> int:
    n = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        n += 1
    return n


def given_table(source: Source, candidates: Sequence[str], options: ReadOptions) -> Layout:
    """The layout that a table named by the user makes.

    Raises:
        DataError: the table cannot be read, lacks a column, or names no image.
    """
    assert options.table is not None
    inside = same_path(options.table)
    if inside in {same_path(name) for name in source.names()}:
        name = next(name for name in source.names() if same_path(name) == inside)
        data, folder = source.read(name, images.MAX_FILE_BYTES * 16), name.rpartition("/")[0]
    else:
        data, folder = read_given(Path(options.table)), ""
    rows = read_table(data, options.table)
    index = Index(candidates)
    _check_header(rows, index, folder)
    columns = _columns(rows, index, folder, options, required=True)
    assert columns is not None
    said = _said(rows, columns, index, folder, options)
    if not said:
        raise DataError(
            f"{options.table} names no image of {source.location}: its first path is "
            f"'{rows.column(columns.roles['path'])[0] if rows.rows else ''}', the first image '{candidates[0]}'. "
            "Say which column has paths with --columns path=NAME."
        )
    return _layout(said, candidates, [options.table], len(rows.rows), _unread(rows, columns))


def found_tables(
    source: Source,
    names: Iterable[str],
    candidates: Sequence[str],
    options: ReadOptions,
    passed: list[str],
    unread: list[str],
) -> Layout | None:
    """The layout that tables among the files make; None if there is no table of labels that covers half of the images.

    Args:
        source: the files.
        names: those that are not hidden.
        candidates: those that are images.
        options: what the user says of columns and splits.
        passed: gets a word on each file that might have been such a table, and why it is none.
        unread: gets a note on each table that names pictures and has no labels, but columns that may matter.

    Raises:
        DataError: a table says two things of one image, has two columns that may be the class, or a column of splits
            whose values say nothing.
    """
    embedded = _embedded(source, candidates, options, passed)
    if embedded is not None:
        return embedded
    tables = [
        name
        for name in names
        if f".{name.rpartition('.')[2].lower()}" in FORMATS
        and PurePosixPath(name).name.lower() not in _OWN
        and "submission" not in PurePosixPath(name).stem.lower()  # made-up answers, to show the form
        and not name.startswith(".")
    ]
    if not tables or len(tables) > MAX_TABLES:
        return None
    index = Index(candidates)
    said: dict[str, Said] = {}
    used, n, notes = dict[str, dict[str, Said]](), 0, []
    for name in tables:
        folder = name.rpartition("/")[0]
        try:
            rows = read_table(source.read(name, images.MAX_FILE_BYTES), name)
        except (DataError, ImageError) as error:
            passed.append(str(error).rstrip("."))  # some other table; one that the user names is read strictly
            continue
        columns = _columns(rows, index, folder, options, required=False)
        if columns is None:
            passed.append(f"{name} (its columns {some(rows.header)} name no picture or no label)")
            telling = [column for column in rows.header if _TELLING.intersection(tokens(column))]
            if telling and _path_column(rows, index, folder):
                unread.append(
                    f"{name} has no labels and is not read, though its columns may matter: {some(telling)}. A CSV with "
                    "the columns path,animal is read with --group-by FILE, one with path,species with --species FILE."
                )
            continue
        _check_found(rows, index, folder)
        more = _said(rows, columns, index, folder, options)
        if more:
            used[name] = more
            n += len(rows.rows)
            notes += _unread(rows, columns)
    for told in _with_splits(used).values():
        _merge(said, told)
    if len(said) < HALF * len(candidates):
        passed += [f"{shown} ({len(said):,} of {len(candidates):,} images)" for shown in [*used][:1]]
        return None
    return _layout(said, candidates, [*used], n, notes)


def _with_splits(used: Mapping[str, Mapping[str, Said]]) -> Mapping[str, Mapping[str, Said]]:
    """What tables say; `train.csv` beside `test.csv` says the split too, where no column or folder does."""
    named = {name: split_of(PurePosixPath(name).stem) for name in used}
    told = any(row.placed.split for rows in used.values() for row in rows.values())
    if told or not all(named.values()) or len({*named.values()}) < 2:
        return used
    return {
        name: {path: replace(row, placed=replace(row.placed, split=named[name])) for path, row in rows.items()}
        for name, rows in used.items()
    }


def _unread(rows: Rows, columns: TableColumns) -> list[str]:
    """A note of columns that are not read though their names sound as if they should be."""
    read = {*columns.roles.values(), *columns.onehot}
    left = [column for column in rows.header if column not in read and _TELLING.intersection(tokens(column))]
    if not left:
        return []
    return [f"{rows.name} has columns that are not read: {some(left)}. Say what they are: --columns animal=..."]


def _check_found(rows: Rows, index: Index, folder: str) -> None:
    """Refuse to guess where a table that nobody named says more than labels of pictures."""
    if {column.casefold() for column in rows.header} >= _CORNERS:
        raise DataError(
            f"{rows.name} has boxes (xmin, ymin, xmax, ymax), which are read from exports as COCO, YOLO or Pascal VOC. "
            f"Export it as one of them, or take its labels for whole pictures with --table {rows.name}."
        )
    _check_header(rows, index, folder)


def _check_header(rows: Rows, index: Index, folder: str) -> None:
    if any(index.find(column, folder) for column in rows.header if column):
        raise DataError(
            f"the first line of {rows.name} names an image, not columns: '{', '.join(rows.header)}'. Put a line "
            "such as 'filename,label' before it."
        )


def _merge(said: dict[str, Said], more: Mapping[str, Said]) -> None:
    for path, row in more.items():
        before = said.get(path)
        if before is None:
            said[path] = row
            continue
        for field in ("class_name", "split", "species", "animal", "fold"):
            old, new = getattr(before.placed, field), getattr(row.placed, field)
            if old and new and same_name(old) != same_name(new):
                label = field == "class_name"
                what = "is" if label else f"is of the {field}"
                way = "say which table holds with --table FILE" if label else f"leave them unread: --columns {field}="
                raise DataError(
                    f"{row.where} says that '{path}' {what} '{new}', but {before.where} says '{old}'. Fix one of them, "
                    f"or {way}."
                )
        said[path] = replace(before, n=before.n + row.n)


def _embedded(source: Source, candidates: Sequence[str], options: ReadOptions, passed: list[str]) -> Layout | None:
    """What the columns beside images inside Parquet files say."""
    if not isinstance(source, FolderSource) or not source.tables:
        return None
    wanted = set(candidates)
    said: dict[str, Said] = {}
    used, n, notes = [], 0, []
    for name, table in sorted(source.tables.items()):
        members = [f"{name}/{member}" for member in table.members()]
        if not wanted.intersection(members):
            continue
        rows = from_frame(table.columns(), name)
        columns = _guess(rows, "", _told(rows, options))
        if columns is None:
            has = some(rows.header) or "nothing but images"
            passed.append(f"{name} (no column of labels, it has {has}; say which: --columns class=NAME)")
            continue
        split = split_of(PurePosixPath(name).name.partition("-")[0]) or split_of(PurePosixPath(name).parent.name)
        place = _Places(rows, columns, options)
        for member, (line, cells) in zip(members, rows.rows, strict=True):
            found = place.row(member, cells, f"{name}, row {line}")
            if found is not None:
                said[member] = Said(found if found.split or not split else replace(found, split=split), f"{name}")
        used.append(name)
        n += len(members)
        notes += _unread(rows, columns)
        if table.others:
            notes.append(f"{name} has several columns of images; '{table.column}' is read, not {some(table.others)}.")
    return _layout(said, candidates, used, n, notes) if len(said) >= HALF * len(candidates) else None


def _told(rows: Rows, options: ReadOptions) -> dict[str, str]:
    """Role -> column as the user says, "" for a role that is to be left out.

    Raises:
        DataError: a column that the table does not have.
    """
    header = {column.casefold(): column for column in rows.header} | {"": ""}
    told = {}
    for role, column in options.columns:
        if column.casefold() not in header:
            raise DataError(
                f"{rows.name} has no column '{column}' for {role}; it has {some(rows.header)}. Fix --columns."
            )
        told[role] = header[column.casefold()]
    return told


def _columns(rows: Rows, index: Index, folder: str, options: ReadOptions, *, required: bool) -> TableColumns | None:
    """Which column says what: as the user says, else by its name and, for paths, by the images it names."""
    header = {column.casefold() for column in rows.header}
    if not required and any(column and column.casefold() not in header for _, column in options.columns):
        return None  # another table
    given = _told(rows, options)
    path = given.get("path") or _path_column(rows, index, folder)
    if not path:
        if required:
            raise DataError(
                f"no column of {rows.name} names images of the data; it has {some(rows.header)}. Say which with "
                "--columns path=NAME,class=NAME."
            )
        return None
    guessed = _guess(rows, path, given)
    twice = [c for c in {*guessed.roles.values(), *guessed.onehot} if rows.header.count(c) > 1] if guessed else []
    if twice:
        raise DataError(f"{rows.name} has two columns called '{twice[0]}'. Rename or remove one of them.")
    if guessed is None and required:
        others = some([column for column in rows.header if column != path])
        raise DataError(f"{rows.name} has no column of labels; it has {others}. Say which with --columns class=NAME.")
    return guessed


def _path_column(rows: Rows, index: Index, folder: str, sample: int = 200) -> str:
    step = max(1, len(rows.rows) // sample)
    some = rows.rows[::step]
    best, share = "", 0.0
    for place, column in enumerate(rows.header):
        hits = sum(bool(cells[place]) and bool(index.find(cells[place], folder)) for _, cells in some)
        value = hits / max(len(some), 1) + (0.01 if column.casefold() in _KNOWN["path"] else 0.0)
        if hits and value > share:
            best, share = column, value
    known = best.casefold() in _KNOWN["path"]
    return best if share >= (0.05 if known else HALF) else ""


def _guess(rows: Rows, path: str, given: Mapping[str, str] | None = None) -> TableColumns | None:
    """Roles of the columns but the path; None if none is the class.

    Raises:
        DataError: two may be.
    """
    roles = {role: column for role, column in (given or {}).items() if column}
    if path:
        roles["path"] = path
    for role in ("split", "species", "animal", "fold"):
        for column in rows.header:
            if role in roles or role in (given or {}) or column in roles.values():
                continue
            if column.casefold() in _KNOWN[role] and (role != "split" or _tells_splits(rows, column)):
                roles[role] = column
    if "class" in roles:
        return TableColumns(roles)
    found = [c for c in rows.header if c.casefold() in _KNOWN["class"] and c not in roles.values()]
    if len(found) > 1:
        found = _same_columns(rows, found)
    if len(found) > 1:
        shown = "; ".join(f"--columns class={c} ({_values(rows, c)})" for c in found[:3])
        raise DataError(f"{rows.name} has {len(found)} columns that may be the class. Say which: {shown}.")
    if found:
        return TableColumns({**roles, "class": found[0]})
    hot = tuple(
        column
        for column in rows.header
        if column not in roles.values() and rows.rows and {cell.lower() for cell in rows.column(column)} <= set(_HOT)
    )
    if len(hot) > 1:
        return TableColumns(roles, hot)
    rest = [column for column in rows.header if column not in roles.values()]
    if path and len(rest) == 1:
        values = set(rows.column(rest[0]))
        numbers = all(value.replace(".", "").replace("-", "").isdigit() for value in values)
        # a lone column of words is the label, whatever its name; one of numbers may be a width or an age
        if 1 < len(values) <= max(2, len(rows.rows) // 2) and not numbers:
            return TableColumns({**roles, "class": rest[0]})
    return None


def _tells_splits(rows: Rows, column: str) -> bool:
    known = [split_of(cell) for cell in set(rows.column(column)) if cell]
    return any(known) or (column.casefold() in _SURE_SPLITS and 0 < len(known) <= MOST_SPLITS)


def _same_columns(rows: Rows, found: Sequence[str]) -> list[str]:
    """One of several columns that tell the same apart: a number and its name; the one with words."""
    kept: list[str] = []
    for column in sorted(found, key=lambda c: all(cell.isdigit() for cell in rows.column(c))):
        if not any(_one_to_one(rows.column(column), rows.column(other)) for other in kept):
            kept.append(column)
    return kept


def _one_to_one(a: Sequence[str], b: Sequence[str]) -> bool:
    pairs = set(zip(a, b, strict=True))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def _values(rows: Rows, column: str) -> str:
    counts = Counter(rows.column(column))
    shown = ", ".join(value or "(empty)" for value, _ in counts.most_common(4))
    return f"{len(counts)} values: {shown}{', ...' if len(counts) > 4 else ''}"


def _said(rows: Rows, columns: TableColumns, index: Index, folder: str, options: ReadOptions) -> dict[str, Said]:
    place = _Places(rows, columns, options)
    at = rows.header.index(columns.roles["path"])
    within = _split_of_folder(folder)
    found: dict[str, Said] = {}
    meant = _meant([cells[at] for _, cells in rows.rows], index, folder)
    for (line, cells), name in zip(rows.rows, meant, strict=True):
        if not name:
            continue
        where = f"{rows.name}, line {line}"
        row = place.row(name, cells, where)
        if row is None:
            continue
        row = row if row.split or not within else replace(row, split=within)
        _merge(found, {name: Said(row, where)})
    return found


def _meant(paths: Sequence[str], index: Index, folder: str) -> list[str]:
    """The image that each path means, "" for none.

    Where some paths agree with the data in the folder of a file too, one that agrees in the file's name alone means a
    picture that is not there: `c/1.jpg` is not `a/1.jpg`.
    """
    found = [index.find(path, folder) if path else "" for path in paths]
    folders = [(_folder_of(same_path(path)), _folder_of(name)) for path, name in zip(paths, found, strict=True)]
    if not any(mine and mine == theirs for mine, theirs in folders):
        return found
    return [
        "" if mine and theirs and mine != theirs else name for name, (mine, theirs) in zip(found, folders, strict=True)
    ]


def _split_of_folder(folder: str) -> str:
    return next((split for part in reversed(folder.split("/")) if (split := split_of(part))), "")


class _Places:
    """Where in the cells of a row each thing stands that it says."""

    def __init__(self, rows: Rows, columns: TableColumns, options: ReadOptions) -> None:
        self._at = {role: rows.header.index(column) for role, column in columns.roles.items()}
        self._hot = [(column, rows.header.index(column)) for column in columns.onehot]
        self._splits = {same_name(name): split for name, split in options.splits}
        if "class" in columns.roles:
            _check_single(rows, columns.roles["class"])
        if "split" in columns.roles:
            self._check_splits(rows, columns.roles["split"])

    def _check_splits(self, rows: Rows, column: str) -> None:
        values = Counter(cell for cell in rows.column(column) if cell)
        unknown = [cell for cell in values if same_name(cell) not in self._splits and not split_of(cell)]
        if unknown:
            line = next(line for line, cells in rows.rows if cells[self._at["split"]] == unknown[0])
            told = option("splits", ",".join(f"{cell}={split_of(cell) or 'train'}" for cell in unknown[:3]))
            raise DataError(
                f"{rows.name}, line {line}: the split '{unknown[0]}' is not known; column '{column}' has "
                f"{some([*values])}. Say what each is, for example {told}, or leave the column out: --columns split="
            )

    def row(self, name: str, cells: Sequence[str], where: str) -> Placed | None:
        """What a row says; None if it says no class, or is of a split that is left out."""

        def cell(role: str) -> str:
            return cells[self._at[role]] if role in self._at else ""

        if self._hot:
            on = [column for column, at in self._hot if _HOT[cells[at].lower()]]
            if len(on) > 1:
                raise DataError(
                    f"{where}: several columns of classes are set for '{name}': {some(on)}. Keep one for each picture, "
                    "and remove columns that are no classes."
                )
            label = on[0] if on else ""
        else:
            label = _sole(cell("class"))
        split = cell("split")
        told = self._splits.get(same_name(split), split_of(split)) if split else ""
        if not label or (split and not told):
            return None
        fold = cell("fold")
        return Placed(name, told, label, cell("species"), cell("animal"), fold_of(fold) or fold)


def _listed(value: str) -> list[str]:
    """The quoted words of what a program wrote as a list or a set; empty if it is none."""
    inside = _LISTED.fullmatch(value)
    return [word for _, word in _QUOTED.findall(value)] if inside else []


def _sole(value: str) -> str:
    """A label, without the brackets of a list of one."""
    words = _listed(value)
    return words[0].strip() if len(words) == 1 else value


def _check_single(rows: Rows, column: str) -> None:
    """Refuse labels that are lists of labels: `happy|playful` beside `happy`."""
    values = set(rows.column(column))
    for value in sorted(values):
        parts, joined = _SEVERAL.split(value), _JOINED.split(value)
        if (
            len(_listed(value)) > 1
            or (len(parts) > 1 and ("|" in value or any(part in values for part in parts)))
            or (len(joined) > 1 and values.issuperset(joined))
        ):
            raise DataError(
                f"{rows.name}: the label '{value}' names several classes at once. Keep one label for each picture."
            )


def _layout(
    said: Mapping[str, Said], candidates: Sequence[str], used: Sequence[str], lines: int, more: Sequence[str] = ()
) -> Layout:
    spelling, classes = canonical_classes([row.placed.class_name for row in said.values()])
    shown = ", ".join(used[:3]) + (f" and {len(used) - 3} more" if len(used) > 3 else "")
    placed = []
    ignored = []
    for name in candidates:
        row = said.get(name)
        if row is None:
            ignored.append(SkippedFile(name, f"not in {shown}, or without a label there"))
        else:
            placed.append(replace(row.placed, class_name=spelling[row.placed.class_name]))
    splits = {p.split for p in placed}
    if splits == {""}:
        placed = [replace(p, split=_split_of_folder(p.path.rpartition("/")[0])) for p in placed]
        if any(not p.split for p in placed):
            placed = [replace(p, split="") for p in placed]
    elif "" in splits:
        n = sum(not p.split for p in placed)
        raise DataError(f"{shown} gives a split to some images and none to {n:,}. Fill the column, or remove it.")
    notes = [*more]
    read = sum(row.n for row in said.values())
    if lines > read:
        notes.append(f"{lines - read:,} of {lines:,} rows of {shown} name no image of the data, or have no label.")
    if read > len(said):
        notes.append(f"{read - len(said):,} of {lines:,} rows of {shown} repeat others.")
    if ignored:
        notes.append(f"{len(ignored):,} of {len(candidates):,} images have no label in {shown} and are left out.")
    return Layout(f"table {shown}", classes, tuple(placed), tuple(ignored), tuple(notes))
