"""petmood reads the mood of pets from pictures of their faces, and is honest about how well that can be done."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from petmood.bundle import Bundle
    from petmood.train.estimators import FeatureExtractor, MoodClassifier

# petmood calls nobody, and neither do the libraries that it uses: each reads its switch when it is loaded. A user who
# has set one of them has decided for himself.
for _switch, _value in {
    "DO_NOT_TRACK": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, which also keeps an id of the device and unsent events in ~/.cache
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface-hub and transformers
    "RAY_USAGE_STATS_ENABLED": "0",
}.items():
    os.environ.setdefault(_switch, _value)
if "onnxruntime" in sys.modules:
    # loaded before petmood: what it has begun can at least be ended
    sys.modules["onnxruntime"].disable_telemetry_events()

try:
    __version__ = version("petmood")
except PackageNotFoundError:  # a source checkout on the path, not installed
    __version__ = "0.0.0+source"

__all__ = ["FeatureExtractor", "MoodClassifier", "__version__", "load"]


def load(path: str | Path, threads: int | None = None) -> Bundle:
    """Load a trained model: `load("model").predict("photo.jpg")`.

    Args:
        path: of the bundle: a folder or a .zip.
        threads: cores that one inference may take; all if None.

    Raises:
        petmood.errors.ModelError: there is no bundle, or it is damaged.
    """
    from petmood.bundle import load as load_bundle

    return load_bundle(path, threads)


def __getattr__(name: str) -> Any:
    """The scikit-learn estimators, imported when they are first asked for: scikit-learn takes a second to load."""
    if name in ("FeatureExtractor", "MoodClassifier"):
        from petmood.train import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'petmood' has no attribute '{name}'")
