"""What the data is: counts by file and by photo, sizes, samples, preparation, warnings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from petmood.results.base import Fact


class ClassCount(Fact):
    """Files and distinct photos of one class in one split."""

    images: int
    photos: int


class SplitFacts(Fact):
    """One split: its files, the photos they come from, and both by class (in class order)."""

    images: int
    photos: int
    by_class: dict[str, ClassCount]


class Skipped(Fact):
    """A file that was found but not accepted (path relative to the data), and why."""

    path: str
    reason: str


class SizeCount(Fact):
    """How many images of one class and split have one size in pixels."""

    split: str
    class_name: str
    width: int
    height: int
    count: int


class Sample(Fact):
    """An image shown in the report's sample grid."""

    path: str
    class_name: str
    split: str


class PrepareFacts(Fact):
    """What preparation does to every image, and to how many it had to be done."""

    size: int
    resample: Literal["lanczos"]
    colour: Literal["RGB"]
    value_range: tuple[float, float]
    resized: int
    converted_to_rgb: int
    reoriented: int


class Warn(Fact):
    """Something a reader must know before trusting a figure; `petmood.report.cautions` has it in words.

    `values` are what it says, by name; `said` among them is what the reader of the data, or an error, said.
    """

    code: str
    values: dict[str, int | float | str | dict[str, int]] = Field(default_factory=dict)


class DatasetFacts(Fact):
    """What the data is: accepted + rejected + ignored = found."""

    name: str
    layout: str
    found: int
    images: int
    photos: int
    derived: int
    classes: tuple[str, ...]
    splits: dict[str, SplitFacts]
    official_splits: bool
    family_source: str
    largest_family: int
    rejected: tuple[Skipped, ...]
    ignored: tuple[Skipped, ...]
    sizes: tuple[SizeCount, ...]
    samples: tuple[Sample, ...]
    prepare: PrepareFacts
    warnings: tuple[Warn, ...]


class DuplicateCount(Fact):
    """Pairs of files of one photo. An image of test counts as copied if train has the photo.

    Of near duplicates, images of test that have an exact copy in train too are not counted again.
    """

    within_split_pairs: int
    across_split_pairs: int
    images_in_test_copied_from_train: int


class Duplicates(Fact):
    """Exact: equal bytes. Near: the same photo in other bytes."""

    exact: DuplicateCount
    near: DuplicateCount


class LabelConflict(Fact):
    """One photo under more than one label."""

    photo: str
    labels: tuple[str, ...]
    paths: tuple[str, ...]


class CopyPair(Fact):
    """Two files of one photo in different splits."""

    path_a: str
    path_b: str
    split_a: str
    split_b: str
    kind: Literal["exact", "near"]
