"""A bundle and labelled data that it was not trained on -> how well it reads them, with intervals by photo."""

from __future__ import annotations

from typing import Final

import numpy as np

from petmood.bundle import Bundle
from petmood.dataset import Dataset
from petmood.errors import DataError
from petmood.evaluate.protocols import Predictions
from petmood.results import ModelFacts
from petmood.workflows.figures import model_facts

_BATCH: Final = 32
PROTOCOL: Final = "other-data"
"""Protocol name: a finished model on the photos of data that it was not trained on."""

OWN_DATA: Final = "own-data"
"""Protocol name: a finished model on the very data that it was trained on, where a figure means nothing."""


def evaluate_bundle(bundle: Bundle, data: Dataset, *, seed: int = 42) -> ModelFacts:
    """Read every photo of a data set, a family once, and score the answers.

    Args:
        bundle: the model; its classes must be those of the data, in any order and case.
        data: labelled.
        seed: with which the data was opened, for the figure's identity.

    Raises:
        DataError: the data has other classes than the bundle, or none.
    """
    photos = data.require_labels().photos
    column = {name.casefold(): i for i, name in enumerate(bundle.classes)}
    unknown = [name for name in data.classes if name.casefold() not in column]
    if unknown:
        raise DataError(
            f"{data.manifest.name} has the classes {', '.join(data.classes)}; the model knows "
            f"{', '.join(bundle.classes)}. Rename '{unknown[0]}', e.g. with a labels.csv."
        )
    order = [column[name.casefold()] for name in data.classes]
    parts = [
        bundle.infer(photos.pixels(bundle.size, range(i, min(i + _BATCH, len(photos))))).probabilities
        for i in range(0, len(photos), _BATCH)
    ]
    own = bundle.description.data.sha256 == data.manifest.digest
    made = Predictions(
        data.manifest.photo_index, np.concatenate(parts).astype(np.float64)[:, order], bundle.description.data.fitted
    )
    text = (
        "The data that the model was trained on: what it says here is memory, not skill."
        if own
        else "The finished model on the photos of other data, each family once."
    )
    return model_facts(
        data.manifest,
        made,
        name=f"{bundle.description.title} ({bundle.description.graph_sha256[:12]})",
        title=bundle.description.title,
        protocol=OWN_DATA if own else PROTOCOL,
        seed=seed,
        training="as its bundle says",
        used=dict.fromkeys(data.manifest.split_names(), "fitted on" if own else "evaluated once; chose nothing"),
        text=text,
    )
