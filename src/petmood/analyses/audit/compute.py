"""`petmood audit`: a folder or zip -> whether figures on it can be trusted: copies, leaks, labels, shortcuts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.audit.facts import AlikePair, AuditFacts, FamilyFacts, FamilySplit, Shortcut
from petmood.analyses.audit.quality import QualityTable, quality_facts, quality_table, write_quality
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_as
from petmood.dataset.figures import dataset_facts, identity_of
from petmood.dataset.models import PROPERTIES, majority, property_alone, property_values
from petmood.evaluation.protocols import grouped
from petmood.evaluation.statistics import mean_interval, tell_apart
from petmood.families.duplicates import MAX_COPIES, conflicting_labels, copies_across_splits, count_duplicates
from petmood.families.links import PixelLinks
from petmood.features.measures import quality_measures
from petmood.files import output_file
from petmood.progress import Progress
from petmood.records import Manifest
from petmood.results import ClassCount, Duplicates, Warn
from petmood.split import straddling_families

MAX_ALIKE = 50
"""Pairs of look-alikes that are listed."""


def audit(
    data: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    groups: Path | None = None,
    quality: Path | None = None,
) -> AuditFacts:
    """Audit a data set as it came: its splits are judged, not made.

    Args:
        data: folder or .zip of labelled images.
        settings: how families are found; seed and folds of the shortcut check.
        progress: where to show it.
        groups: groups.csv whose groups replace the families found, if given.
        quality: CSV to write the raw measures of each photo to, if given.

    Raises:
        PetmoodError: anything the user can fix. A leak is none: it is what an audit is for.
    """
    with (
        nullcontext() if quality is None else output_file(quality, [data, groups], option="--quality") as made,
        open_as(data, settings, progress, splits=False, groups=groups) as opened,
        opened.timed.stage("audit", "Auditing the data set"),
    ):
        facts = audit_facts(opened, settings)
        if made is not None:
            write_quality(made, photo_quality(opened))
        return facts


def audit_facts(data: Dataset, settings: RunSettings) -> AuditFacts:
    """The audit of an open data set, with splits as they came or made.

    Args:
        data: the data set.
        settings: seed and folds of the shortcut check.
    """
    manifest = data.manifest
    dataset = dataset_facts(manifest, settings)
    duplicates = count_duplicates(manifest)
    shortcuts = _shortcuts(data, settings)
    straddling = tuple(straddling_families(manifest))
    alike = tuple(_alike(data.links, manifest))
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
        quality=quality_facts(photo_quality(data)),
    )


def photo_quality(data: Dataset) -> QualityTable:
    """A row a photo: raw measures and what may be wrong with it; see `quality_table`."""
    photos, families = data.photos, data.manifest.family_index
    copies = np.bincount(families)[families[data.manifest.photo_index]] - 1
    measured = quality_measures(photos.records, photos.pictures, photos.cache)
    return quality_table(photos.manifest, measured, pet=_pets(photos), copies=copies)


def _pets(photos: Dataset) -> NDArray[np.float64] | None:
    """(n,) how sure an ImageNet head is to see a pet; None where there is none, or whose species it need not know."""
    told = photos.species
    if told is None or told.told_by != "head":
        return None
    return np.asarray(1 - told.probabilities[:, told.names.index("other")])


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


def _shortcuts(data: Dataset, settings: RunSettings) -> tuple[Shortcut, ...]:
    """How well each property that is no part of a face predicts the class of photos never seen."""
    manifest = data.manifest
    photos = Counter(manifest.records[i].class_name for i in manifest.photo_index)
    if min(photos.values()) < 2 or len(photos) < len(manifest.classes):
        return ()
    protocol = grouped(manifest, settings.folds, settings.seed)
    constant = data.predictions(majority(), protocol).hits(manifest)
    models = {name: property_alone(name, settings.seed) for name in PROPERTIES}
    hits = {
        name: data.predictions(model, protocol).hits(manifest)
        for name, model in models.items()
        if np.ptp(property_values(data.photos, name), axis=0).any()
    }
    # as many comparisons as properties that vary: they are corrected together
    gains = dict(zip(hits, tell_apart([(right, constant) for right in hits.values()]), strict=True))
    found = []
    for name in PROPERTIES:
        right = hits.get(name, constant)
        # where nothing varies, there is nothing but the constant answer
        low, high = gains[name].interval if name in gains else (0.0, 0.0)
        verdict: Literal["predicts", "unclear", "no"] = "predicts" if low > 0 else "unclear" if high > 0 else "no"
        found.append(
            Shortcut(
                name=name,
                n=len(right),
                accuracy=float(right.mean()),
                accuracy_ci=mean_interval(right),
                majority=float(constant.mean()),
                gain=gains[name].difference if name in gains else 0.0,
                gain_ci=(low, high),
                verdict=verdict,
                identity=identity_of(manifest, models[name].name, protocol),
            )
        )
    return tuple(found)


def _warnings(
    duplicates: Duplicates, straddling: tuple[str, ...], alike: tuple[AlikePair, ...], shortcuts: tuple[Shortcut, ...]
) -> Iterator[Warn]:
    if straddling:
        copied = duplicates.exact.images_in_test_copied_from_train + duplicates.near.images_in_test_copied_from_train
        yield Warn(code="leaking-splits", values={"photos": len(straddling), "copied": copied})
    if alike:
        first = alike[0]
        yield Warn(code="much-alike", values={"pairs": len(alike), "path_a": first.path_a, "path_b": first.path_b})
    for s in shortcuts:
        if s.verdict == "predicts":
            low, high = s.accuracy_ci
            yield Warn(
                code=f"shortcut-{s.name}",
                values={"right": s.accuracy, "low": low, "high": high, "n": s.n, "majority": s.majority},
            )
