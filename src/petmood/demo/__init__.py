"""A seed -> an embedded demo set of drawn pet faces, with known flaws and the truth about them."""

from petmood.demo.dataset import write_demo
from petmood.demo.truth import DemoFile, DemoTruth, PlantedFile, Transform, read_truth

__all__ = ["DemoFile", "DemoTruth", "PlantedFile", "Transform", "read_truth", "write_demo"]
