"""The tree of a data set -> the one layout that its structure allows, or the few between which a person can choose.

What is sure: levels whose names are known words (splits, folds, moods, species, numbered animals) and, beside them, one
level that can only be the class. Where two levels could be the class, or a level above it says nothing known, there is
no sure reading and none is made.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import PurePosixPath
from typing import Final

from petmood.errors import some
from petmood.ingest.pattern import literal, option
from petmood.ingest.structure import Folder, Levels, enter, grow, levels_of
from petmood.ingest.words import (
    SPLIT_WORD,
    Kind,
    are_animals,
    is_container,
    is_mood,
    is_no_class,
    is_rest,
    kind_of,
    species_word,
    split_of,
)
from petmood.tables import same_name

MANY: Final = 20
FEW_IMAGES: Final = 5
"""More folders than `MANY` with fewer than `FEW_IMAGES` images each look like animals rather than classes."""

MOST_WORDS: Final = 6
"""So many words of a file's name are looked at for moods."""

NUMBERED: Final = 12
"""So many folders that are mere numbers may be classes."""

_DIRECT: Final = {Kind.SPLIT: "split", Kind.FOLD: "fold"}


@dataclass(frozen=True, slots=True)
class Inference:
    """What structure says.

    Attributes:
        pattern: the one sure layout; "" if there is none.
        unlabelled: the layout for whoever needs no classes: with splits, where they are all that is sure.
        problem: why there is none.
        options: the layouts (as options of the command line) between which a person can choose.
        mirrors: path of an image beside the data -> the one of the data that it must equal, for the layout to hold.
    """

    pattern: str = ""
    unlabelled: str = "*"
    problem: str = ""
    options: tuple[str, ...] = ()
    mirrors: Mapping[str, str] | None = None


def infer(names: Sequence[str], held: Mapping[str, int] | None = None) -> Inference:
    """Find the layout of a data set.

    Args:
        names: POSIX paths of its images.
        held: folder -> number of images in it, where `names` has only some of them.
    """
    files: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in names:
        folder, _, file = name.rpartition("/")
        files[tuple(folder.split("/")) if folder else ()].append(file)
    counts = {path: (held or {}).get("/".join(path), len(inside)) for path, inside in files.items()}
    root = enter(grow(counts))
    mirrored = _beside_its_mirror(root, files)
    if mirrored:
        return mirrored
    levels = levels_of(root)
    if not levels.depth:
        return _by_file_names(files, root, "")
    return _Reading(levels, files).infer()


