"""Images -> features of a frozen backbone, run by ONNX Runtime and cached by content."""

from petmood.features.backbones import Backbone, Preprocess, load_backbone
from petmood.features.extract import extract_features

__all__ = ["Backbone", "Preprocess", "extract_features", "load_backbone"]
