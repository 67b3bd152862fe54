"""What a search found -> the winner refitted on train and valid, as one bundle that agrees with the training code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood import __version__
from petmood.audit.species import N_IMAGENET
from petmood.bundle import Bundle, ModelDescription, save
from petmood.bundle.composite import composite_graph
from petmood.bundle.folder import Parts
from petmood.bundle.schema import BackboneFacts, Calibration, Conformal, InputFacts, LicenceNote, PetRule
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.calibrate import apply_temperature
from petmood.evaluate.protocols import OFFICIAL, Predictions, grouped_name, in_class_order
from petmood.evaluate.select import among
from petmood.features import Backbone
from petmood.features.views import decode_side
from petmood.progress import Tick
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import ModelFacts
from petmood.sources import Source
from petmood.split import grouped_folds
from petmood.train.answers import as_head
from petmood.train.catalog import FROZEN
from petmood.workflows.auto import Contest, search_facts
from petmood.workflows.auto_settings import AutoSettings
from petmood.workflows.bundles import SHOWN, data_facts, neighbours, quality, require_agreement
from petmood.workflows.cnn import load_pixels
from petmood.workflows.frozen import baseline_facts, model_facts
from petmood.workflows.pet_rule import drawn_pixels, pet_rule
from petmood.workflows.trust import trust

_BATCH: Final = 32


def save_auto_bundle(
    out: Path,
    source: Source,
    manifest: Manifest,
    test: IntArray,
    made: Contest,
    winner: str,
    run: RunSettings,
    settings: AutoSettings,
    cache: ContentCache,
    tick: Tick,
    *,
    thumbnails: bool = False,
) -> ModelDescription:
    """Refit a candidate on all that may be fitted on, and save it.

    Args:
        out: folder, or a path that ends in .zip.
        source: where the images are.
        manifest: the whole data, with complete splits.
        test: photos that only judge.
        made: the search.
        winner: the candidate to save.
        run: seed and folds of baselines.
        settings: of the search.
        cache: keeps what is computed.
        tick: where to show the photos that the graph reads.
        thumbnails: whether the bundle keeps small copies of the training photos.

    Raises:
        ModelError: the graph does not agree with the training code.
        DataError: `out` cannot be written.
    """
    reading = made.found[winner].reading
    model = reading.fit(manifest, made.rows, settings.seed)
    on_test = in_class_order(model, model.predict_proba(reading.vectors[test]), manifest.classes)
    own = made.found[winner].judged.predictions
    protocol = f"{grouped_name(settings.folds)} within train and valid"
    calibration, conformal = trust(own.probabilities, made.inside.class_index[own.index], manifest.classes, protocol)
    views = list(zip(reading.method.views, reading.backbones, strict=True))
    graph, used = composite_graph(
        views, reading.widths, as_head(model, manifest.classes), len(manifest.classes), calibration.temperature
    )
    read = tuple({reading.backbones[i].digest: reading.backbones[i] for i in used}.values())
    side = decode_side(*views[0])
    description = _described(made, winner, manifest, read, side, graph, calibration, conformal, settings)
    bundle = Bundle(Parts(description, graph, None))
    expected = apply_temperature(on_test, calibration.temperature)
    found = bundle.infer(load_pixels(source, manifest, test, side)).probabilities
    require_agreement(found, expected, winner)
    photos = np.intersect1d(manifest.photo_index, made.rows)
    seen = _read(bundle, source, manifest, photos, tick)
    whole = description.model_copy(
        update={
            "features": seen.vectors.shape[1],
            "imagenet": seen.logits is not None,
            "pet": _pets(bundle, among(manifest, photos), seen, settings),
            "quality": quality(source, manifest, photos, side, cache),
            "evaluation": _evaluation(manifest, made, winner, test, on_test, run, settings),
        }
    )
    kept = np.zeros((len(manifest), seen.vectors.shape[1]), dtype=np.float32)
    kept[photos] = seen.vectors
    table = replace(seen, vectors=kept, logits=None)
    return save(out, graph, whole, neighbours(source, manifest, table, photos, thumbnails))


def _described(
    made: Contest,
    winner: str,
    manifest: Manifest,
    backbones: Sequence[Backbone],
    side: int,
    graph: bytes,
    calibration: Calibration,
    conformal: Conformal,
    settings: AutoSettings,
) -> ModelDescription:
    """The description, but for what the graph has still to be asked for."""
    networks = tuple(BackboneFacts(name=b.name, sha256=b.digest, licence=b.licence) for b in backbones)
    first, means = backbones[0].preprocess, settings.means
    more = [folder for folder in (means.extra, means.unlabelled) if folder is not None]
    return ModelDescription(
        petmood=__version__,
        kind="auto",
        title=made.found[winner].reading.method.title,
        classes=manifest.classes,
        input=InputFacts(size=side, mean=first.mean, std=first.std),
        features=1,
        maps=False,
        imagenet=False,
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        backbone=networks[0],
        backbones=networks if len(networks) > 1 else (),
        search=search_facts(made, winner, settings),
        calibration=calibration,
        conformal=conformal,
        pet=None,
        quality=None,
        data=data_facts(manifest, made.rows),
        evaluation=(),
        licences=(
            *(LicenceNote(what=f"weights of {b.name}", licence=b.licence) for b in backbones),
            LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),
            *(LicenceNote(what=f"images of {f.name}", licence="as their owner says") for f in more),
        ),
        settings={"method": winner, "seed": settings.seed, "folds": settings.folds, "budget_seconds": settings.budget},
    )


def _read(bundle: Bundle, source: Source, manifest: Manifest, photos: IntArray, tick: Tick) -> FeatureTable:
    """What the graph itself reads of photos, a row each."""
    features, scores = [], []
    for start in range(0, len(photos), _BATCH):
        tick(start, len(photos))
        outputs = bundle.infer(load_pixels(source, manifest, photos[start : start + _BATCH], bundle.size))
        features.append(outputs.features)
        if outputs.imagenet is not None:
            scores.append(outputs.imagenet)
    tick(len(photos), len(photos))
    return FeatureTable(bundle.name, np.concatenate(features), np.concatenate(scores) if scores else None, "")


def _pets(bundle: Bundle, photos: Manifest, seen: FeatureTable, settings: AutoSettings) -> PetRule | None:
    def drawn() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = [bundle.infer(pixels) for pixels in drawn_pixels(bundle.size)]
        scores = [p.imagenet for p in parts if p.imagenet is not None]
        return np.concatenate([p.features for p in parts]), np.concatenate(scores).reshape(-1, N_IMAGENET)

    return pet_rule(photos, seen, drawn, grouped_folds(photos, folds=settings.folds, seed=settings.seed))


def _evaluation(
    manifest: Manifest,
    made: Contest,
    winner: str,
    test: IntArray,
    on_test: NDArray[np.float64],
    run: RunSettings,
    settings: AutoSettings,
) -> tuple[ModelFacts, ...]:
    """The saved weights on test, the nested score, the winner's own and the baseline's, the majority class."""
    title = made.found[winner].reading.method.title
    own = model_facts(
        manifest,
        np.asarray(on_test.argmax(axis=1), dtype=np.int64),
        test,
        name=winner,
        title=title,
        protocol=OFFICIAL,
        n_train=len(np.unique(manifest.family_index[made.rows])),
        settings={},
        used={"train": "fitted on", "valid": "fitted on", "test": "evaluated once; chose nothing"},
    ).model_copy(update={"protocol_text": SHOWN})
    grouped = grouped_name(settings.folds)
    nested = _within(
        made,
        made.nested.predictions,
        "auto",
        "Whatever is chosen among the candidates",
        f"nested-{grouped}",
        "For each fold of train and valid a candidate is chosen by cross-validation among the photos outside it alone, "
        "and predicts it: the accuracy of choosing and fitting together.",
    )
    text = (
        "Cross-validation over the photos of train and valid, stratified by class; a photo and everything derived from "
        "it stay in one fold. The choice among candidates was made by this score, which flatters what was chosen."
    )
    singles = [
        _within(made, made.found[name].judged.predictions, name, made.found[name].reading.method.title, grouped, text)
        for name in dict.fromkeys((winner, FROZEN))
    ]
    majority = [b for b in baseline_facts(manifest, run) if b.protocol == OFFICIAL]
    return (own, nested, *singles, *majority) if len(made.found) > 1 else (own, *singles, *majority)


def _within(made: Contest, found: Predictions, name: str, title: str, protocol: str, text: str) -> ModelFacts:
    """A score on the photos of train and valid."""
    use = "chosen by, fitted on and evaluated in turn, by photo"
    return model_facts(
        made.inside,
        found.predicted,
        found.index,
        name=name,
        title=title,
        protocol=protocol,
        n_train=found.n_train,
        settings={},
        used=dict.fromkeys(made.inside.split_names(), use),
    ).model_copy(update={"protocol_text": text})