class _Reading:
    """The layouts that the levels of one tree allow."""

    def __init__(self, levels: Levels, files: Mapping[tuple[str, ...], list[str]]) -> None:
        self._levels = levels
        self._files = files
        self._kinds = levels.kinds

    def infer(self) -> Inference:
        """The sure layout, or the question."""
        unsure = self._irregular() or self._doubt()
        if unsure:
            return Inference(problem=unsure, options=self._options())
        place = self._class_level()
        if place is None:
            return self._no_class()
        return Inference(self._pattern(self._roles(place)))

    def _irregular(self) -> str:
        levels = self._levels
        lost = [f for f in levels.beside if split_of(f.path[-1])]
        if lost:
            return f"the images of {some(_shown(f) for f in lost)} lie in no class folder, those beside it do"
        odd = [f for f in levels.ragged if not is_mood(f.path[-1]) and not is_rest(f.path[-1])]
        if odd and (self._kinds[-1] is Kind.MOOD or Kind.MOOD not in self._kinds):
            return f"{some(_shown(f) for f in odd)} hold folders where others beside them hold images"
        return ""

    def _doubt(self) -> str:
        """Why the class level, or one above it, is in doubt; "" if nothing is, or there is no class level at all."""
        levels, kinds = self._levels, self._kinds
        for fixed in (Kind.SPLIT, Kind.FOLD, Kind.MOOD):
            if kinds.count(fixed) > 1:
                return f"two levels of folders look like {_PLURAL[fixed]}"
        for k, kind in enumerate(kinds):
            if kind is Kind.COMBINED:
                combined = self._combined(k)
                return "" if combined else f"several of {some(levels.names[k])} name one split"
        if Kind.SPLIT in kinds and Kind.FOLD in kinds:
            return "there are splits and folds, so that each image may stand in several of them"
        place = self._class_level()
        if place is None:
            candidates = [k for k in range(levels.depth) if self._may_be_class(k)]
            return self._two_levels(candidates) if len(candidates) > 1 else self._unclear(candidates)
        return self._doubt_above(place) or self._doubt_of(place)

    def _two_levels(self, candidates: Sequence[int]) -> str:
        first, second = candidates[:2]
        names = self._levels.names
        return f"either {some(names[first])} or {some(names[second])} may be the classes"

    def _unclear(self, candidates: Sequence[int]) -> str:
        if candidates:
            return f"{some(self._levels.names[candidates[0]])} may be classes, or animals, or nothing of the kind"
        return ""

    def _doubt_above(self, place: int) -> str:
        names = self._levels.names
        for k in range(place):
            kind = self._kinds[k]
            if kind is Kind.MIXED:
                return f"only some of {some(names[k])} are known names of splits or folds"
            known = kind in (Kind.SPLIT, Kind.FOLD, Kind.ONE)
            animals = kind is Kind.SUBJECT and are_animals(names[k])
            named = (animals or kind is Kind.SPECIES) and self._kinds[place] is Kind.MOOD
            if not known and not named and Kind.SPLIT in self._kinds[k + 1 : place]:
                return f"it holds {len(names[k])} data sets ({some(names[k])}), each with splits"
            if not known and not named:
                return f"{some(names[k])} stand above the class folders {some(names[place])}, and may mean anything"
        return ""

    def _doubt_of(self, place: int) -> str:
        levels, kind = self._levels, self._kinds[place]
        names = levels.names[place]
        strange = [name for name in names if is_no_class(name)]
        if strange:
            return f"{some(strange)} stands among the classes {some(names)}, but hardly for one"
        if kind is Kind.MOOD:
            pairs = {(species_word(name), *_mood_words(name)) for name in names if species_word(name)}
            if len({pair[0] for pair in pairs}) > 1 and len({pair[1:] for pair in pairs}) < len(pairs):
                return f"{some(names)} tell species and mood in one name"
            return ""
        for k, outer in enumerate(self._kinds):
            if outer in (Kind.SPLIT, Kind.FOLD) and k < place and not levels.crossed(place, k):
                return f"the folders below {some(levels.names[k])} have few names in common"
            if k > place and outer in (Kind.OTHER, Kind.SERIAL, Kind.NUMBER, Kind.MIXED):
                return self._two_levels((place, k))
        total = sum(f.total for f in levels.at[place])
        if len(names) > MANY and total < FEW_IMAGES * len(names):
            return f"{len(names)} folders with few images each ({some(names)}) may be animals"
        return ""

    def _may_be_class(self, k: int) -> bool:
        return self._kinds[k] not in (Kind.SPLIT, Kind.FOLD, Kind.ONE, Kind.COMBINED)

    def _class_level(self) -> int | None:
        """The one level that can be the class; None if there is none, or more than one."""
        kinds = self._kinds
        for wanted in ((Kind.MOOD,), (Kind.OTHER, Kind.SPECIES)):
            found = [k for k, kind in enumerate(kinds) if kind in wanted]
            if len(found) == 1:
                return found[0]
            if found:
                return None
        if any(kind in (Kind.SERIAL, Kind.MIXED) for kind in kinds):
            return None
        numbers = [k for k, kind in enumerate(kinds) if kind is Kind.NUMBER]
        if len(numbers) == 1 and len(self._levels.names[numbers[0]]) <= NUMBERED:
            return numbers[0]
        alone = [k for k, kind in enumerate(kinds) if kind is Kind.ONE and not is_container(self._levels.names[k][0])]
        if not numbers and Kind.SUBJECT not in kinds and alone and not self._combined_level():
            return alone[-1]
        return None

    def _combined_level(self) -> bool:
        return Kind.COMBINED in self._kinds

    def _roles(self, place: int) -> list[str]:
        roles = [_DIRECT.get(kind, "") for kind in self._kinds]
        roles[place] = "class"
        if self._kinds[place] is Kind.MOOD:
            for k, kind in enumerate(self._kinds):
                if kind is Kind.SPECIES:
                    roles[k] = "species"
                elif kind is Kind.SUBJECT and k < place:
                    roles[k] = "animal"
        return roles

    def _pattern(self, roles: Sequence[str], literals: Mapping[int, str] | None = None) -> str:
        parts = [literal(name) for name in self._levels.root.path]
        last = max((k for k, role in enumerate(roles) if role), default=-1)
        for k in range(last + 1):
            if roles[k]:
                parts.append(f"{{{roles[k]}}}")
            elif self._kinds[k] is Kind.ONE:
                parts.append(literal(self._levels.names[k][0]))
            elif literals and k in literals:
                parts.append(literal(literals[k]))
            else:
                parts.append("*")
        return "/".join([*parts, "*"])

    def _told_together(self, names: Sequence[str]) -> str:
        """`{species}_{class}` where each name tells both, cut by one sign; else ""."""
        for joint in ("_", "-", " ", "."):
            parts = [name.split(joint) for name in names]
            if all(len(part) == 2 for part in parts):
                for first, second, text in ((0, 1, "{species}%s{class}"), (1, 0, "{class}%s{species}")):
                    if all(species_word(part[first]) and is_mood(part[second]) for part in parts):
                        return text % joint
        return ""

    def _combined(self, k: int) -> str:
        """`{split}_{class}` where each name of a level, the only one that says anything, is made so; else ""."""
        if any(kind is not Kind.ONE for i, kind in enumerate(self._kinds) if i != k):
            return ""
        names = [f.path[-1] for f in self._levels.at[k]]
        for joint in ("_", "-", " ", "."):
            for order, before in (("split", True), ("class", False)):
                pairs = [_apart(name, joint, before) for name in names]
                if all(pairs):
                    rests: dict[str, set[str]] = defaultdict(set)
                    for split, rest in filter(None, pairs):
                        rests[split].add(same_name(rest))
                    largest = max(rests.values(), key=len)
                    if len(largest) > 1 and all(rest <= largest for rest in rests.values()) and len(rests) > 1:
                        other = "class" if order == "split" else "split"
                        return f"{{{order}}}{joint}{{{other}}}"
        return ""

    def _no_class(self) -> Inference:
        levels = self._levels
        for k, kind in enumerate(self._kinds):
            if kind is Kind.COMBINED and self._combined(k):
                parts = [literal(name) for name in levels.root.path]
                parts += ["*"] * k + [self._combined(k), "*"]
                return Inference("/".join(parts))
        split = [k for k, kind in enumerate(self._kinds) if kind is Kind.SPLIT]
        prefix = self._pattern([_DIRECT.get(kind, "") for kind in self._kinds]).removesuffix("*")
        named = _by_file_names(self._files, levels.root, prefix)
        if named.pattern or not split:
            return named
        shown = some(levels.names[split[0]])
        return Inference(
            unlabelled=f"{prefix}*",
            problem=f"{shown} are splits, but hold no class folders",
            options=(*named.options, *self._options()),
        )

    def _options(self) -> tuple[str, ...]:
        """Options of the command line for the readings that a person may mean, likely ones first."""
        kinds, levels = self._kinds, self._levels
        fixed = [_DIRECT.get(kind, "") for kind in kinds]
        if Kind.SPLIT in kinds and Kind.FOLD in kinds:
            fixed = [role if role == "split" else "" for role in fixed]
        fixed = [role if role not in fixed[:k] else "" for k, role in enumerate(fixed)]
        found: list[tuple[str, str]] = []  # a layout, and what else is to be said
        meanings = [""]
        order = (Kind.MOOD, Kind.OTHER, Kind.SPECIES, Kind.NUMBER, Kind.SERIAL, Kind.MIXED, Kind.SUBJECT)
        places = sorted((k for k in range(levels.depth) if self._may_be_class(k)), key=lambda k: order.index(kinds[k]))
        if any(kinds[k] is Kind.MOOD for k in places):
            places = [k for k in places if kinds[k] is Kind.MOOD]
        for k, kind in enumerate(kinds):
            if kind is Kind.COMBINED and any(place > k for place in places) and "split" not in fixed:
                fixed[k] = "split"  # several parts of one split, as an archive in pieces leaves them
            if kind is Kind.MIXED and any(map(split_of, levels.names[k])) and k != (places or [k])[0]:
                fixed = [role if role != "split" else "" for role in fixed]
                fixed[k] = "split"
                meanings = self._meanings(k)
        for place in places:
            roles = list(fixed)
            roles[place] = "class"
            above = [k for k in range(place) if not roles[k] and kinds[k] is not Kind.ONE]
            variants = [roles]
            strange = "".join(f" {option('exclude', name)}" for name in levels.names[place] if is_no_class(name))
            says = [strange, ""] if strange else meanings
            if above and Kind.SPLIT in kinds[above[0] + 1 : place]:
                found += [(self._pattern(roles, {above[0]: name}), "") for name in levels.names[above[0]][:2]]
            elif above and len(places) == 1:
                # of two unknown names one may be that of train, neither is likely to be a fold
                pair = len(levels.names[above[-1]]) == 2 and "split" not in roles
                variants += [_with(roles, above[-1], "animal")]
                variants += [] if pair or "fold" in roles else [_with(roles, above[-1], "fold")]
            elif above and kinds[above[-1]] is Kind.SPECIES and "species" not in roles:
                variants = [_with(roles, above[-1], "species")]
            found += [(self._pattern(variant), more) for variant in variants for more in says]
            if above and len(places) == 1 and len(levels.names[above[-1]]) == 2 and "split" not in roles:
                found.append((self._pattern(_with(roles, above[-1], "split")), self._meanings(above[-1])[0]))
            told = self._told_together(levels.names[place])
            found += [(self._pattern(roles).replace("{class}", told), "")] if told else []
        for k, kind in enumerate(kinds):
            if kind is Kind.COMBINED and fixed[k] != "split":
                parts = ("{split}_{class}", "{class}_{split}", "{class}")
                found += [("/".join([*["*"] * k, part, "*"]), "") for part in parts]
        if not found:
            below = self._pattern(fixed).removesuffix("*") + "{class}/*"
            found = [(self._pattern(_with([""] * levels.depth, levels.depth - 1, "class")), ""), (below, "")]
        return tuple(dict.fromkeys(option("layout", pattern) + more for pattern, more in found))

    def _meanings(self, k: int) -> list[str]:
        """What the unknown names of a level of splits may mean, as options, likely ones first."""
        sizes = Counter[str]()
        for folder in self._levels.at[k]:
            sizes[folder.path[-1]] += folder.total
        known = set(map(split_of, sizes)) - {""}
        unknown = [name for name, _ in sizes.most_common() if not split_of(name)]
        missing = [split for split in ("train", "test", "valid") if split not in known]
        found = [
            [f"{name}={split}" for name, split in zip(unknown, some, strict=True)]
            for some in permutations(missing, len(unknown))
            if "train" in known or "train" in some
        ]
        rest = [[f"{name}=" for name in unknown]] if "train" in known else []
        return [f" {option('splits', ','.join(pairs))}" for pairs in (*rest, *found)]


