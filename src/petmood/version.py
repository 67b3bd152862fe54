"""Which petmood this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("petmood")
except PackageNotFoundError:  # a source checkout on the path, not installed
    __version__ = "0.0.0+source"
