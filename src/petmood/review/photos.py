"""A run folder -> what there is to review: photos in the order worth looking at, with their neighbours and doubts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.audit.quality import read_quality, worst_first
from petmood.analyses.audit.words import WORDS
from petmood.analyses.labels.compute import doubts_of
from petmood.analyses.labels.doubt import Doubts
from petmood.analyses.labels.words import why
from petmood.cache import open_cache
from petmood.config import ReadOptions, RunSettings
from petmood.dataset import Dataset, open_manifest, open_pictures
from petmood.dataset.sample import sample_rows
from petmood.errors import DataError, PetmoodError, is_there
from petmood.families.neighbours import contradiction, lookalikes
from petmood.features import Backbone, load_backbone
from petmood.jobs.provenance import APPLIED_LABELS, MANIFEST, QUALITY, read_reading, read_source
from petmood.progress import Progress, Silent
from petmood.records import FeatureTable, ImageRecord, Manifest, picture_of
from petmood.review.clusters import Groups, backbone_of_folder, groups_of_folder, groups_of_run, made_to_be_named
from petmood.sources.hub import is_hub
from petmood.store import read_json, read_manifest
from petmood.threads import one_thread

MOST_FOR_TSNE: Final = 2000
"""Photos up to which t-SNE is quick; more are laid out by their two principal components."""


@dataclass(frozen=True)
class MapLayout:
    """Where photos lie.

    Attributes:
        places: (n, 2) float64 in [0, 1], right and down.
        method: "t-SNE" or "PCA".
    """

    places: NDArray[np.float64]
    method: str


def layout(features: FeatureTable, digests: tuple[str, ...]) -> MapLayout:
    """t-SNE (van der Maaten and Hinton 2008) from principal components, computed once and remembered by content.

    Args:
        features: of n photos.
        digests: (n,) of the photos' contents.
    """
    kept = open_cache().remember("layout/v2", [features.key, *digests], lambda: _place(features.vectors))
    return MapLayout(np.array(kept["places"], dtype=np.float64).reshape(-1, 2), kept["method"])


def _place(vectors: NDArray[np.float32]) -> dict[str, object]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(vectors)
    spread = vectors.std(axis=0)
    standard = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)
    method = "t-SNE" if 10 <= n <= MOST_FOR_TSNE else "PCA"
    with one_thread():
        size = min(2 if method == "PCA" else 50, *standard.shape)
        reduced = PCA(size, random_state=0).fit_transform(standard)
        if method == "t-SNE":
            reduced = TSNE(2, perplexity=min(30, (n - 1) / 3), random_state=0, n_jobs=1).fit_transform(reduced)
    plane = np.zeros((n, 2))
    plane[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    low, high = plane.min(axis=0), plane.max(axis=0)
    plane = (plane - low) / np.where(high > low, high - low, 1)
    return {"places": np.round(plane, 4).tolist(), "method": method}


_SAID: Final = ("votes", "models", "suggested", "p_suggested", "given", "p_given")
"""Of a suspect in results.json, what is said of it."""

BESIDE: Final = 3
"""Neighbours of each class shown beside a photo."""


@dataclass(frozen=True, slots=True)
class ReviewPhoto:
    """One photo to look at.

    Attributes:
        id: names it without telling its path, which would tell its label.
        record: of the photo; its class is the given label.
        suggested: the label that models or neighbours would rather give, or "".
        why: in words; "" if nothing speaks against the label.
        neighbours: class name -> paths of the photos of that class that look most like it, nearest first; the given
            class stands first, then the one that speaks most against it.
        cluster: number of its cluster from 1, or 0 if there are none.
        files: how many files of the data show it.
        doubt: how little models trust its label, 0 to 1; None if none was asked.
        read: (n_classes,) mean probabilities of the models that never saw its family; None if none was asked.
    """

    id: str
    record: ImageRecord
    suggested: str = ""
    why: str = ""
    neighbours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cluster: int = 0
    files: int = 1
    doubt: float | None = None
    read: NDArray[np.float64] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Queue:
    """Photos to go through together, by id, in order."""

    id: str
    title: str
    photos: tuple[str, ...]


@dataclass(frozen=True)
class ReviewSet:
    """All that a review needs of a run.

    Attributes:
        run: the run folder.
        data: the folder or archive that it was made from.
        options: how the run read it.
        classes: names in display order.
        photos: one a family, by id.
        queues: the first is the one to begin with; the last has every photo.
        families: path of every file of the run -> its family.
        applied: the labels.csv that the run was given, if any.
        groups: clusters that can be named, and where; None if there are none.
        note: why something is missing, for the user; or "".
        layout: tells how a map of look-alikes was made and each photo's place on it, by id; computed when first asked
            for. None if no features are known.
    """

    run: Path
    data: Path
    options: ReadOptions
    classes: tuple[str, ...]
    photos: Mapping[str, ReviewPhoto]
    queues: tuple[Queue, ...]
    families: Mapping[str, str]
    applied: Path | None
    groups: Groups | None
    note: str
    layout: Callable[[], tuple[str, Mapping[str, tuple[float, float]]]] | None = None


def photo_id(record: ImageRecord) -> str:
    """A name for a photo that tells nothing about it."""
    return hashlib.blake2b(f"{record.sha256} {record.path}".encode(), digest_size=10).hexdigest()


def open_review(run: Path, data: Path | None = None, progress: Progress | None = None) -> ReviewSet:
    """Read a run folder, and work out from its cached features what stands beside each photo.

    Args:
        run: folder that `petmood run` made.
        data: where the data is now, if it was moved since.
        progress: where to show it.

    Raises:
        DataError: `run` is no run folder, or the data is not where it was.
    """
    shown = progress or Silent()
    if not (run / MANIFEST).exists():
        raise DataError(f"{run} is not a run folder (it has no manifest.csv). Make one with: petmood run")
    files = read_manifest(run / MANIFEST)
    manifest = files.subset(files.photo_index)
    options = read_reading(run)
    place = _find_data(run, data, manifest, options)
    results = read_json(run / "results.json") if (run / "results.json").exists() else {}
    sizes = np.bincount(files.family_index)[files.family_index[files.photo_index]]
    pairs = zip(manifest.records, sizes, strict=True)
    photos = [ReviewPhoto(photo_id(record), record, files=int(size)) for record, size in pairs]
    note = ""
    groups: Groups | None = None
    features: FeatureTable | None = None
    doubts: Doubts | None = None
    judged = manifest
    named = made_to_be_named(run)
    if named:
        groups = groups_of_folder(run, manifest)
    try:
        made = (results.get("clusters") or [None])[0]
        if made is None and not named:
            raise DataError("the run has no clusters.")
        backbone = load_backbone(backbone_of_folder(run) if named else made["backbone"])
        with open_manifest(place, files, shown, options=options) as opened:
            if not named:
                groups = groups_of_run(run, opened.features(backbone), files, made)
            features = opened.photos.features(backbone)
            if not named:
                seen = _seen(opened, results).photos
                judged, doubts = seen.manifest, _doubts(seen, backbone, results)
    except PetmoodError as error:
        note = f"Neighbours, clusters and the map are not shown: {error}"
    if groups is not None:
        photos = [replace(photo, cluster=int(c) + 1) for photo, c in zip(photos, groups.clusters, strict=True)]
    if features is not None and not named:
        photos = _compared(photos, manifest, features)
    photos, suspects = _with_suspects(photos, results) if doubts is None else _doubted(photos, judged, doubts)
    everything = Queue("all", "All photos", tuple(photo.id for photo in photos))
    return ReviewSet(
        run=run,
        data=place,
        options=options,
        classes=manifest.classes,
        photos={photo.id: photo for photo in photos},
        queues=(*suspects, *_quality_queues(run, photos), *_cluster_queues(photos, groups), everything),
        families={record.path: record.family for record in files.records},
        applied=applied if (applied := run / APPLIED_LABELS).exists() else None,
        groups=groups,
        note=note,
        layout=None if features is None else _layout(features, manifest),
    )


def _find_data(run: Path, data: Path | None, manifest: Manifest, options: ReadOptions) -> Path:
    place = data or read_source(run)
    if place is None:
        raise DataError(f"{run} does not say where its data is. Name it: petmood review {run} --data DATA")
    if data is None and not (place.exists() or is_hub(place.as_posix())):
        raise DataError(
            f"the data of this run is not at {place} any more. Say where it is now: petmood review {run} --data DATA"
        )
    with open_pictures(place, options) as source:
        missing = sorted({picture_of(record.path) for record in manifest.records} - set(source.names()))
    if missing:
        raise DataError(
            f"{place} lacks {len(missing):,} of the {len(manifest):,} photos of this run, such as '{missing[0]}'. "
            "Name the data that the run was made from with --data."
        )
    return place


def _compared(photos: Sequence[ReviewPhoto], manifest: Manifest, features: FeatureTable) -> list[ReviewPhoto]:
    """Give photos neighbours, and what these say of the label; those most contradicted first."""
    labels, classes = manifest.class_index, manifest.classes
    alike = lookalikes(features.vectors, labels, len(classes), k=BESIDE)
    rival, against, same = contradiction(alike.nearest, labels, len(classes))
    m = alike.nearest.shape[1]
    paths = [record.path for record in manifest.records]
    compared = [
        replace(
            photo,
            suggested=classes[rival[i]] if against[i] > same[i] else "",
            why=f"{against[i]} of the {m} photos most like it are labelled {classes[rival[i]]}, {same[i]} as this one"
            if against[i] > same[i]
            else "",
            neighbours=_ordered(
                {name: tuple(paths[j] for j in alike.by_class[i, c] if j >= 0) for c, name in enumerate(classes)},
                photo.record.class_name,
                classes[rival[i]],
            ),
        )
        for i, photo in enumerate(photos)
    ]
    return [compared[i] for i in np.argsort(same - against, kind="stable")]


def _layout(features: FeatureTable, manifest: Manifest) -> Callable[[], tuple[str, Mapping[str, tuple[float, float]]]]:
    @cache
    def computed() -> tuple[str, Mapping[str, tuple[float, float]]]:
        made = layout(features, tuple(record.sha256 for record in manifest.records))
        placed = zip(manifest.records, made.places.tolist(), strict=True)
        return made.method, {photo_id(record): (x, y) for record, (x, y) in placed}

    return computed


def _seen(opened: Dataset, results: Mapping[str, Any]) -> Dataset:
    """The images that the run's models saw: all, or its sample of very many."""
    settings = (results.get("provenance") or {}).get("settings") or {}
    rows = sample_rows(opened.manifest, settings.get("seed", RunSettings().seed))
    return opened.subset(rows) if len(rows) < len(opened) else opened


