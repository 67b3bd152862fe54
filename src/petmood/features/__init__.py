"""Images -> features of a frozen backbone, run by ONNX Runtime and cached by content."""

from petmood.features.backbones import Backbone, Preprocess
from petmood.features.extract import extract_features
from petmood.features.registry import load_backbone

__all__ = ["Backbone", "Preprocess", "extract_features", "load_backbone"]
