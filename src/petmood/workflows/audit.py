"""`petmood audit`: a folder or zip -> whether figures on it can be trusted: copies, leaks, labels, shortcuts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.audit.measures import BORDER, COLOUR, LIGHT, file_measures, measures
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.shortcuts import check_shortcuts
from petmood.families.duplicates import MAX_COPIES, conflicting_labels, copies_across_splits, count_duplicates
from petmood.families.links import PixelLinks
from petmood.progress import Progress, Silent, Tick, Timed
from petmood.records import Manifest
from petmood.results import (
    AlikePair,
    AuditFacts,
    ClassCount,
    Duplicates,
    FamilyFacts,
    FamilySplit,
    Shortcut,
    Warn,
)
from petmood.sources import Source, open_source
from petmood.split import straddling_families
from petmood.workflows.facts import dataset_facts
from petmood.workflows.families import Ingested, ingest
from petmood.workflows.photos import fewest_folds

MAX_ALIKE = 50
"""Pairs of look-alikes that are listed."""


def audit(
    data: Path, settings: RunSettings, progress: Progress | None = None, *, groups: Path | None = None
) -> AuditFacts:
    """Audit a data set as it came: its splits are judged, not made.

    Args:
        data: folder or .zip of labelled images.
        settings: how families are found; seed and folds of the shortcut check.
        progress: where to show it.
        groups: groups.csv whose groups replace the families found, if given.

    Raises:
        PetmoodError: anything the user can mend. A leak is none: it is what an audit is for.
    """
    timed = Timed(progress or Silent())
    with open_source(data) as source:
        cache = ContentCache()
        ingested = ingest(source, cache, timed, mode=settings.families, groups=groups)
        with timed.stage("audit", "Auditing the data set") as tick:
            return audit_facts(source, ingested, ingested.manifest, settings, cache, tick)


def audit_facts(
    source: Source,
    ingested: Ingested,
    manifest: Manifest,
    settings: RunSettings,
    cache: ContentCache,
    tick: Tick | None = None,
) -> AuditFacts:
    """The audit of a data set whose families are known.

    Args:
        source: its bytes.
        ingested: how its families were found.
        manifest: its records, with splits as they came or made.
        settings: seed and folds of the shortcut check.
        cache: keeps measures by content and the check by data.
        tick: called with (images measured, images).
    """
    dataset = dataset_facts(manifest, settings)
    duplicates = count_duplicates(manifest)
    shortcuts = _shortcuts(source, manifest, settings, cache, tick)
    straddling = tuple(straddling_families(manifest))
    alike = tuple(_alike(ingested.links, manifest))
    present = set(manifest.split_names())
    known = tuple(
        warning
        for warning in dataset.warnings
        if (warning.code != "made-splits" or present)
        and warning.code.removeprefix("small-") in {*present, warning.code}
    )
    return AuditFacts(
        images=len(manifest),
        photos=manifest.n_photos,
        classes=_classes(manifest),
        splits=dataset.splits,
        families=_families(manifest),
        duplicates=duplicates,
        conflicting_labels=conflicting_labels(manifest),
        rejected=dataset.rejected,
        ignored=dataset.ignored,
        warnings=(*known, *_warnings(duplicates, straddling, alike, shortcuts)),
        family_source=manifest.family_source,
        straddling=straddling,
        copies=tuple(islice(copies_across_splits(manifest), MAX_COPIES)),
        alike=alike,
        shortcuts=shortcuts,
    )


def _classes(manifest: Manifest) -> dict[str, ClassCount]:
    found = {}
    for name in manifest.classes:
        rows = [r for r in manifest.records if r.class_name == name]
        found[name] = ClassCount(images=len(rows), photos=len({r.family for r in rows}))
    return found


def _families(manifest: Manifest) -> FamilyFacts:
    derived = Counter(r.split for r in manifest.records if r.derived)
    by_split = {
        split: FamilySplit(
            photos=len({manifest.records[i].family for i in manifest.in_split(split)}), derived=derived[split]
        )
        for split in manifest.split_names()
    }
    return FamilyFacts(photos=manifest.n_photos, derived=derived.total(), by_split=by_split)


def _alike(links: PixelLinks, manifest: Manifest) -> Iterator[AlikePair]:
    """One pair for each two families that are much alike, the most alike first."""
    first = {record.sha256: record for record in reversed(manifest.records)}
    photo = {manifest.records[i].family: manifest.records[i].path for i in manifest.photo_index}
    seen: set[frozenset[str]] = set()
    for link in sorted(links.alike, key=lambda x: (-x.verdict.inliers, x.first, x.second)):
        if link.first not in first or link.second not in first:
            continue
        families = frozenset((first[link.first].family, first[link.second].family))
        if len(families) == 2 and families not in seen and len(seen) < MAX_ALIKE:
            seen.add(families)
            a, b = sorted(photo[family] for family in families)
            yield AlikePair(path_a=a, path_b=b, features=link.verdict.inliers)


def _shortcuts(
    source: Source, manifest: Manifest, settings: RunSettings, cache: ContentCache, tick: Tick | None
) -> tuple[Shortcut, ...]:
    photos = Counter(manifest.records[i].class_name for i in manifest.photo_index)
    if min(photos.values()) < 2 or len(photos) < len(manifest.classes):
        return ()
    pixels = measures(manifest.records, source, cache, tick)
    folds = fewest_folds(manifest, settings.folds)
    properties: dict[str, NDArray[np.floating]] = {
        **file_measures(manifest.records),
        "brightness": pixels[:, LIGHT],
        "colour": pixels[:, COLOUR],
        "background": pixels[:, BORDER],
    }
    kept = cache.remember(
        "shortcuts/v1",
        [manifest.digest, folds, settings.seed],
        lambda: [
            fact.model_dump(mode="json")
            for fact in check_shortcuts(properties, manifest, folds=folds, seed=settings.seed)
        ],
    )
    return tuple(Shortcut.model_validate(fact) for fact in kept)


def _warnings(
    duplicates: Duplicates, straddling: tuple[str, ...], alike: tuple[AlikePair, ...], shortcuts: tuple[Shortcut, ...]
) -> Iterator[Warn]:
    if straddling:
        copied = duplicates.exact.images_in_test_copied_from_train + duplicates.near.images_in_test_copied_from_train
        yield Warn(
            code="leaking-splits",
            message=f"{len(straddling):,} {_photos(len(straddling))} in more than one split; {copied:,} test images "
            "are copies of training images. An accuracy on these splits counts memory as skill.",
        )
    if alike:
        yield Warn(
            code="much-alike",
            message=f"{len(alike):,} pairs of photos are much alike without being copies, e.g. one animal twice: "
            f"{alike[0].path_a} and {alike[0].path_b}. They count as different photos.",
        )
    for shortcut in shortcuts:
        if shortcut.verdict == "predicts":
            low, high = shortcut.accuracy_ci
            yield Warn(
                code=f"shortcut-{shortcut.name}",
                message=f"{shortcut.name.capitalize()} alone ({shortcut.text}) predicts the class of "
                f"{100 * shortcut.accuracy:.1f} % of {shortcut.n:,} photos ({100 * low:.1f} to {100 * high:.1f} %), "
                f"the commonest class {100 * shortcut.majority:.1f} %: a model can do as well without seeing a face.",
            )


def _photos(n: int) -> str:
    return "photo stands" if n == 1 else "photos stand"