def _doubts(photos: Dataset, backbone: Backbone, results: Mapping[str, Any]) -> Doubts | None:
    """What the run's own search for suspect labels said of every photo, from its cache; None if it made none."""
    if not results.get("labels") or not is_there("cleanlab"):
        return None
    said = (results.get("provenance") or {}).get("settings") or {}
    chosen = {name: said[name] for name in ("folds", "seed") if name in said}
    return doubts_of(photos, [backbone], RunSettings(**chosen))


def _doubted(
    photos: Sequence[ReviewPhoto], manifest: Manifest, doubts: Doubts
) -> tuple[list[ReviewPhoto], tuple[Queue, ...]]:
    """All photos, the suspects first, in the order of doubt; those that no model was asked of come last."""
    known = {photo.record.path: photo for photo in photos}
    ranked = []
    for row in map(int, doubts.order):
        photo = known.pop(manifest.records[row].path)
        photo = replace(photo, doubt=float(1 - doubts.quality[row]), read=doubts.mean[row])
        if doubts.flagged[row]:
            rival = manifest.classes[doubts.suggested[row]]
            beside = _ordered(photo.neighbours, photo.record.class_name, rival)
            given, read = photo.record.class_name, doubts.mean[row]
            told = why(
                int(doubts.votes[row]),
                doubts.models,
                rival,
                float(read[doubts.suggested[row]]),
                given,
                float(read[manifest.classes.index(given)]),
            )
            photo = replace(photo, suggested=rival, why=told, neighbours=beside)
        ranked.append((not doubts.flagged[row], photo))
    ranked.sort(key=lambda item: item[0])
    suspects = tuple(photo.id for fine, photo in ranked if not fine)
    queued = [*(photo for _, photo in ranked), *known.values()]
    return queued, (Queue("suspects", "Suspect labels", suspects),) if suspects else ()


