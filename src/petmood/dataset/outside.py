"""Another data set -> rows for training folds: classes mapped, whatever shows a photo of our own data left out.

What shows one of our photos is found by the search for copies itself: cropped, mirrored, covered or saved anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.config import ReadOptions, outside_options
from petmood.dataset.dataset import Dataset
from petmood.dataset.opening import open_dataset
from petmood.errors import ConfigError, DataError
from petmood.families.join import Union
from petmood.families.links import find_links
from petmood.pictures import JoinedPictures
from petmood.progress import Progress
from petmood.records import Manifest
from petmood.tables import same_name


@dataclass(frozen=True)
class Outside:
    """An outside data set, open.

    Attributes:
        data: its images that may be used.
        labels: (n,) str: their classes in the names of the data set that is evaluated; "" without labels.
        left_out: images left out because they show a photo of it, by path.
    """

    data: Dataset
    labels: NDArray[np.str_]
    left_out: tuple[str, ...]


def parse_map(pairs: Sequence[str], option: str = "--map") -> dict[str, str]:
    """`["relaxed=Other"]` -> {"relaxed": "Other"}.

    Raises:
        ConfigError: a pair without "=".
    """
    found = {}
    for pair in pairs:
        theirs, sign, ours = pair.partition("=")
        if not sign or not theirs or not ours:
            wanted = "NAME=BACKBONE, e.g. outside=onnx:FILE" if option == "--use" else "THEIRS=OURS, e.g. relaxed=Other"
            raise ConfigError(f"{option} is '{pair}'; give {wanted}.")
        found[theirs] = ours
    return found


def open_outside(
    path: Path,
    mapping: Mapping[str, str] | None,
    ours: Dataset,
    progress: Progress | None = None,
    *,
    families: str = "names",
) -> Outside:
    """Read an outside data set and leave out all that shows a photo of the evaluated one.

    Args:
        path: folder or .zip with class folders.
        mapping: its class names -> ours; a name that differs in case alone needs no entry. None keeps its own names.
        ours: the data set that is evaluated: every image of it counts, whatever its split.
        progress: where to show it.
        families: how its families are found; what only joins training folds needs no look at its own copies.

    Raises:
        ConfigError: a class that is neither ours nor mapped to one of ours.
        DataError: nothing is left.
    """
    try:
        theirs = open_dataset(path, families=families, splits=False, options=outside_options(), progress=progress)
    except DataError as error:
        # what a question about these data offers is an option of theirs
        raise DataError(re.sub(r"--(?=(layout|table|columns)\b)", "--outside-", str(error))) from error
    names = (
        {name: name for name in theirs.classes}
        if mapping is None
        else class_map(theirs.manifest, mapping, ours.classes, path)
    )
    used, left = _without_ours(path, theirs, ours)
    return Outside(used, np.array([names[r.class_name] for r in used.records]), left)


def open_unlabelled(path: Path, ours: Dataset, progress: Progress | None = None) -> Outside:
    """Read a folder of images whatever labels it has, and leave out all that shows an evaluated photo.

    Args as for `open_outside`; the labels of what is returned are empty.

    Raises:
        DataError: there are no images, or nothing is left.
    """
    theirs = open_dataset(
        path, families="names", labelled=False, splits=False, options=ReadOptions(), progress=progress
    )
    used, left = _without_ours(path, theirs, ours)
    return Outside(used, np.full(len(used), ""), left)


def _without_ours(path: Path, theirs: Dataset, ours: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """What of an outside set shows no photo of ours; and the paths of what does."""
    shared = shared_photos(theirs, ours)
    if shared.all():
        raise DataError(f"every image of {path} is also in the data to be evaluated; outside images must be others.")
    left = tuple(theirs.records[i].path for i in np.flatnonzero(shared))
    return theirs.subset(np.flatnonzero(~shared)), left


def shared_photos(theirs: Dataset, ours: Dataset) -> NDArray[np.bool_]:
    """(len(theirs),) bool: which images show a photo that is in `ours`, by bytes, names' families and pixels."""
    sets = (theirs, ours)
    records = [replace(r, path=f"{i}/{r.path}") for i, data in enumerate(sets) for r in data.records]
    with theirs.timed.stage("outside", "Looking for shared photos") as tick:
        links = find_links(records, JoinedPictures([data.pictures for data in sets]), theirs.cache, tick)
    number = {sha: i for i, sha in enumerate(dict.fromkeys(record.sha256 for record in records))}
    union = Union(len(number))
    for link in links.same:
        union.join(number[link.first], number[link.second])
    own = {union.find(number[record.sha256]) for record in ours.records}
    families = {record.family for record in theirs.records if union.find(number[record.sha256]) in own}
    return np.array([record.family in families for record in theirs.records], dtype=np.bool_)


def class_map(found: Manifest, mapping: Mapping[str, str], ours: tuple[str, ...], path: Path) -> dict[str, str]:
    """Their class names -> ours.

    Raises:
        ConfigError: a class that is neither ours nor mapped to one of ours.
    """
    known = {same_name(name): name for name in ours}
    wanted = {same_name(theirs): own for theirs, own in mapping.items()}
    names = {}
    for theirs in found.classes:
        target = known.get(same_name(wanted.get(same_name(theirs), theirs)))
        if target is None:
            raise ConfigError(
                f"class '{theirs}' of {path.name} is none of {', '.join(ours)}. Map it, e.g. "
                f"--map {shlex.quote(f'{theirs}={ours[0]}')}."
            )
        names[theirs] = target
    return names
