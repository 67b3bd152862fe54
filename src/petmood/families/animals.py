"""Photos that are much alike without being copies -> groups that may show one animal, offered with their evidence.

Nothing here joins anything: which animal a photo shows is for a person to say, by `--group-by FILE.csv`. What that
changes shows in the accuracy with photos and with animals kept apart, side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from petmood.escaping import csv_text
from petmood.families.join import Union
from petmood.families.links import Link
from petmood.records import ImageRecord, Manifest


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two photos may show one animal.

    Attributes:
        first, second: paths of the two files, `first` < `second`.
        features: local features, of fur, eyes or surroundings, that lie alike in both.
        likeness: correlation of detail where one lies on the other, in [0, 1]; a copy would be nearer to 1.
    """

    first: str
    second: str
    features: int
    likeness: float


@dataclass(frozen=True, slots=True)
class AnimalGroup:
    """Photos that may show one animal.

    Attributes:
        photos: path of each photo, one a family, sorted; at least two.
        labels: classes that they stand under, sorted.
        evidence: the pairs that speak for it, strongest first.
    """

    photos: tuple[str, ...]
    labels: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def candidate_animals(manifest: Manifest, alike: Iterable[Link]) -> tuple[AnimalGroup, ...]:
    """Groups of photos that may show one animal, the best founded first.

    Args:
        manifest: with its families.
        alike: links between different photos of much the same, of `find_links`. Those within a family say nothing.
    """
    by_digest: dict[str, ImageRecord] = {record.sha256: record for record in reversed(manifest.records)}
    photos: dict[str, ImageRecord] = {}
    for record in manifest.records:
        if record.family not in photos or not record.derived:
            photos[record.family] = record
    families = sorted(photos)
    number = {family: i for i, family in enumerate(families)}
    union = Union(len(families))
    found: list[tuple[int, Evidence]] = []
    for link in alike:
        if link.first not in by_digest or link.second not in by_digest:
            continue
        a, b = sorted((by_digest[link.first], by_digest[link.second]), key=lambda record: record.path)
        if a.family == b.family:
            continue
        union.join(number[a.family], number[b.family])
        found.append((number[a.family], Evidence(a.path, b.path, link.verdict.inliers, abs(link.verdict.likeness))))
    evidence: dict[int, list[Evidence]] = defaultdict(list)
    for at, one in found:
        evidence[union.find(at)].append(one)
    groups = []
    for members in union.groups():
        if len(members) < 2:
            continue
        shown = [photos[families[i]] for i in members]
        why = sorted(evidence[union.find(members[0])], key=lambda e: (-e.features, e.first, e.second))
        labels = tuple(sorted({record.class_name for record in shown}))
        groups.append(AnimalGroup(tuple(sorted(record.path for record in shown)), labels, tuple(why)))
    return tuple(sorted(groups, key=lambda group: (-group.evidence[0].features, group.photos)))


COLUMNS: Final = ("path", "animal", "class", "beside", "features", "likeness")
"""Of the table that offers groups: `--group-by` reads the first two, the others say why."""


def animals_csv(manifest: Manifest, alike: Iterable[Link]) -> str:
    """The groups as CSV, a row a photo, beside which stands the photo that it is most like, with the evidence.

    A person removes the rows that are wrong and gives the rest to `--group-by`.
    """
    classes = {record.path: record.class_name for record in manifest.records}
    rows: list[tuple[str, ...]] = [COLUMNS]
    for number, group in enumerate(candidate_animals(manifest, alike), start=1):
        for path in group.photos:
            one = next((e for e in group.evidence if path in (e.first, e.second)), group.evidence[0])
            other = one.second if path == one.first else one.first
            rows.append((path, f"animal {number}", classes[path], other, str(one.features), f"{one.likeness:.2f}"))
    return csv_text(rows)
