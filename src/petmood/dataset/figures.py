"""A data set, models and protocols -> figures as they stand in results.json: each with its identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from petmood.config import RunSettings
from petmood.dataset import Dataset, Model
from petmood.dataset.models import majority, size_and_brightness, species, thumbnails
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import Predictions, Protocol, grouped, once_on_test, split_use
from petmood.evaluation.statistics import BOOTSTRAP
from petmood.records import Manifest
from petmood.results import (
    ClassCount,
    DatasetFacts,
    ModelFacts,
    PrepareFacts,
    Sample,
    SizeCount,
    Skipped,
    SplitFacts,
    Warn,
)
from petmood.results.base import Identity
from petmood.results.models import SplitUse
from petmood.split import straddling_animals, straddling_families


def leak_mark(manifest: Manifest) -> str | None:
    """Why the figures of a run must not be trusted, where it went on although its splits leak; else None."""
    shared = len(straddling_families(manifest)) if manifest.allow_leakage else 0
    if not shared:
        return None
    noun = "photo stands" if shared == 1 else "photos stand"
    return f"made with --allow-leakage on splits that leak: {shared} {noun} in more than one of them"


def identity_of(manifest: Manifest, model: str, protocol: Protocol) -> Identity:
    """What a figure of a model under a protocol is a figure of."""
    return Identity(
        data=manifest.digest, model=model, training=protocol.training, protocol=protocol.name, seed=protocol.seed
    )


def model_facts(
    manifest: Manifest,
    made: Predictions,
    *,
    name: str,
    protocol: str,
    seed: int,
    training: str = "photos",
    used: Mapping[str, SplitUse] | None = None,
    **told: Any,
) -> ModelFacts:
    """Score predictions of photos and describe them as one entry of results.json.

    Args:
        manifest: the data.
        made: predictions of its photos.
        name: of the model; with the data, `protocol`, `seed` and `training` it identifies the figures.
        protocol: name of how the predictions came about.
        seed: of the protocol.
        training: what was fitted on.
        used: what each split was used for, where it is not what the protocol says.
        told: of `title`, `settings`, `epochs` and `basis` those that are known.
    """
    truth = manifest.class_index[made.index]
    scores = score(truth, made.predicted, manifest.classes, manifest.family_index[made.index])
    return ModelFacts(
        name=name,
        protocol=protocol,
        n_train=made.n_train,
        **{field.name: getattr(scores, field.name) for field in fields(scores)},
        ci_method=BOOTSTRAP,
        classes=manifest.classes,
        split_use=dict(used or split_use(manifest, protocol)),
        photos=tuple(int(i) for i in made.index),
        truth=tuple(int(t) for t in truth),
        predicted=tuple(int(p) for p in made.predicted),
        mark=leak_mark(manifest),
        identity=Identity(data=manifest.digest, model=name, training=training, protocol=protocol, seed=seed),
        **told,
    )


def figure(data: Dataset, model: Model, protocol: Protocol) -> ModelFacts:
    """A model under a protocol; predictions are computed once, whoever asks."""
    return model_facts(
        data.manifest,
        data.predictions(model, protocol),
        name=model.name,
        title=model.title,
        protocol=protocol.name,
        seed=protocol.seed,
        training=protocol.training,
        settings=dict(model.settings),
    )


def protocols(manifest: Manifest, settings: RunSettings) -> tuple[Protocol, Protocol]:
    """The two protocols of every run: once on test, and cross-validation over all photos grouped by family."""
    return once_on_test(manifest, settings.seed), grouped(manifest, settings.folds, settings.seed)


def figures(data: Dataset, model: Model, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """A model under both protocols of a run."""
    return tuple(figure(data, model, protocol) for protocol in protocols(data.manifest, settings))


def majority_facts(data: Dataset, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """Always the most frequent class, under both protocols."""
    return figures(data, majority(), settings)


def baseline_models(data: Dataset) -> tuple[Model, ...]:
    """What a model must beat: the majority, tiny pictures, file properties and, where it is known, species."""
    known = () if data.species is None else (species(),)
    return (majority(), thumbnails(), size_and_brightness(), *known)


SMALL_CLASS = 30
"""Photos in evaluation below which a class's own figures are too uncertain to be read."""


