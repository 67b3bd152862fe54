"""petmood reads the mood of pets from pictures of their faces, and is honest about how well that can be done."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("petmood")
except PackageNotFoundError:  # a source checkout on the path, not installed
    __version__ = "0.0.0+source"

__all__ = ["__version__"]
