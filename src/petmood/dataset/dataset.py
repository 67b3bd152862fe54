"""One open data set: its records, pixels, features, species and predictions, each computed once, known by content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache, cache_dir
from petmood.contract import Classifier
from petmood.dataset.origin import Origin, SpeciesTable, given_species
from petmood.dataset.sample import MANY
from petmood.errors import DataError, MissingExtraError, ModelError, require_extra
from petmood.evaluation.protocols import Predictions, Protocol, cross_fit
from petmood.families.links import PixelLinks
from petmood.features import Backbone, extract_features, load_backbone
from petmood.features.measures import measures
from petmood.features.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.features.views import View, view_features
from petmood.images import DECODE_VERSION, to_unit
from petmood.pictures import Pictures, map_images
from petmood.progress import Timed
from petmood.records import FeatureTable, FloatArray, ImageRecord, IntArray, Manifest
from petmood.threads import cores, one_thread

if TYPE_CHECKING:
    import polars as pl

DEFAULT_BACKBONE: Final = "efficientnet-lite0"
"""Whose features are read, and whose ImageNet head tells species, unless the user asks for another."""

THUMBNAIL: Final = 16
"""Side in pixels of the thumbnails by which a control recognises pictures."""

_PART: Final = 2_000  # images whose features are in memory at once where only their species is asked for
_FITTING: Final = 2**29  # bytes of models fitted at once: folds of large data are fitted one after the other
_A_NUMBER: Final = 40  # bytes that a fit takes at most for each number that it reads

_PREDICTIONS: Final = "predictions/v2"  # raise it when what a classifier learns, or how folds are made, changes


def backbone_named(name: str) -> Backbone:
    """`load_backbone`, whose check of a graph's bytes is made once a process."""
    return _backbone(name, cache_dir())


@lru_cache(maxsize=16)
def _backbone(name: str, folder: Path) -> Backbone:
    return load_backbone(name)


@dataclass(frozen=True)
class Columns:
    """What a model reads: (n, dim) float vectors, a row a record, and the cause of them, for caches."""

    vectors: NDArray[np.floating[Any]]
    key: str


@dataclass(frozen=True)
class Model:
    """A classifier and what it reads of a data set; `petmood.dataset.models` has those of petmood.

    Attributes:
        name: for programs, unique: equal names are equal models.
        title: for people.
        make: gives a fresh, unfitted classifier.
        read: gives the vectors of a data set's records.
        settings: what chose it, for results.json.
        key: what `make` depends on besides the name, for caches.
    """

    name: str
    title: str
    make: Callable[[], Classifier] = field(compare=False, repr=False)
    read: Callable[[Dataset], Columns] = field(compare=False, repr=False)
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict, compare=False)
    key: str = ""


