"""Where files come from: a folder, a zip archive read in place, a Parquet file, a hub -> names and bytes, safely."""

import zipfile
from pathlib import Path

from petmood.config import reading_options
from petmood.errors import DataError
from petmood.sources.archive import MAX_MEMBERS, MAX_RATIO, ZipSource
from petmood.sources.base import Source, walk_sorted
from petmood.sources.folder import FolderSource
from petmood.sources.hub import fetch, is_hub
from petmood.sources.parquet import SUFFIX, image_table

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "FolderSource", "Source", "ZipSource", "open_source", "walk_sorted"]


def open_source(path: Path, *, zip_encoding: str | None = None) -> Source:
    """A source for a folder, a .zip file, a Parquet file with images, or a data set of a hub.

    Args:
        path: the place; `hf:OWNER/NAME` and `kaggle:OWNER/NAME` are fetched.
        zip_encoding: of the names in an archive that does not say; else that of the options in force, if any.

    Raises:
        DataError: the path is missing, or is nothing that holds images.
        MissingExtraError: a hub's library is not installed.
    """
    if is_hub(path.as_posix()) and not path.exists():
        return FolderSource(fetch(path.as_posix()), name=path.as_posix())
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
            return ZipSource(path, zip_encoding or reading_options().zip_encoding)
        if path.suffix.lower() == SUFFIX and image_table(path) is not None:
            return FolderSource(path.parent, only=path.name)
        raise DataError(f"{path} is neither a folder nor a .zip archive. Give the folder that holds the class folders.")
    raise DataError(f"{path} does not exist. Give a folder of class folders or a .zip archive of one.")
