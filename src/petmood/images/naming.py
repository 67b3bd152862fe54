"""File names -> whether they promise a picture, and whether they promise another format than the file has."""

from __future__ import annotations

from typing import Final

SUFFIXES: Final = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif", ".hif"),
}
EXTENSIONS: Final = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)

MISNAMED: Final = "misnamed"
"""Note of a file whose name promises another format; it is read by its content."""


def is_misnamed(name: str, format_: str) -> bool:
    """Whether a picture of a format bears the extension of another one. Names without a known extension say nothing."""
    # plain text work, as there may be a million names
    suffix = f".{name.rpartition('/')[2].rpartition('.')[2].lower()}"
    return suffix in EXTENSIONS and suffix not in SUFFIXES.get(format_, ())
