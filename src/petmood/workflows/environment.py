"""Where and how a run was made: versions, machine, settings, seconds."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from petmood import __version__
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import is_there
from petmood.results import Environment

PACKAGES = ("numpy", "scikit-learn", "onnxruntime", "pillow", "polars", "torch")


def left_out(settings: RunSettings) -> tuple[str, ...]:
    """The extras that parts of a whole run need and that are not installed."""
    needed = {"train": "torch"} if settings.cnn else {}
    return tuple(extra for extra, package in (needed | {"labels": "cleanlab"}).items() if not is_there(package))


def environment(
    settings: RunSettings, seconds: Mapping[str, float], cache: ContentCache, left_out: tuple[str, ...] = ()
) -> Environment:
    """Describe this run; timings stand here and nowhere else in the results."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Environment(
        petmood=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        packages=packages,
        cores=os.cpu_count() or 1,
        seed=settings.seed,
        preset=settings.preset,
        seconds=dict(seconds),
        cache={"hits": cache.hits, "misses": cache.misses},
        left_out=left_out,
    )
