"""What was planted in a demo set: records of every file, and their reading from and writing to `truth.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from petmood.errors import DataError

SCHEMA = 1
"""Version of the layout of truth.json."""
GENERATOR = 2
"""Version of the drawings: raised whenever the same seed gives other files."""
TRUTH_NAME, DATA_NAME = "truth.json", "data"

Kind = Literal["photo", "augmented", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Transform:
    """How an augmented copy was made from its photo, in the order of the fields.

    Attributes:
        flip: mirrored left to right.
        rotate: degrees counterclockwise; the corners that come to lie outside are cut away.
        crop: (left, top, right, bottom) as fractions of what is left, or None.
        size: width and height of the copy in pixels.
        brightness: factor on all pixels; 1 leaves them.
    """

    flip: bool
    rotate: float
    crop: tuple[float, float, float, float] | None
    size: int
    brightness: float


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One readable image of a demo set.

    Attributes:
        path: POSIX path relative to the data folder.
        sha256: hexadecimal digest of the file's bytes.
        kind: "photo"; "augmented" (an offline copy); "duplicate" (a photo's bytes under a second name); "conflict"
            (a photo's bytes under a second name and another label).
        split: "train", "valid" or "test".
        label: the class folder in which it lies.
        mood: the mood that was drawn: `label` is wrong where it differs.
        species: the animal that was drawn.
        family: identifier shared by a photo and everything made from it.
        parent: path of the photo from which the file was made, or None for a photo.
        transform: for an augmented copy how it was made, else None.
        variant: kind of face within the mood, e.g. "grin".
        scene: kind of background.
        strength: 0 to 1, how clearly the mood was drawn.
    """

    path: str
    sha256: str
    kind: Kind
    split: str
    label: str
    mood: str
    species: str
    family: str
    parent: str | None
    transform: Transform | None
    variant: str
    scene: str
    strength: float


@dataclass(frozen=True, slots=True)
class PlantedFile:
    """A file that is not an image of the set (path relative to the data folder), and what is the matter with it."""

    path: str
    reason: str


@dataclass(frozen=True)
class DemoTruth:
    """The ground truth of a demo set; `len(files) + len(rejected) + len(ignored) == found`.

    Attributes:
        schema: version of this layout.
        generator: version of the drawings.
        seed, size: what the set was made from.
        photos_per_class: photos drawn of each mood.
        classes: folder names, which are the moods.
        species: names of the animals.
        found: number of files in the data folder.
        images: number of readable images.
        photos: number of families, that is of different drawings.
        derived: `images - photos`.
        files: the readable images, ordered by path.
        rejected: broken images.
        ignored: files that are no images.
        wrong_labels: paths of the photos whose label is wrong; their augmented copies inherit the label.
        exact_duplicates: pairs of paths in one class with the same bytes.
        conflicting_labels: pairs of paths in two classes with the same bytes.
        species_by_mood: photos of each mood by species: the planted imbalance.
        root: the demo set's folder on this machine (not part of the file).
    """

    schema: int
    generator: int
    seed: int
    size: int
    photos_per_class: Mapping[str, int]
    classes: tuple[str, ...]
    species: tuple[str, ...]
    found: int
    images: int
    photos: int
    derived: int
    files: tuple[DemoFile, ...]
    rejected: tuple[PlantedFile, ...]
    ignored: tuple[PlantedFile, ...]
    wrong_labels: tuple[str, ...]
    exact_duplicates: tuple[tuple[str, str], ...]
    conflicting_labels: tuple[tuple[str, str], ...]
    species_by_mood: Mapping[str, Mapping[str, int]]
    root: Path = field(compare=False)

    @property
    def data(self) -> Path:
        """The folder to give to `petmood run`."""
        return self.root / DATA_NAME

    @property
    def path(self) -> Path:
        """The file that holds this truth."""
        return self.root / TRUTH_NAME


def truth_json(truth: DemoTruth) -> str:
    """The text of truth.json: the same for the same set, wherever it lies."""
    facts = asdict(truth)
    del facts["root"]
    return json.dumps(facts, ensure_ascii=False, indent=1) + "\n"


def read_truth(root: Path) -> DemoTruth:
    """Read the truth of the demo set in the folder `root`.

    Raises:
        DataError: there is none, or it is not one that this version wrote.
    """
    path = root / TRUTH_NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        found = facts["schema"]
        if found != SCHEMA:
            raise DataError(
                f"{path} has schema {found}, this petmood reads {SCHEMA}. Make the set anew with petmood demo-data."
            )
        return TypeAdapter(DemoTruth).validate_python({**facts, "root": root}, strict=False)
    except (OSError, ValueError, TypeError, KeyError, ValidationError) as error:
        raise DataError(
            f"{path} is not the truth of a demo set ({type(error).__name__}). Write one with petmood demo-data OUT."
        ) from error
