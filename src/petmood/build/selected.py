"""What a search found -> the winner refitted on train and valid, as one bundle that agrees with the training code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.build.description import PHOTOS, describe, network_facts, trust
from petmood.build.heads import data_facts, features_by, quality, require_agreement
from petmood.build.pet_rule import drawn_through, known_and_judged, pet_rule
from petmood.build.training_photos import save_with_photos
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.composite import composite_graph
from petmood.bundle.folder import Parts
from petmood.bundle.schema import Calibration, Conformal, LicenceNote, PetRule
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import majority_facts, model_facts
from petmood.evaluation.calibrate import apply_temperature
from petmood.evaluation.protocols import Predictions, grouped_name, in_class_order, test_name
from petmood.features import Backbone
from petmood.methods.selection import Selection, search_facts
from petmood.methods.settings import AutoSettings
from petmood.progress import Tick
from petmood.records import FeatureTable, Manifest
from petmood.results import ModelFacts
from petmood.split import fewest_folds, grouped_folds, test_fold
from petmood.training.catalog import FROZEN
from petmood.training.onnx_heads import as_head


def save_auto_bundle(
    out: Path,
    data: Dataset,
    made: Selection,
    winner: str,
    run: RunSettings,
    settings: AutoSettings,
    tick: Tick,
    *,
    thumbnails: bool = False,
) -> ModelDescription:
    """Refit a candidate on all that may be fitted on, and save it.

    Args:
        out: folder, or a path that ends in .zip.
        data: the whole of it, with complete splits.
        made: the search.
        winner: the candidate to save.
        run: seed and folds of baselines.
        settings: of the search.
        tick: where to show the photos that the graph reads.
        thumbnails: whether the bundle keeps small copies of the training photos.

    Raises:
        ModelError: the graph does not agree with the training code.
        DataError: `out` cannot be written.
    """
    manifest, test = data.manifest, test_fold(data.manifest).evaluate
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
    side = views[0][1].preprocess.size
    description = _described(made, winner, manifest, read, side, graph, calibration, conformal, settings)
    bundle = Bundle(Parts(description, graph, None))
    expected = apply_temperature(on_test, calibration.temperature)
    found = bundle.infer(data.pixels(side, test)).probabilities
    require_agreement(found, expected, winner)
    photos = data.subset(manifest.photos_among(made.rows))
    seen = features_by(bundle, photos, tick)
    whole = description.model_copy(
        update={
            "features": seen.vectors.shape[1],
            "imagenet": seen.logits is not None,
            "pet": _pets(bundle, photos.manifest, seen, settings),
            "quality": quality(photos, side),
            "evaluation": _evaluation(data, made, winner, on_test, run, settings),
        }
    )
    return save_with_photos(out, graph, whole, data, photos, seen, thumbnails=thumbnails)


def _described(
    made: Selection,
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
    means = settings.means
    more = [folder for folder in (means.extra, means.unlabelled) if folder is not None]
    return describe(
        replace(backbones[0].preprocess, size=side),
        [network_facts(b) for b in backbones],
        kind="auto",
        title=made.found[winner].reading.method.title,
        classes=manifest.classes,
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        search=search_facts(made, winner, settings),
        calibration=calibration,
        conformal=conformal,
        data=data_facts(manifest, made.rows),
        photos=(*PHOTOS, *(LicenceNote(what=f"images of {f.name}", licence="as their owner says") for f in more)),
        settings={"method": winner, "seed": settings.seed, "folds": settings.folds, "budget_seconds": settings.budget},
    )


def _pets(bundle: Bundle, photos: Manifest, seen: FeatureTable, settings: AutoSettings) -> PetRule | None:
    folds = grouped_folds(photos, folds=fewest_folds(photos, settings.folds), seed=settings.seed)
    return pet_rule(seen, known_and_judged(folds, len(photos)), lambda: drawn_through(bundle))


def _evaluation(
    data: Dataset, made: Selection, winner: str, on_test: NDArray[np.float64], run: RunSettings, settings: AutoSettings
) -> tuple[ModelFacts, ...]:
    """The saved weights on test, the nested score, the winner's own and the baseline's, the majority class."""
    manifest, reading = data.manifest, made.found[winner].reading
    n_train = len(np.unique(manifest.family_index[made.rows]))
    own = model_facts(
        manifest,
        Predictions(test_fold(manifest).evaluate, on_test, n_train),
        name=winner,
        title=reading.method.title,
        protocol=test_name(manifest),
        seed=settings.seed,
        training=reading.training,
        basis="these-weights",
    )
    within = partial(
        model_facts, made.inside, seed=settings.seed, used=dict.fromkeys(made.inside.split_names(), "chosen-in-turn")
    )
    grouped = grouped_name(settings.folds)
    nested = within(
        made.nested.predictions,
        name="auto",
        title="Whatever is chosen among the candidates",
        protocol=f"nested-{grouped}",
        basis="nested",
    )
    singles = [
        within(
            one.judged.predictions,
            name=name,
            title=one.reading.method.title,
            protocol=grouped,
            training=one.reading.training,
            basis="chosen",
        )
        for name, one in ((name, made.found[name]) for name in dict.fromkeys((winner, FROZEN)))
    ]
    majority = majority_facts(data, run)[:1]
    return (own, nested, *singles, *majority) if len(made.found) > 1 else (own, *singles, *majority)