_PLURAL: Final = {Kind.SPLIT: "splits", Kind.FOLD: "folds", Kind.MOOD: "moods"}


def _with(roles: Sequence[str], k: int, role: str) -> list[str]:
    return [*roles[:k], role, *roles[k + 1 :]]


def _mood_words(name: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\W_]+", name.casefold()) if is_mood(word))


def _apart(name: str, joint: str, before: bool) -> tuple[str, str] | None:
    """(split, rest) of `train_happy` (split before) or `happy_train`, cut where the split's own words end."""
    words = name.split(joint)
    cuts = range(len(words) - 1, 0, -1) if before else range(1, len(words))
    for cut in cuts:
        head, tail = joint.join(words[:cut]), joint.join(words[cut:])
        mine, rest = (head, tail) if before else (tail, head)
        if split_of(mine) and not split_of(rest) and _bare(mine):
            return split_of(mine), rest
    return None


def _bare(name: str) -> bool:
    return re.fullmatch(SPLIT_WORD, name, re.IGNORECASE) is not None


def _beside_its_mirror(root: Folder, files: Mapping[tuple[str, ...], list[str]]) -> Inference | None:
    """A data set with splits in one folder, and beside it folders that repeat its classes, file by file.

    So is the archive of the Kaggle set. That the files are equal too is for the reader to check.
    """
    if len(root.children) < 3 or root.direct > LOOSE_BESIDE * root.total:
        return None
    for child in root.children.values():
        others = [folder for folder in root.children.values() if folder is not child]
        inner = levels_of(enter(child))
        if Kind.SPLIT not in inner.kinds or any(folder.children for folder in others):
            continue
        reading = _Reading(inner, files)
        found = reading.infer()
        place = reading._class_level()
        if not found.pattern or place is None:
            continue
        base = len(inner.root.path)
        originals: dict[tuple[str, str], str] = {}
        for folder in child.walk():
            if len(folder.path) > base + place:
                name = same_name(folder.path[base + place])
                for file in files.get(folder.path, ()):
                    key = (name, file)
                    if key not in originals or _in_train(folder.path):
                        originals[key] = "/".join((*folder.path, file))
        mirrors = {}
        for folder in others:
            for file in files.get(folder.path, ()):
                mirrors["/".join((*folder.path, file))] = originals.get((same_name(folder.path[-1]), file), "")
        if mirrors and all(mirrors.values()):
            return Inference(found.pattern, mirrors=mirrors)
    return None


