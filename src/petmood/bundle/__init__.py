"""A model as a folder (ONNX graph, description, card): saved, loaded, and asked about pictures."""

from petmood.bundle.folder import TrainingNeighbours, save
from petmood.bundle.inputs import Outputs, Prepared
from petmood.bundle.model import Bundle, load
from petmood.bundle.prediction import Answer, Caution, Neighbour, PetCheck, Prediction, Unreadable, Verdict
from petmood.bundle.schema import ModelDescription

__all__ = [
    "Answer",
    "Bundle",
    "Caution",
    "ModelDescription",
    "Neighbour",
    "Outputs",
    "PetCheck",
    "Prediction",
    "Prepared",
    "TrainingNeighbours",
    "Unreadable",
    "Verdict",
    "load",
    "save",
]
