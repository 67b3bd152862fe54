"""Several data sets -> one union of photos, and which of them show one photo, within and across data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from petmood.config import ReadOptions
from petmood.dataset.dataset import Dataset
from petmood.dataset.opening import open_dataset
from petmood.dataset.outside import class_map
from petmood.errors import DataError, ModelError
from petmood.evaluation.sources import Pooled
from petmood.families.join import join_families
from petmood.families.links import find_links
from petmood.features import Backbone
from petmood.features.species import species_groups
from petmood.pictures import JoinedPictures
from petmood.progress import Progress
from petmood.records import FloatArray


@dataclass(frozen=True)
class Across:
    """Photos of several data sets, one a family of each, data set by data set.

    Attributes:
        union: their sources, labels, families and species, a row a photo.
        parts: the data sets, photos only: their records stand in the order of the union's rows.
        backbone: whose ImageNet head told species.
    """

    union: Pooled
    parts: tuple[Dataset, ...]
    backbone: Backbone

    @property
    def paths(self) -> tuple[str, ...]:
        """i/PATH of each row, for lists."""
        return tuple(f"{i}/{record.path}" for i, part in enumerate(self.parts) for record in part.records)

    @property
    def vectors(self) -> FloatArray:
        """(n, dim) float32 features of the backbone."""
        return np.concatenate([part.features(self.backbone).vectors for part in self.parts])

    @property
    def scores(self) -> FloatArray:
        """(n, 1000) float32 scores of the backbone's ImageNet head."""
        return np.concatenate([_scores(part, self.backbone) for part in self.parts])


def open_sources(paths: Sequence[Path], open_: ExitStack, progress: Progress | None = None) -> tuple[Dataset, ...]:
    """Data sets that are judged as they came, each read by its own layout, open until `open_` is left."""
    return tuple(
        open_.enter_context(
            open_dataset(path, families="names", splits=False, options=ReadOptions(), progress=progress)
        )
        for path in paths
    )


def join_datasets(datasets: Sequence[Dataset], mapping: Mapping[str, str], backbone: Backbone) -> Across:
    """The union of data sets, with the families that pixels join among all of them.

    Args:
        datasets: open, with labels; the first one's classes name all.
        mapping: class names of the others -> those; names that differ in case alone need no entry.
        backbone: with an ImageNet head, which tells species.

    Raises:
        ConfigError: a class that is neither the first one's nor mapped to one of them.
        DataError: no data sets.
        ModelError: the backbone has no ImageNet head.
    """
    if not datasets:
        raise DataError("there is no data set to join. Give two or more.")
    classes = datasets[0].classes
    parts = tuple(data.photos for data in datasets)
    records, source, labels = [], [], []
    for number, part in enumerate(parts):
        names = class_map(part.manifest, mapping, classes, part.origin.data)
        for record in part.records:
            path = f"{number}/{record.path}"
            records.append(replace(record, path=path, family=path, derived=False))
            source.append(number)
            labels.append(classes.index(names[record.class_name]))
    first = parts[0]
    with first.timed.stage("across", "Looking for photos in several data sets") as tick:
        links = find_links(records, JoinedPictures([part.pictures for part in parts]), first.cache, tick)
    families = join_families(replace(first.manifest, records=tuple(records)), links.same, "pixels").family_index
    species = species_groups(np.concatenate([_scores(part, backbone) for part in parts]))
    union = Pooled(
        tuple(part.manifest.name for part in parts),
        classes,
        np.array(source, dtype=np.int64),
        np.array(labels, dtype=np.int64),
        families,
        species,
    )
    return Across(union, parts, backbone)


def _scores(part: Dataset, backbone: Backbone) -> FloatArray:
    logits = part.features(backbone).logits
    if logits is None:
        raise ModelError(f"{backbone.name} has no ImageNet head, which tells species. Use efficientnet-lite0.")
    return logits
