"""A picture of a scene -> boxes around the animals in it, by a detector that the user names."""

from petmood.detection.detector import Box, Detector
from petmood.detection.opening import open_detector

__all__ = ["Box", "Detector", "open_detector"]