class Dataset:
    """An open data set. Use it as a context, or call `close`.

    What it is asked for is computed once and remembered by content, in memory and in petmood's cache.

    Attributes:
        manifest: its records, with families and splits.
        pictures: reads and decodes them.
        cache: what is known by content.
        timed: shows and times stages of work.
        origin: where the data came from and what a user changed of it.
        found: the manifest before a user's groups: what names and pixels alone say of families.
        links: what pixels say of families.
    """

    def __init__(
        self,
        manifest: Manifest,
        pictures: Pictures,
        cache: ContentCache,
        timed: Timed,
        origin: Origin,
        *,
        found: Manifest | None = None,
        links: PixelLinks | None = None,
    ) -> None:
        self.manifest = manifest
        self.pictures = pictures
        self.cache = cache
        self.timed = timed
        self.origin = origin
        self.found = manifest if found is None else found
        self.links = PixelLinks((), ()) if links is None else links
        self._features: dict[tuple[str, View | None], FeatureTable] = {}

    def __len__(self) -> int:
        return len(self.manifest)

    def __repr__(self) -> str:
        m = self.manifest
        splits = ", ".join(f"{name} {len(m.photos_in_split(name)):,}" for name in m.split_names())
        lines = [
            f"{m.name}: {len(m):,} images of {m.n_photos:,} photos, {len(m.classes)} classes",
            f"classes: {', '.join(m.classes) or 'none (no labels)'}",
            f"photos by split: {splits or 'no splits'}",
            f"families found in: {m.family_source}; {len(m.rejected)} files rejected, {len(m.ignored)} ignored",
            f"digest: {m.digest[:16]}",
        ]
        return "\n".join(lines)

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """One an image."""
        return self.manifest.records

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in display order."""
        return self.manifest.classes

    @property
    def labels(self) -> IntArray:
        """(n,) int64 class indices; -1 where unlabelled."""
        return self.manifest.class_index

    @property
    def y(self) -> NDArray[np.str_]:
        """(n,) str: the class name of each image, as scikit-learn's estimators take it."""
        return np.array([record.class_name for record in self.records])

    @property
    def groups(self) -> IntArray:
        """(n,) int64: the family of each image, for scikit-learn's grouped splitters."""
        return self.manifest.family_index

    @property
    def table(self) -> pl.DataFrame:
        """A row an image: path, class, split, family, whether it is a copy, size and digest."""
        require_extra("A table of images", "tables")
        import polars as pl

        return pl.DataFrame([asdict(record) for record in self.records])

    @cached_property
    def photos(self) -> Dataset:
        """The same with one record a family, its photo."""
        if len(self.manifest.photo_index) == len(self.manifest):
            return self
        return self.subset(self.manifest.photo_index)

    @cached_property
    def _photos_by_split(self) -> Dataset:
        rows = self.manifest.photos_by_split
        return self.photos if np.array_equal(rows, self.manifest.photo_index) else self.subset(rows)

    def subset(self, rows: Sequence[int] | IntArray) -> Dataset:
        """The same with some of its records only; class names and their order stay."""
        made = self.with_manifest(self.manifest.subset(rows))
        index = np.asarray(rows, dtype=np.int64)
        made._features = {key: _rows(table, index) for key, table in self._features.items()}
        return made

    def with_manifest(self, manifest: Manifest) -> Dataset:
        """Other records of the same source, e.g. with other labels or families."""
        return Dataset(manifest, self.pictures, self.cache, self.timed, self.origin, found=self.found, links=self.links)

    def relabelled(self, manifest: Manifest) -> Dataset:
        """The same images in the same order under other labels; what was read of their pixels is kept."""
        made = self.with_manifest(manifest)
        made._features = dict(self._features)
        return made

    def pixels(self, size: int, rows: Sequence[int] | IntArray | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 3) uint8 RGB of its images, or of some of them."""
        chosen = np.arange(len(self)) if rows is None else rows
        return self.pictures.in_threads([self.records[int(row)] for row in chosen], size)

    def features(self, backbone: str | Backbone = DEFAULT_BACKBONE, view: View | None = None) -> FeatureTable:
        """What a frozen backbone says of each image.

        Args:
            backbone: its name, see `load_backbone`, or itself.
            view: how pictures are shown to it; whole and at its own size if None.

        Raises:
            PetmoodError: the backbone cannot be used.
        """
        network = backbone if isinstance(backbone, Backbone) else backbone_named(backbone)
        known = (network.key, view)
        if known not in self._features:
            title = f"Features of {network.name}" if view is None else f"Features: {view.name}"
            with self.timed.stage("features", title) as tick:
                if view is None:
                    table = extract_features(self.manifest, self.pictures, network, self.cache, progress=tick)
                else:
                    table = view_features(self.manifest, self.pictures, network, view, self.cache, progress=tick)
            self._features[known] = table
        return self._features[known]

    @cached_property
    def species(self) -> SpeciesTable | None:
        """Species of each image: from the user's file or the data, else from an ImageNet head; None without either."""
        if self.records and all(record.species for record in self.records):
            return given_species({r.family: r.species for r in reversed(self.records)}, self.manifest)
        try:
            parts = [species_probabilities(logits) for logits in self._logits()]
        except (MissingExtraError, ModelError):
            return None
        return SpeciesTable(np.concatenate(parts), SPECIES, "head") if parts else None

    def _logits(self) -> Iterator[FloatArray]:
        """Scores of the default backbone's ImageNet head; of very many images in parts, whose features are not held."""
        parts = [self]
        if len(self) > MANY and (backbone_named(DEFAULT_BACKBONE).key, None) not in self._features:
            parts = [self.subset(range(start, min(start + _PART, len(self)))) for start in range(0, len(self), _PART)]
        for part in parts:
            logits = part.features(DEFAULT_BACKBONE).logits
            if logits is None or logits.shape[1] != N_IMAGENET:
                return
            yield logits
            if part is not self:
                part._features.clear()

    @cached_property
    def thumbnails(self) -> FloatArray:
        """(n, 16 * 16 * 3) float32 in [0, 1]: tiny RGB pictures, pixel by pixel."""
        with self.timed.stage("thumbnails", "Making thumbnails") as tick:
            known = map_images(
                self.records, self.cache, f"pixels{THUMBNAIL}/v{DECODE_VERSION}", lambda: self._tiny, tick
            )
        return to_unit(np.stack([np.frombuffer(known[r.sha256], dtype=np.uint8) for r in self.records]))

    def _tiny(self, records: Sequence[ImageRecord]) -> list[bytes]:
        return [square.tobytes() for square in self.pictures.pixels(records, THUMBNAIL)]

    @cached_property
    def measures(self) -> FloatArray:
        """(n, 36) float32: light, colours and borders; see `petmood.features.measures`."""
        with self.timed.stage("measures", "Measuring light and colour") as tick:
            return measures(self.records, self.pictures, self.cache, tick)

    def thumbnail(self, path: str, size: int = 168) -> bytes | None:
        """JPEG bytes of a small picture of one of its files, for reports; None for a path that it does not have.

        Raises:
            DataError: the file is not what it was.
        """
        record = self._by_path.get(path)
        if record is None:
            return None
        known = map_images(
            [record],
            self.cache,
            f"thumbnail/v{DECODE_VERSION}/{size}",
            lambda: lambda records: [self.pictures.thumbnail(r, size) for r in records],
        )
        return known[record.sha256]

    @cached_property
    def _by_path(self) -> dict[str, ImageRecord]:
        return {record.path: record for record in self.records}

    def predictions(self, model: Model, protocol: Protocol) -> Predictions:
        """Out-of-sample predictions: the one way to any figure of a model on this data.

        The same data, model and protocol give the same predictions wherever they are asked for.

        Returns:
            Predictions whose `index` are rows of this data set.

        Raises:
            LeakageError: a family straddles a fold.
            DataError: there are too few photos for the protocol.
        """
        if protocol.training == "photos" and len(rows := self.manifest.photos_by_split) < len(self):
            made = self._photos_by_split.predictions(model, protocol)
            return replace(made, index=rows[made.index])
        columns = model.read(self)

        def compute() -> dict[str, Any]:
            model.make()  # loads what it computes with, which only then can be told to take one thread
            # sums of one thread are the same whichever command asks first; shared, such small ones only take longer
            with one_thread("blas"):
                return cross_fit(
                    model.make,
                    columns.vectors,
                    self.manifest,
                    protocol.folds(self.manifest),
                    training=protocol.training,
                    allow_leakage=protocol.leaks,
                    streams=max(1, min(cores(), _FITTING // (_A_NUMBER * max(1, columns.vectors.size)))),
                ).kept()

        causes = [self.manifest.digest, model.name, model.key, columns.key, *protocol.key]
        return Predictions.read(self.cache.remember(_PREDICTIONS, causes, compute), len(self.classes))

    def require_labels(self) -> Self:
        """Itself, if it has classes.

        Raises:
            DataError: it has none.
        """
        if not self.classes:
            raise DataError(f"{self.manifest.name} has no labels. Give class folders, or --labels labels.csv.")
        return self

    def close(self) -> None:
        """Close the source of its bytes."""
        self.pictures.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()


def _rows(table: FeatureTable, index: IntArray) -> FeatureTable:
    logits = None if table.logits is None else table.logits[index]
    return replace(table, vectors=table.rows(index), logits=logits)
