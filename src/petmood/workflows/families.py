"""A source and what is known of its families -> a manifest whose families, labels and splits are all in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from petmood.audit.families import apply_groups, join_families, resolve_mode
from petmood.audit.groups import read_groups
from petmood.audit.links import PixelLinks, find_links
from petmood.cache import ContentCache
from petmood.ingest import read_dataset
from petmood.labels import apply_labels, read_labels
from petmood.progress import Timed
from petmood.records import Manifest
from petmood.sources import Source

NO_LINKS = PixelLinks((), ())


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
    labels: Path | None = None,
    groups: Path | None = None,
) -> Ingested:
    """Read a data set, find its families by names and pixels, and apply a user's groups and labels.

    Args:
        source: the data.
        cache: keeps what is known by content, families too.
        timed: shows and times the stages.
        mode: how to find families: "auto", "names", "pixels" or "both"; see `join_families`.
        labels: labels.csv, if given; with it, the data may have no labels itself.
        groups: groups.csv, if given: overrides families.

    Raises:
        DataError: the data, or a line of a file, cannot be used.
        ConfigError: an unknown mode.
    """
    with timed.stage("ingest", "Reading images") as tick:
        named = read_dataset(source, cache, labelled=labels is None, progress=tick)
    resolved = resolve_mode(named, mode)
    links = NO_LINKS
    if resolved != "names":
        with timed.stage("families", "Finding copies in pixels") as tick:
            links = find_links(named.records, source, cache, tick)
    found = join_families(named, links.same, resolved)
    manifest = found if groups is None else apply_groups(found, read_groups(groups, found))
    if labels is not None:
        manifest = apply_labels(manifest, read_labels(labels, manifest))
    return Ingested(manifest, found, links)