def _cluster_queues(photos: Sequence[ReviewPhoto], groups: Groups | None) -> tuple[Queue, ...]:
    """The clusters themselves, to be named, and the photos of each."""
    if groups is None:
        return ()
    ids = {photo.record.path: photo.id for photo in photos}
    return (
        Queue("clusters", "Clusters to name", tuple(group.id for group in groups.groups)),
        *(
            Queue(f"cluster-{group.number}", f"Cluster {group.number}", tuple(ids[path] for path in group.members))
            for group in groups.groups
        ),
    )


def _quality_queues(run: Path, photos: Sequence[ReviewPhoto]) -> tuple[Queue, ...]:
    """Photos that may be poor, by what may be wrong with them, the worst first."""
    if not (run / QUALITY).exists():
        return ()
    ids = {photo.record.path: photo.id for photo in photos}
    found = worst_first(read_quality(run / QUALITY))
    queues = ((issue, tuple(ids[path] for path in paths if path in ids)) for issue, paths in found.items())
    title = "Quality: {}"
    return tuple(
        Queue(f"quality-{issue}", title.format(WORDS.get(issue, issue)), listed) for issue, listed in queues if listed
    )


def _with_suspects(
    photos: Sequence[ReviewPhoto], results: Mapping[str, Any]
) -> tuple[list[ReviewPhoto], tuple[Queue, ...]]:
    """Put first the suspects that results.json names; without any, what neighbours contradict."""
    named = {suspect["path"]: suspect for suspect in (results.get("labels") or {}).get("suspects", ())}
    by_path = {photo.record.path: photo for photo in photos}
    first = [_suspected(by_path[path], named[path]) for path in named if path in by_path]
    rest = [photo for photo in photos if photo.record.path not in named]
    queued = first or [photo for photo in photos if photo.suggested]
    queues = (Queue("suspects", "Suspect labels", tuple(photo.id for photo in queued)),) if queued else ()
    return [*first, *rest], queues


def _suspected(photo: ReviewPhoto, suspect: Mapping[str, Any]) -> ReviewPhoto:
    beside = dict(photo.neighbours)
    for side in ("given", "suggested"):
        paths = tuple(near["path"] for near in suspect.get(f"neighbours_{side}", ()))
        if paths and not beside.get(suspect[side]):
            beside[suspect[side]] = paths
    ordered = _ordered(beside, suspect["given"], suspect["suggested"])
    return replace(photo, suggested=suspect["suggested"], why=why(*(suspect[key] for key in _SAID)), neighbours=ordered)


def _ordered(beside: Mapping[str, tuple[str, ...]], given: str, rival: str) -> dict[str, tuple[str, ...]]:
    first = [name for name in (given, rival) if name in beside]
    return {name: beside[name] for name in dict.fromkeys((*first, *beside))}
