"""Paths of images -> the layout of a data set, given or found, and what it says of each image; by names alone."""

from __future__ import annotations

import shlex
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from petmood.config import ReadOptions, read_options
from petmood.errors import ConfigError, DataError, PetmoodError, near_or
from petmood.ingest.infer import infer
from petmood.ingest.pattern import Pattern, parse_pattern
from petmood.ingest.words import fold_of, looks_like_subjects, split_of
from petmood.records import SkippedFile
from petmood.tables import same_name

NO_OPTIONS: Final = ReadOptions()

MOST_READINGS: Final = 3
"""So many readings are offered where more than one is plausible."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An image's place in the data set: its path, canonical split and class, and what else is known; "" if none."""

    path: str
    split: str = ""
    class_name: str = ""
    species: str = ""
    animal: str = ""
    fold: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a data set is read.

    Attributes:
        text: the pattern of paths, or the file that says what is what.
        classes: in display order; empty without labels.
        placed: the images of the data set.
        ignored: the others, with reasons.
        notes: what a person should know.
        mirrors: image beside the data -> the one that it must equal for this reading to hold.
    """

    text: str
    classes: tuple[str, ...]
    placed: tuple[Placed, ...]
    ignored: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = ()
    mirrors: Mapping[str, str] = field(default_factory=dict)


def find_layout(
    names: Sequence[str],
    *,
    labelled: bool,
    where: str,
    options: ReadOptions = NO_OPTIONS,
    held: Mapping[str, int] | None = None,
) -> Layout:
    """Tell the layout of a data set from the paths of its images.

    Args:
        names: POSIX paths of candidate images, sorted.
        labelled: whether classes are required.
        where: the data's location, for messages.
        options: a layout given by the user is taken as it is.
        held: folder -> number of images in it, where `names` has only some of them.

    Raises:
        DataError: no class folders where classes are required, more than one plausible reading, or a given layout that
            does not fit.
        ConfigError: a given layout that is none.
    """
    if options.layout:
        return _given(names, parse_pattern(options.layout), where, options, labelled=labelled)
    found = infer(names, held)
    if found.pattern:
        layout = place(names, parse_pattern(found.pattern), options)
        lost = [skipped.path for skipped in layout.ignored if skipped.path not in (found.mirrors or {})]
        notes = (
            (f"{len(lost):,} of {len(names):,} images lie in no class folder and are left out, the first '{lost[0]}'.",)
            if lost
            else ()
        )
        return replace(layout, mirrors=found.mirrors or {}, notes=notes)
    if not labelled:
        return place(names, parse_pattern(found.unlabelled), options)
    raise DataError(_question(names, found.problem, found.options, where))


def _given(names: Sequence[str], pattern: Pattern, where: str, options: ReadOptions, *, labelled: bool) -> Layout:
    if labelled and "class" not in pattern.fields and not options.table:
        raise ConfigError(f"layout '{pattern.text}' has no {{class}}. Say which part of a path is the class.")
    layout = place(names, pattern, options)
    wrapper = _wrapper(names)
    if not layout.placed and wrapper:
        inside = parse_pattern(f"{wrapper}/{pattern.text}")
        layout = place(names, inside, options)
    if not layout.placed:
        raise DataError(
            f"no image of {where} fits the layout '{pattern.text}'; the first of {len(names):,} is '{names[0]}'. "
            "Fix the pattern."
        )
    return layout


def _wrapper(names: Sequence[str]) -> str:
    """The folders that hold everything, as a path."""
    parts = [name.split("/")[:-1] for name in (names[0], names[-1])]
    same = 0
    while same < min(map(len, parts)) and parts[0][same] == parts[1][same]:
        same += 1
    # names are sorted: what the first and the last share, all share
    return "/".join(parts[0][:same])


def place(names: Sequence[str], pattern: Pattern, options: ReadOptions = NO_OPTIONS) -> Layout:
    """Read every path by a pattern.

    Raises:
        DataError: a name of a split that is not known.
    """
    told = {same_name(name): split for name, split in options.splits}
    inside: list[Placed] = []
    ignored: list[SkippedFile] = []
    unknown: Counter[str] = Counter()
    outside = f"outside the split folders ({pattern.text})" if "split" in pattern.fields else "in no class folder"
    by_folder: dict[str, dict[str, str] | None] = {}
    for name in names:
        folder = name.rpartition("/")[0]
        if not pattern.by_folder:
            found = pattern.read(name)
        elif folder in by_folder:
            found = by_folder[folder]
        else:
            found = by_folder[folder] = pattern.read(name)
        if found is None:
            ignored.append(SkippedFile(name, outside))
            continue
        raw = found.get("split") or ""
        split = told.get(same_name(raw), split_of(raw)) if raw else ""
        if raw and not split:
            if same_name(raw) in told:
                ignored.append(SkippedFile(name, f"in '{raw}', which --splits leaves out"))
            else:
                unknown[raw] += 1
            continue
        fold = found.get("fold") or ""
        inside.append(
            Placed(
                name,
                split,
                found.get("class") or "",
                found.get("species") or "",
                found.get("animal") or "",
                fold_of(fold) or fold,
            )
        )
    if unknown:
        shown = ", ".join(f"{name} ({n})" for name, n in unknown.most_common(6))
        first = next(iter(unknown))
        raise DataError(
            f"layout '{pattern.text}' meets splits whose names say nothing: {shown}. Say what each is, for example "
            f"--splits '{first}=train', or leave it out with '{first}='."
        )
    spelling, classes = canonical_classes([p.class_name for p in inside if p.class_name])
    kinds, _ = canonical_classes([p.species for p in inside if p.species])
    placed = tuple(
        replace(p, class_name=spelling.get(p.class_name, ""), species=kinds.get(p.species, "")) for p in inside
    )
    return Layout(pattern.text, classes, placed, tuple(ignored))


def _question(names: Sequence[str], problem: str, options: Sequence[str], where: str) -> str:
    """What cannot be told, and the options that say it, each with what it would read."""
    told = [f"{option} ({shown})" for option in options if (shown := _preview(names, option))][:MOST_READINGS]
    if not told:
        one = "all lie in one folder" if len({n.rpartition("/")[0] for n in names}) == 1 else "see docs/data.md"
        return (
            f"{problem} in {where} ({len(names):,} images, {one}). Put the images of each class into a folder named "
            "after it, give a table of labels with --table FILE, or say where things are with --layout "
            "'{split}/{class}/*'."
        )
    choice = "; or ".join(told)
    lead = "say so" if len(told) == 1 else "say which"
    return f"cannot tell how to read {where}: {problem}. If you know, {lead}: {choice}."


def _preview(names: Sequence[str], option: str) -> str:
    """What options would read: `48 images, 3 folds, 4 classes: Angry, happy, Other, Sad`; "" if no two classes."""
    words = shlex.split(option)
    given = dict(zip(words[::2], words[1::2], strict=True))
    excluded = [name for key, name in zip(words[::2], words[1::2], strict=True) if key == "--exclude"]
    try:
        options = read_options(splits=given.get("--splits"), exclude=excluded)
        layout = choose_classes(place(names, parse_pattern(given["--layout"]), options), options)
    except PetmoodError:
        return ""
    # nobody means folders called train and test to be classes
    if len(layout.classes) < 2 or all(map(split_of, layout.classes)):
        return ""
    shown = ", ".join(layout.classes[:6]) + (", ..." if len(layout.classes) > 6 else "")
    return f"{', '.join([f'{len(layout.placed):,} images', *counts(layout)])}: {shown}"


def counts(layout: Layout) -> list[str]:
    """How many of each a layout tells apart: `3 splits`, `2 species`, `4 classes`."""
    told = []
    for one, many in (("split", "splits"), ("fold", "folds"), ("species", "species"), ("animal", "animals")):
        n = len({getattr(p, one) for p in layout.placed} - {""})
        told += [f"{n:,} {one if n == 1 else many}"] if n else []
    n = len(layout.classes)
    return [*told, f"{n:,} {'class' if n == 1 else 'classes'}"] if n else told


def canonical_classes(raw: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Merge spellings of one class that differ only by case (or Unicode form).

    Args:
        raw: the class folder's name for each image.

    Returns:
        A map from each raw spelling to the canonical one (the most frequent; among equals the first by sorting), and
        the canonical names sorted without regard to case.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for name, n in Counter(raw).items():
        groups[same_name(name)][unicodedata.normalize("NFC", name)] += n
    chosen = {key: min(counts, key=lambda s: (-counts[s], s)) for key, counts in groups.items()}
    spelling = {name: chosen[same_name(name)] for name in set(raw)}
    return spelling, tuple(chosen[key] for key in sorted(chosen))


def choose_classes(layout: Layout, options: ReadOptions) -> Layout:
    """Keep the classes that a user wants; the images of others are ignored.

    Raises:
        DataError: a class that is not there.
    """
    if not options.only and not options.exclude:
        return layout
    known = {same_name(name): name for name in layout.classes}
    for option, given in (("--only", options.only), ("--exclude", options.exclude)):
        for name in given:
            if same_name(name) not in known:
                hint = near_or(name, layout.classes)
                raise DataError(f"{option} names a class '{name}' that the data do not have. {hint}")
    wanted = {same_name(name) for name in options.only} or set(known)
    kept = wanted - {same_name(name) for name in options.exclude}
    gone = tuple(
        SkippedFile(p.path, f"of class '{p.class_name}', which is left out")
        for p in layout.placed
        if same_name(p.class_name) not in kept
    )
    return replace(
        layout,
        classes=tuple(name for name in layout.classes if same_name(name) in kept),
        placed=tuple(p for p in layout.placed if same_name(p.class_name) in kept),
        ignored=(*layout.ignored, *gone),
    )


def offered_animals(placed: Iterable[Placed]) -> tuple[int, str]:
    """How many animals an option would tell apart, and the option, where folders or file names look like subjects.

    Returns:
        (0, "") where nothing looks so.
    """
    items = list(placed)
    if any(item.animal for item in items):
        return 0, ""
    folders: dict[str, set[str]] = defaultdict(set)
    for item in items:
        parent, _, folder = item.path.rpartition("/")[0].rpartition("/")
        known = {same_name(text) for text in (item.class_name, item.species, item.fold, "")}
        if same_name(folder) not in known and not split_of(folder):
            folders[parent].add(folder)
    # a folder that holds other folders of images, several below each class
    n = sum(map(len, folders.values()))
    classes = {item.class_name for item in items}
    if n > len(classes) and any(len(inside) > 1 for inside in folders.values()):
        return n, "--group-by folder"
    heads: dict[str, set[str]] = defaultdict(set)
    for item in items:
        stem = item.path.rpartition("/")[2].rpartition(".")[0]
        head = stem.rpartition("_")[0] or stem.rpartition("-")[0]
        heads[item.class_name].add(head)
    named = {head for inside in heads.values() for head in inside}
    if 1 < len(named) <= len(items) / 2 and looks_like_subjects(named):
        return len(named), r"--group-by 'regex:(?P<animal>[^/]+)[_-][^/_-]+$'"
    return 0, ""
