"""Photos that are much alike without being copies -> groups that may show one animal, offered with their evidence.

Nothing here joins anything: which animal a photo shows is for a person to say, in groups.csv. What it would change,
folds grouped by photo and folds grouped by animal side by side show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

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


def as_groups(groups: Iterable[AnimalGroup]) -> list[tuple[str, str]]:
    """Rows of groups.csv (path, group) that accept some groups; `apply_groups` then keeps each animal in one fold."""
    return [(path, f"animal {i}") for i, group in enumerate(groups, start=1) for path in group.photos]