LOOSE_BESIDE: Final = 0.02


def _in_train(path: tuple[str, ...]) -> bool:
    return any(split_of(part) == "train" for part in path)


def _by_file_names(files: Mapping[tuple[str, ...], list[str]], root: Folder, prefix: str) -> Inference:
    """Classes in the names of files: `happy_001.jpg`, `cat_001_happy.jpg`.

    Sure only where the words in one place are moods, cut off by one sign, and those in no other place are.
    """
    stems = [
        PurePosixPath(file).stem
        for path, inside in files.items()
        if path[: len(root.path)] == root.path
        for file in inside
    ]
    start = prefix or "".join(f"{literal(name)}/" for name in root.path)
    sure: list[str] = []
    options: list[str] = []
    for joint in ("_", "-", ".", " "):
        parts = [stem.split(joint) for stem in stems]
        lengths = {len(part) for part in parts}
        # a word that is not the first can be told from others where all names have as many
        for place in range(max(lengths) if len(lengths) == 1 and max(lengths) <= MOST_WORDS else 1):
            words = Counter(part[place] for part in parts if len(part) > 1)
            often = [word for word, n in words.items() if n > 1]
            if not 2 <= len(often) <= MANY or sum(words[word] for word in often) < 0.95 * len(stems):
                continue
            if any(word[-1:].isdigit() for word in often):
                continue
            moods = kind_of(often) is Kind.MOOD and all(is_mood(word) or is_rest(word) for word in often)
            roles = ["*"] * (place + 1 if place else 1) + ["*"] * (max(lengths) - place - 1 if place else 1)
            roles[place] = "{class}"
            for k in range(len(roles) if len(lengths) == 1 and len(roles) == max(lengths) else 0):
                if k != place and all(species_word(part[k]) for part in parts) and len({part[k] for part in parts}) > 1:
                    roles[k] = "{species}"
            pattern = start + joint.join(roles) + ("" if roles[-1] == "*" else ".*")
            if moods and sum(words[word] for word in often) == len(stems):
                sure.append(pattern)
            if moods or not place:
                options.append(option("layout", pattern))
    if len(sure) == 1:
        return Inference(sure[0])
    return Inference(problem="no class folders found", options=tuple(options))


def _shown(folder: Folder) -> str:
    return "/".join(folder.path) or "."
