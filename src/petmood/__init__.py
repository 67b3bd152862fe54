"""petmood reads the mood of pets from pictures of their faces, and is honest about how well that can be done.

import petmood

petmood.audit("photos/")                     # can the data be trusted?
petmood.train("photos/", "model")            # a model with its card
petmood.load("model").predict("photo.jpg")   # an answer with its sureness
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the command line's first import: even `typing` would be a moment in which Ctrl-C has no answer
if TYPE_CHECKING:
    from typing import Any

    from petmood.dataset import Dataset, open_dataset
    from petmood.library import Reader as Bundle
    from petmood.library import audit, evaluate, load, run, train
    from petmood.training.estimators import FeatureExtractor, MoodClassifier
    from petmood.version import __version__

    open = open_dataset

# petmood calls nobody, and neither do the libraries that it uses: each reads its switch when it is loaded. A user who
# has set one of them has decided for himself.
for _switch, _value in {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime, which also keeps an id of the device and unsent events in ~/.cache
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface-hub and transformers
    "RAY_USAGE_STATS_ENABLED": "0",
}.items():
    os.environ.setdefault(_switch, _value)
if "onnxruntime" in sys.modules:
    # loaded before petmood: what it has begun can at least be ended
    sys.modules["onnxruntime"].disable_telemetry_events()


__all__ = [
    "Bundle",
    "Dataset",
    "FeatureExtractor",
    "MoodClassifier",
    "__version__",
    "audit",
    "evaluate",
    "load",
    "open",
    "run",
    "train",
]

_WHERE = {
    "Bundle": ("petmood.library", "Reader"),
    "Dataset": ("petmood.dataset", "Dataset"),
    "FeatureExtractor": ("petmood.training.estimators", "FeatureExtractor"),
    "MoodClassifier": ("petmood.training.estimators", "MoodClassifier"),
    "__version__": ("petmood.version", "__version__"),
    "audit": ("petmood.library", "audit"),
    "evaluate": ("petmood.library", "evaluate"),
    "load": ("petmood.library", "load"),
    "open": ("petmood.dataset", "open_dataset"),
    "run": ("petmood.library", "run"),
    "train": ("petmood.library", "train"),
}
"""Public names, imported when they are first asked for: what they need is slow to load."""


def __getattr__(name: str) -> Any:
    """A public name, from where it is."""
    if name not in _WHERE:
        raise AttributeError(f"module 'petmood' has no attribute '{name}'")
    from importlib import import_module

    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
