"""Where files come from: a folder, a zip archive read in place, a Parquet file, a hub -> names and bytes, safely."""

from petmood.sources.archive import MAX_MEMBERS, MAX_RATIO, ZipSource
from petmood.sources.base import Source, walk_sorted
from petmood.sources.folder import FolderSource
from petmood.sources.opening import open_source

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "FolderSource", "Source", "ZipSource", "open_source", "walk_sorted"]
