"""Everything that may say what is on images - options, annotations, tables, folders - -> one layout, or a question."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from petmood import images
from petmood.config import ReadOptions, is_table_of_animals
from petmood.errors import DataError, ImageError, near_or
from petmood.ingest.annotations import found_annotations
from petmood.ingest.layout import Layout, Placed, canonical_classes, choose_classes, find_layout, place
from petmood.ingest.pattern import option, parse_pattern
from petmood.ingest.rows import OTHERS
from petmood.ingest.table import found_tables, given_table
from petmood.records import picture_of
from petmood.sources import Source, ZipSource
from petmood.sources.parquet import SUFFIX
from petmood.tables import decoded, read_rows, same_name, same_path, value_of

ANNOTATIONS: Final = "annotations"
"""A layout by this name is that of the annotations among the files, whatever folders say."""

_CLASS_LISTS: Final = frozenset({"classes.txt", "class_names.txt", "classnames.txt", "labels.txt", "obj.names"})
"""Files that name numbered classes, a line each."""

_MOST_BYTES: Final = 65_536

AGREE: Final = 0.98
"""Share of images of which a table and the folders must say the same, for both to be right."""


def arrange(
    source: Source, names: Sequence[str], candidates: Sequence[str], *, labelled: bool, options: ReadOptions
) -> Layout:
    """Find out how a data set is to be read.

    What the user says goes first. Else annotations, then tables, then folders are asked; where a table and folders say
    different things, or folders can be read in more than one way, there is a question and no reading.

    Args:
        source: the files.
        names: all of them.
        candidates: those that are images, sorted.
        labelled: whether classes are required.
        options: what the user says.

    Raises:
        DataError: no reading is sure, or what the user says does not fit.
        ConfigError: a faulty option.
    """
    layout = _named(source, names, _read(source, names, candidates, labelled, options))
    _check_mirrors(source, layout)
    return choose_classes(_grouped(layout, options), options)


def _named(source: Source, names: Sequence[str], layout: Layout) -> Layout:
    """Classes that are numbers by their names, where one list of names among the files fits them."""
    if not layout.classes or not all(name.isascii() and name.isdecimal() for name in layout.classes):
        return layout
    numbers = sorted({int(name) for name in layout.classes})
    fits: dict[tuple[str, ...], str] = {}
    for name in names:
        if PurePosixPath(name).name.lower() not in _CLASS_LISTS:
            continue
        try:
            lines = decoded(source.read(name, _MOST_BYTES), name).splitlines()
        except (DataError, ImageError):
            continue
        listed = _without_numbers([line.strip() for line in lines if line.strip()])
        # counted from 0, as programs do, or from 1 to the end of the list; anything else could be either
        first = numbers[0]
        fitting = numbers[-1] < len(listed) if first == 0 else (first, numbers[-1]) == (1, len(listed))
        if fitting and len({same_name(line) for line in listed}) == len(listed):
            fits.setdefault(tuple(listed[n - first] for n in numbers), name)
    if len(fits) != 1:
        return layout
    ((found, file),) = fits.items()
    called = dict(zip(numbers, found, strict=True))
    placed = tuple(replace(p, class_name=called[int(p.class_name)]) for p in layout.placed)
    _, classes = canonical_classes([p.class_name for p in placed])
    told = ", ".join(f"{number} = {name}" for number, name in called.items())
    return replace(layout, classes=classes, placed=placed, notes=(*layout.notes, f"{file} names the classes: {told}."))


def _without_numbers(lines: Sequence[str]) -> tuple[str, ...]:
    """Names of a list in which each line may begin with its number: `0 happy`, as Teachable Machine writes it."""
    apart = [re.fullmatch(r"(\d+)\s*[\s:;,=.)-]\s*(\S.*)", line) for line in lines]
    found = [match for match in apart if match]
    numbers = [int(match[1]) for match in found]
    counted = len(found) == len(lines) > 1 and numbers in ([*range(len(lines))], [*range(1, len(lines) + 1)])
    return tuple(match[2] for match in found) if counted else tuple(lines)


def _read(
    source: Source, names: Sequence[str], candidates: Sequence[str], labelled: bool, options: ReadOptions
) -> Layout:
    where = str(source.location)
    if options.table:
        given = given_table(source, candidates, options)
        return _joined(given, candidates, options) if options.layout else given
    if options.layout and options.layout != ANNOTATIONS:
        return find_layout(candidates, labelled=labelled, where=where, options=options)
    visible = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    annotated = found_annotations(source, visible, candidates, options.margin)
    if annotated is None and options.layout:
        raise DataError(f"{where} has no annotations that are read: --layout {ANNOTATIONS} does not fit.")
    if annotated is not None:
        return annotated if options.layout or not labelled else _undisputed(annotated, candidates, where)
    passed, unread = list[str](), list[str]()
    # the name of a Parquet file is not a folder that could say anything of the images inside
    inside = all(f"{SUFFIX}/" in name.lower() for name in candidates)
    table = found_tables(source, visible, candidates, options, passed, unread)
    if inside and table is not None:
        return table
    if table is None:
        if labelled and inside:
            raise DataError(f"no labels for the images in {where}.{_passed(passed)}")
        if options.columns and labelled:
            raise DataError(f"no table in {where} has the columns of --columns{_passed(passed)}. Name it with --table.")
        try:
            found = find_layout(candidates, labelled=labelled, where=where, options=options)
            return replace(found, notes=(*found.notes, *unread))
        except DataError as error:
            others = [n for n in visible if PurePosixPath(n).suffix.lower() in OTHERS]
            passed += [f"{n} (read only where it is named: --table)" for n in others[:1]]
            raise DataError(f"{error}{_passed(passed)}") from error
    try:
        folders = find_layout(candidates, labelled=True, where=where, options=options)
    except DataError:
        return table
    return _agreed(table, folders, where)


def _undisputed(annotated: Layout, candidates: Sequence[str], where: str) -> Layout:
    """The annotations, unless class folders say something else.

    Raises:
        DataError: they do.
    """
    try:
        folders = find_layout(candidates, labelled=True, where=where)
    except DataError:
        return annotated
    if len(folders.classes) > 1:
        _check_same(annotated, folders, where, f"--layout {ANNOTATIONS}")
    return annotated


def _passed(words: Sequence[str]) -> str:
    """What of the files was no table of labels, as an addition to a message."""
    return f" Not taken for tables of labels: {'; '.join(words[:3])}." if words else ""


def _joined(table: Layout, candidates: Sequence[str], options: ReadOptions) -> Layout:
    """A table's word, completed by what a pattern reads from the paths."""
    pattern = parse_pattern(options.layout or "*")
    paths = {p.path: p for p in place(candidates, pattern, options).placed}
    placed = tuple(_completed(p, paths.get(p.path)) for p in table.placed)
    return replace(table, text=f"{table.text}, {pattern.text}", placed=placed)


