"""A path and what its user says of it -> an open Dataset. Every job reads its data here and nowhere else.

So all of them count the same photos, and whatever is wrong with the data or the user's files is told before any work.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from petmood.cache import open_cache
from petmood.clips import with_frames
from petmood.config import ReadOptions, RunSettings, reading_options
from petmood.dataset.dataset import Dataset
from petmood.dataset.origin import Origin, UserFile, read_species, regrouped_photos, relabelled_photos, user_file
from petmood.errors import DataError
from petmood.families.groups import GroupRow, parse_groups, read_groups
from petmood.families.join import apply_groups, join_families, resolve_mode
from petmood.families.links import PixelLinks, find_links
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.labels import apply_labels, read_labels
from petmood.pictures import Pictures
from petmood.progress import Progress, Silent, Timed
from petmood.records import Manifest
from petmood.sources import Source, open_source
from petmood.split import complete_splits

GROUPS: Final = "groups.csv"
"""A file of this name at the top of the data is the user's own families, for every command."""

_NO_LINKS: Final = PixelLinks((), ())


def open_dataset(
    data: Path | str,
    *,
    families: str = "auto",
    seed: int = 42,
    labelled: bool = True,
    splits: bool = True,
    labels: Path | str | None = None,
    groups: Path | str | None = None,
    species: Path | str | None = None,
    allow_leakage: bool = False,
    options: ReadOptions | None = None,
    check: Callable[[Manifest], object] | None = None,
    progress: Progress | Timed | None = None,
) -> Dataset:
    """Read a data set, find its families, and apply what its user says of it.

    Args:
        data: folder or .zip.
        families: how copies are found: "auto", "names", "pixels" or "both"; see `join_families`.
        seed: of the splits that the data lacks.
        labelled: whether the data must have labels.
        splits: whether splits that it lacks are made; it is judged as it came if not.
        labels: labels.csv whose labels replace the data's; with it, the data may have no labels itself.
        groups: groups.csv whose groups replace the families found; else the data's own is read, if it has one.
        species: CSV with the species of every photo, for animals that ImageNet does not know.
        allow_leakage: whether splits that leak may be used; every figure is then marked.
        options: how the user says that the data are to be read; else the options in force.
        check: called with what was read before copies are looked for, unless `labels` may change it; raises where its
            classes will not do.
        progress: where to show the work.

    Raises:
        DataError: the data, or a line of a file, cannot be used.
        ConfigError: an unknown way to find families.
    """
    label_file, group_file, species_file = (None if p is None else Path(p) for p in (labels, groups, species))
    for option, path in (("--labels", label_file), ("--groups", group_file), ("--species", species_file)):
        if path is not None and not path.is_file():
            raise DataError(f"{option} {path} is not a file. Check the path.")
    options = options or reading_options()
    timed = progress if isinstance(progress, Timed) else Timed(progress or Silent())
    source = open_pictures(Path(data), options)
    with ExitStack() as unless_opened:
        unless_opened.callback(source.close)
        cache, pictures = open_cache(), Pictures(source)
        with timed.stage("ingest", "Reading images") as tick:
            needed, tell = labelled and label_file is None, timed.inner.note
            named = read_dataset(source, cache, labelled=needed, progress=tick, options=options, tell=tell)
        if check is not None and label_file is None:
            check(named)
        mode, links = resolve_mode(named, families), _NO_LINKS
        if mode == "names":
            timed.without("families")
        else:
            with timed.stage("families", "Finding copies in pixels") as tick:
                links = find_links(named.records, pictures, cache, tick)
        found = join_families(named, links.same, mode)
        told: dict[str, UserFile] = {}
        chosen = _groups(group_file, source, found)
        manifest = apply_groups(found, chosen) if chosen else found
        if chosen:
            own = None if group_file else source.read(GROUPS, MAX_FILE_BYTES)
            changed = regrouped_photos(found, manifest)
            told["groups"] = user_file(group_file or source.location / GROUPS, changed, len(chosen), own)
        if label_file is not None:
            wanted = read_labels(label_file, manifest)
            before, manifest = manifest, apply_labels(manifest, wanted)
            told["labels"] = user_file(label_file, relabelled_photos(before, manifest), len(wanted))
        if splits and manifest.classes:
            manifest = complete_splits(manifest, seed)
        manifest = replace(manifest, allow_leakage=allow_leakage)
        if species_file is not None:
            by_family = read_species(species_file, manifest)
            records = tuple(replace(r, species=by_family[r.family]) for r in manifest.records)
            manifest = replace(manifest, records=records)
            told["species"] = user_file(species_file, len(by_family), len(by_family))
        origin = Origin(source.location, families, seed, options, **told)
        unless_opened.pop_all()
    return Dataset(manifest, pictures, cache, timed, origin, found=found, links=links)


def open_as(data: Path, settings: RunSettings, progress: Progress | None = None, **said: Any) -> Dataset:
    """`open_dataset` with the seed, the way to find families and the leave to leak of settings."""
    return open_dataset(
        data,
        families=settings.families,
        seed=settings.seed,
        allow_leakage=settings.allow_leakage,
        progress=progress,
        **said,
    )


def open_pictures(data: Path, options: ReadOptions) -> Source:
    """The source of a data set's bytes, read as a user said: the frames of videos in their place.

    Raises:
        DataError: the data cannot be opened.
    """
    return with_frames(open_source(data, zip_encoding=options.zip_encoding), options.fps)


def open_manifest(
    data: Path, manifest: Manifest, progress: Progress | None = None, *, options: ReadOptions | None = None
) -> Dataset:
    """The records of a manifest that an earlier run wrote, with the data that it was made from, read as it read them.

    Raises:
        DataError: the data cannot be opened.
    """
    options = options or reading_options()
    source = open_pictures(data, options)
    return Dataset(manifest, Pictures(source), open_cache(), Timed(progress or Silent()), Origin(data, options=options))


def _groups(given: Path | None, source: Source, found: Manifest) -> dict[str, GroupRow]:
    if given is not None:
        return read_groups(given, found)
    if any(skipped.path == GROUPS for skipped in found.ignored):
        return parse_groups(source.read(GROUPS, MAX_FILE_BYTES), str(source.location / GROUPS), found)
    return {}
