"""One open data set, opened in one way: what every job, the command line and notebooks work on."""

from petmood.dataset.dataset import DEFAULT_BACKBONE, Columns, Dataset, Model
from petmood.dataset.opening import open_as, open_dataset, open_manifest, open_pictures
from petmood.dataset.origin import Origin, SpeciesTable, UserFile

__all__ = [
    "DEFAULT_BACKBONE",
    "Columns",
    "Dataset",
    "Model",
    "Origin",
    "SpeciesTable",
    "UserFile",
    "open_as",
    "open_dataset",
    "open_manifest",
    "open_pictures",
]