def _completed(placed: Placed, other: Placed | None) -> Placed:
    """What two sources say of one image; the first goes first."""
    if other is None:
        return placed
    fields = ("split", "species", "animal", "fold")
    return replace(placed, **{name: getattr(placed, name) or getattr(other, name) for name in fields})


def _agreed(table: Layout, folders: Layout, where: str) -> Layout:
    """The table, if the folders say the same of the images that both know.

    Raises:
        DataError: they do not.
    """
    name = table.text.removeprefix("table ").partition(", ")[0].partition(" and ")[0]
    said = _check_same(table, folders, where, option("table", name))
    if len(folders.placed) > len(table.placed):
        # the folders say the same and know more images
        rows = {p.path: p for p in table.placed}
        return replace(folders, placed=tuple(_completed(p, rows.get(p.path)) for p in folders.placed))
    if not any(p.split for p in table.placed):
        placed = tuple(replace(p, split=said[p.path].split) if p.path in said else p for p in table.placed)
        if all(p.split for p in placed):
            return replace(table, placed=placed)
    return table


def _check_same(table: Layout, folders: Layout, where: str, choice: str) -> dict[str, Placed]:
    """What folders say of each image, if a table or annotations (which `choice` would choose) say the same.

    Raises:
        DataError: they do not.
    """
    said = {p.path: p for p in folders.placed}
    both = [(p, said[picture_of(p.path)]) for p in table.placed if picture_of(p.path) in said]
    same = sum(same_name(p.class_name) == same_name(other.class_name) for p, other in both)
    if both and same < AGREE * len(both):
        p, other = next((p, o) for p, o in both if same_name(p.class_name) != same_name(o.class_name))
        raise DataError(
            f"cannot tell how to read {where}: of {len(both):,} images {len(both) - same:,} have one label by folder, "
            f"another by {table.text}, first '{p.path}' ('{other.class_name}' and '{p.class_name}'). If you know, say "
            f"which: {choice} ({len(table.classes)} classes); or {option('layout', folders.text)} "
            f"({len(folders.classes)} classes)."
        )
    return said