def dataset_facts(manifest: Manifest, settings: RunSettings) -> DatasetFacts:
    """Describe a data set whose splits are complete."""
    records = manifest.records
    sizes = Counter((r.split, r.class_name, r.width, r.height) for r in records)
    return DatasetFacts(
        name=manifest.name,
        layout=manifest.layout,
        found=manifest.found,
        images=len(manifest),
        photos=manifest.n_photos,
        derived=sum(r.derived for r in records),
        classes=manifest.classes,
        splits={split: _split_facts(manifest, split) for split in manifest.split_names()},
        official_splits=manifest.official_splits,
        family_source=manifest.family_source,
        largest_family=max(Counter(r.family for r in records).values()),
        rejected=tuple(Skipped(path=s.path, reason=s.reason) for s in manifest.rejected),
        ignored=tuple(Skipped(path=s.path, reason=s.reason) for s in manifest.ignored),
        sizes=tuple(
            SizeCount(split=split, class_name=name, width=width, height=height, count=count)
            for (split, name, width, height), count in sorted(sizes.items())
        ),
        samples=_samples(manifest, settings),
        prepare=PrepareFacts(
            size=settings.image_size,
            resample="lanczos",
            colour="RGB",
            value_range=(0.0, 1.0),
            resized=sum((r.width, r.height) != (settings.image_size,) * 2 for r in records),
            converted_to_rgb=sum(r.mode != "RGB" for r in records),
            reoriented=sum(r.reoriented for r in records),
        ),
        warnings=_warnings(manifest),
    )


def _split_facts(manifest: Manifest, split: str) -> SplitFacts:
    rows = [manifest.records[i] for i in manifest.in_split(split)]
    by_class = {}
    for name in manifest.classes:
        of_class = [r for r in rows if r.class_name == name]
        by_class[name] = ClassCount(images=len(of_class), photos=len({r.family for r in of_class}))
    return SplitFacts(images=len(rows), photos=len({r.family for r in rows}), by_class=by_class)


def _samples(manifest: Manifest, settings: RunSettings) -> tuple[Sample, ...]:
    """Random images without repeats, as the study shows them; drawn among photos so that no photo shows twice."""
    rng = np.random.default_rng(settings.seed)
    photos = manifest.photo_index
    drawn = rng.permutation(photos)[: settings.samples]
    chosen = [manifest.records[i] for i in drawn]
    return tuple(Sample(path=r.path, class_name=r.class_name, split=r.split) for r in chosen)


def _warnings(manifest: Manifest) -> tuple[Warn, ...]:
    found = [Warn(code="reading", values={"said": note}) for note in manifest.notes]
    n_files, n_photos = len(manifest), manifest.n_photos
    if n_files > n_photos:
        found.append(Warn(code="derived-files", values={"files": n_files, "photos": n_photos}))
    if shared := straddling_animals(manifest):
        found.append(Warn(code="animals-in-two-splits", values={"animals": shared}))
    mixed: dict[str, set[str]] = {}
    for record in manifest.records:
        mixed.setdefault(record.family, set()).add(record.class_name)
    if conflicting := sum(len(names) > 1 for names in mixed.values()):
        found.append(Warn(code="conflicting-labels", values={"photos": conflicting}))
    if not manifest.official_splits:
        found.append(Warn(code="made-splits", values={"by_animal": int(manifest.names_animals)}))
    if outside := sum(s.reason.startswith("outside the split folders") for s in manifest.ignored):
        found.append(Warn(code="outside-splits", values={"images": outside}))
    return (*found, *few_photos(manifest))


def few_photos(manifest: Manifest) -> Iterator[Warn]:
    """What is to be said of splits whose classes have so few photos that their figures are uncertain."""
    for split in ("valid", "test"):
        rows = manifest.photos_in_split(split)
        counts = np.bincount(manifest.class_index[rows], minlength=len(manifest.classes))
        small = {name: int(count) for name, count in zip(manifest.classes, counts, strict=True) if count < SMALL_CLASS}
        if small:
            yield Warn(code=f"small-{split}", values={"least": SMALL_CLASS, "photos": small})
