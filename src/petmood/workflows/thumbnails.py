"""Small pictures for reports and sheets, made once per image and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import ImageError
from petmood.records import Manifest
from petmood.sources import Source

SIZE = 168


def thumbnailer(source: Source, manifest: Manifest, cache: ContentCache) -> Callable[[str], bytes | None]:
    """A function from a manifest path to JPEG bytes; None for a path that is unknown or cannot be read."""
    digest = {r.path: r.sha256 for r in manifest.records}
    namespace = f"thumbnail/v{images.DECODE_VERSION}/{SIZE}"

    def thumbnail(path: str) -> bytes | None:
        if path not in digest:
            return None
        kept = cache.get(namespace, digest[path])
        if kept is not None:
            return kept
        try:
            made = images.thumbnail(source.read(path, images.MAX_FILE_BYTES), SIZE)
        except ImageError:
            return None  # the file vanished since ingestion; a report with a gap beats no report
        cache.put(namespace, digest[path], made)
        return made

    return thumbnail