def _check_mirrors(source: Source, layout: Layout) -> None:
    """Make sure that folders which repeat the data's classes beside it are copies and nothing more.

    Raises:
        DataError: a file differs from its like.
    """
    for beside, original in layout.mirrors.items():
        first, second = (source.read(name, images.MAX_FILE_BYTES) for name in (beside, original))
        if first != second:
            folders = sorted({name.rpartition("/")[0] for name in layout.mirrors})
            raise DataError(
                f"cannot tell how to read {source.location}: beside the data set of layout '{layout.text}' stand "
                f"{', '.join(folders)}, whose files have equal names but differ ('{beside}'). If you know, say which: "
                f"--layout '{layout.text}' ({len(layout.placed):,} images); or --layout '{{class}}/*'."
            )


def _grouped(layout: Layout, options: ReadOptions) -> Layout:
    """Animals as `--group-by` says: the folder of an image, what an expression finds in its path, or a table's rows.

    Raises:
        DataError: it tells no two animals apart, or the table cannot be used.
    """
    if options.group_by is None:
        return layout
    if is_table_of_animals(options.group_by):
        return replace(layout, placed=_of_table(layout.placed, Path(options.group_by)))
    if options.group_by == "folder":
        placed = tuple(replace(p, animal=picture_of(p.path).rpartition("/")[0]) for p in layout.placed)
    else:
        expression = re.compile(options.group_by.partition(":")[2])

        def animal(path: str) -> str:
            match = expression.search(picture_of(path).rpartition(".")[0])
            return (match["animal"] or "") if match else ""

        placed = tuple(replace(p, animal=animal(p.path)) for p in layout.placed)
    found = {p.animal for p in placed}
    if len(found - {""}) < 2:
        raise DataError(
            f"--group-by '{options.group_by}' tells {len(found - {''})} animals apart, in '{placed[0].path}' for "
            f"example '{placed[0].animal}'. Fix it."
        )
    missing = [p.path for p in placed if not p.animal]
    if missing:
        note = f"{len(missing):,} of {len(placed):,} images have no animal by --group-by, the first '{missing[0]}'."
        return replace(layout, placed=placed, notes=(*layout.notes, note))
    return replace(layout, placed=placed)


def _of_table(placed: Sequence[Placed], table: Path) -> tuple[Placed, ...]:
    """Animals by the rows `path,animal` of a file; a photo that is not listed is an animal of its own."""
    known = {same_path(p.path): p.path for p in placed}
    told: dict[str, str] = {}
    for line, (path, animal) in read_rows(table, ("path", "animal")):
        name = known.get(same_path(path))
        if name is None:
            hint = near_or(path, known.values(), "Paths are relative to the data.", cutoff=0.8)
            raise DataError(f"{table}, line {line}: there is no image '{path}' in the data. {hint}")
        if told.setdefault(name, value_of(animal)) != value_of(animal):
            raise DataError(f"{table}, line {line}: '{path}' is listed twice, with two animals. Remove one line.")
    if not any(told.values()):
        raise DataError(f"{table} names no animal. Give rows path,animal, the same animal for photos of one.")
    return tuple(replace(p, animal=told.get(p.path, "")) for p in placed)


def warnings_of(source: Source, candidates: Sequence[str]) -> tuple[str, ...]:
    """What a person should know of the names of files: guessed encodings, names that some systems hold for one."""
    found = [source.warning] if isinstance(source, ZipSource) and source.warning else []
    alike: dict[str, list[str]] = defaultdict(list)
    for name in candidates:
        alike[same_name(name)].append(name)
    clashes = [names for names in alike.values() if len(names) > 1]
    if clashes:
        first, second = clashes[0][:2]
        found.append(
            f"{len(clashes):,} file names differ only by case or by how accents are composed, such as '{first}' and "
            f"'{second}': a Mac or Windows keeps one of them."
        )
    return tuple(found)
