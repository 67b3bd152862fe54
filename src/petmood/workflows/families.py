"""A source and what is known of its families -> a manifest whose families, labels and splits are all in place.

Every job reads its data here and nowhere else, so that all of them count the same photos.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from petmood.cache import ContentCache
from petmood.families.groups import GroupRow, parse_groups, read_groups
from petmood.families.join import apply_groups, join_families, resolve_mode
from petmood.families.links import PixelLinks, find_links
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.labels import apply_labels, read_labels
from petmood.progress import Timed
from petmood.records import Manifest
from petmood.sources import Source
from petmood.split import complete_splits

GROUPS: Final = "groups.csv"
"""A file of this name at the top of the data is the user's own families, for every command."""

NO_LINKS: Final = PixelLinks((), ())


@dataclass(frozen=True, slots=True)
class Ingested:
    """A data set with its families.

    Attributes:
        manifest: with families as asked for, groups and labels applied; splits as they came.
        found: the manifest before a user's groups: what names and pixels alone say.
        links: what pixels say; nothing where they were not asked.
    """

    manifest: Manifest
    found: Manifest
    links: PixelLinks


def ingest(
    source: Source,
    cache: ContentCache,
    timed: Timed,
    *,
    mode: str = "auto",
    labelled: bool = True,
    labels: Path | None = None,
    groups: Path | None = None,
) -> Ingested:
    """Read a data set, find its families by names and pixels, and apply a user's groups and labels.

    Args:
        source: the data.
        cache: keeps what is known by content, families too.
        timed: shows and times the stages.
        mode: how to find families: "auto", "names", "pixels" or "both"; see `join_families`.
        labelled: whether the data must have labels.
        labels: labels.csv, if given; with it, the data may have no labels itself.
        groups: groups.csv, if given: overrides families. Else the data's own is read, if it has one.

    Raises:
        DataError: the data, or a line of a file, cannot be used.
        ConfigError: an unknown mode.
    """
    with timed.stage("ingest", "Reading images") as tick:
        named = read_dataset(source, cache, labelled=labelled and labels is None, progress=tick)
    resolved = resolve_mode(named, mode)
    links = NO_LINKS
    if resolved != "names":
        with timed.stage("families", "Finding copies in pixels") as tick:
            links = find_links(named.records, source, cache, tick)
    found = join_families(named, links.same, resolved)
    chosen = _groups(groups, source, found)
    manifest = apply_groups(found, chosen) if chosen else found
    if labels is not None:
        manifest = apply_labels(manifest, read_labels(labels, manifest))
    return Ingested(manifest, found, links)


def read_split(
    source: Source,
    cache: ContentCache,
    timed: Timed,
    *,
    seed: int,
    mode: str = "auto",
    labels: Path | None = None,
    allow_leakage: bool = False,
) -> Manifest:
    """`ingest`, with the splits that the data lacks made.

    Args:
        source: the data.
        cache: keeps what is known by content.
        timed: shows and times the stages.
        seed: of splits that must be made.
        mode: how to find families.
        labels: labels.csv, if given.
        allow_leakage: whether splits that leak may be used; what is made with them is marked.

    Raises:
        DataError: the data, or a line of a file, cannot be used.
        ConfigError: an unknown mode.
    """
    ingested = ingest(source, cache, timed, mode=mode, labels=labels)
    return replace(complete_splits(ingested.manifest, seed), allow_leakage=allow_leakage)


def _groups(given: Path | None, source: Source, found: Manifest) -> dict[str, GroupRow]:
    if given is not None:
        return read_groups(given, found)
    if any(skipped.path == GROUPS for skipped in found.ignored):
        return parse_groups(source.read(GROUPS, MAX_FILE_BYTES), str(source.location / GROUPS), found)
    return {}
