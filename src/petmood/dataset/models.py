"""What is evaluated: heads on frozen features, and the baselines that any of them must beat; each a `Model` by name.

A name stands for one model: what it reads, its classifier and its settings. Which photos or files it is fitted on is
said by the protocol.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.dataset.dataset import DEFAULT_BACKBONE, THUMBNAIL, Columns, Dataset, Model, backbone_named
from petmood.dataset.origin import SpeciesTable
from petmood.errors import ModelError
from petmood.features import Backbone
from petmood.features.measures import BORDER, COLOUR, LIGHT, file_measures
from petmood.images import DECODE_VERSION
from petmood.labels import SoftLabels

HEAD: Final = "logistic"
"""The head of petmood's headline model."""

VOTERS: Final = ("logistic", "neighbours", "discriminant")
"""Heads whose votes on a label are worth adding, since they err in different ways."""

MAJORITY: Final = "majority"
SPECIES: Final = "species"
THUMBNAILS: Final = "thumbnail-1nn"

PROPERTIES: Final = ("size", "bytes", "format", "brightness", "colour", "background")
"""Properties of files that are no part of a face."""

_TITLES: Final = {
    "logistic": "Logistic regression on {}",
    "logistic-c1": "Logistic regression on {}, scikit-learn's default penalty",
    "neighbours": "Nearest neighbours on {}",
    "nearest": "The nearest neighbour on {}",
    "discriminant": "Linear discriminant on {}",
    THUMBNAILS: f"Nearest {THUMBNAIL}x{THUMBNAIL} thumbnail",
}


def head(backbone: str | Backbone = DEFAULT_BACKBONE, name: str = HEAD) -> Model:
    """A head on frozen features of whole pictures."""
    network = backbone if isinstance(backbone, Backbone) else backbone_named(backbone)

    def read(data: Dataset) -> Columns:
        table = data.features(network)
        return Columns(table.vectors, table.key)

    return Model(
        name=f"{network.name}+{name}",
        title=title_of(f"{network.name}+{name}"),
        make=partial(_made, "heads", "make_head", name),
        read=read,
        settings={"backbone": network.name, "head": name},
    )


def title_of(model: str) -> str:
    """The title of a head on features, or of thumbnails, by its name: for programs -> for people."""
    backbone, _, name = model.rpartition("+")
    return _TITLES.get(name, f"{name} on {{}}" if backbone else name).format(backbone)


def softened(plain: Model, soft: SoftLabels) -> Model:
    """Logistic regression that learns from soft labels; photos without one have their label."""

    def read(data: Dataset) -> Columns:
        features = plain.read(data)
        return Columns(np.hstack([features.vectors, soft_columns(data, soft)]), f"{features.key}/soft/{soft.digest}")

    return Model(
        name=f"{plain.name}-soft",
        title=f"{plain.title}, soft labels",
        make=partial(_made, "heads", "SoftLogisticHead", soft.classes),
        read=read,
        settings={**plain.settings, "targets": "soft labels"},
        key=soft.digest,
    )


def soft_columns(data: Dataset, soft: SoftLabels) -> NDArray[np.float32]:
    """(n, n_classes) float32: the soft label of each photo in the order of `soft.classes`, 0 where it has none."""
    none = (0.0,) * len(soft.classes)
    return np.array([soft.of.get(record.family, none) for record in data.records], dtype=np.float32)


def majority() -> Model:
    """Always the class with the most photos in training."""
    return Model(
        MAJORITY,
        "Always the most frequent class",
        partial(_made, "baseline", "MajorityClass"),
        lambda data: Columns(np.zeros((len(data), 1)), "nothing"),
    )


def thumbnails() -> Model:
    """The class of the most similar tiny picture seen: a control that can only remember."""
    return Model(
        THUMBNAILS,
        title_of(THUMBNAILS),
        partial(_made, "baseline", "ThumbnailNeighbour"),
        lambda data: Columns(data.thumbnails, f"{THUMBNAIL}/v3/{DECODE_VERSION}"),
    )


def size_and_brightness() -> Model:
    """Size, brightness and colour of the file alone."""

    def read(data: Dataset) -> Columns:
        files = np.log([[r.width, r.height, max(r.size_bytes, 1)] for r in data.records])
        pixels = data.thumbnails.reshape(len(data), -1, 3)
        grey = pixels.mean(axis=2)
        columns = np.column_stack([files, grey.mean(axis=1), grey.std(axis=1), pixels.mean(axis=1)])
        return Columns(columns.astype(np.float32), f"v3/{DECODE_VERSION}")

    return Model(
        "size-brightness",
        "Size, brightness and colour alone",
        partial(_made, "heads", "make_head", "logistic-c1"),
        read,
    )


def species() -> Model:
    """Species alone. The data set must know its species."""

    def read(data: Dataset) -> Columns:
        table = species_table(data)
        return Columns(table.probabilities, table.key)

    return Model(SPECIES, "Species alone", partial(_made, "heads", "make_head", "logistic-c1"), read)


def without_species(plain: Model, data: Dataset, method: str) -> Model:
    """A model on features from which species were taken out first, in each fold anew.

    Args:
        plain: the model with species.
        data: which species there are; the model may read other rows of it too.
        method: one of `petmood.features.erasure.ERASERS`.
    """
    width = len(species_table(data).names)

    def read(rows: Dataset) -> Columns:
        features, told = plain.read(rows), species_table(rows)
        return Columns(np.hstack([features.vectors, told.probabilities]), f"{features.key}/{told.key}")

    return Model(
        name=f"{plain.name}-{method}",
        title=f"{plain.title}, species taken out ({method})",
        make=partial(_made, "baseline", "ErasedHead", plain.make, method, width),
        read=read,
        settings={**plain.settings, "erased": method},
        key=plain.key,
    )


# scikit-learn takes two seconds to import, and a run whose predictions are all known needs none of it


def _made(module: str, name: str, *settings: Any) -> Classifier:
    made: Classifier = getattr(import_module(f"petmood.training.{module}"), name)(*settings)
    return made


def species_table(data: Dataset) -> SpeciesTable:
    """The species of a data set that knows them.

    Raises:
        ModelError: it does not.
    """
    if data.species is None:
        raise ModelError(
            f"species need the ImageNet head of {DEFAULT_BACKBONE}, which cannot be had here. "
            "Name the species of each photo in a file: --species species.csv"
        )
    return data.species


def property_alone(name: str, seed: int = 42) -> Model:
    """Trees on one property of files, one of `PROPERTIES`."""

    def read(data: Dataset) -> Columns:
        return Columns(property_values(data, name), f"v3/{DECODE_VERSION}")

    return Model(
        f"property-{name}",
        f"{name.capitalize()} alone",
        partial(_made, "baseline", "PropertyTrees", seed),
        read,
        key=str(seed),
    )


def property_values(data: Dataset, name: str) -> NDArray[np.floating[Any]]:
    """(n, k) values of one of `PROPERTIES`."""
    part = {"brightness": LIGHT, "colour": COLOUR, "background": BORDER}.get(name)
    return file_measures(data.records)[name] if part is None else data.measures[:, part]
