"""A head on frozen features under the further protocols: repeats, species left out, a learning curve with forecasts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from petmood.analyses.protocols.facts import (
    AnimalsOutFacts,
    CurvePoint,
    Forecast,
    LearningFacts,
    ProtocolFacts,
    RepeatedFacts,
    SpeciesOut,
    SpeciesOutFacts,
)
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.dataset import Dataset, Model
from petmood.dataset.figures import identity_of
from petmood.errors import DataError
from petmood.evaluation.folds import smaller_fold, species_folds
from petmood.evaluation.forecast import Values, forecast_gain
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import (
    Predictions,
    Protocol,
    grouped,
    grouped_by_photo,
    grouped_name,
    without_animals,
)
from petmood.evaluation.statistics import BOOTSTRAP, compare_pair, draw_counts, mean_interval
from petmood.progress import Tick
from petmood.records import Manifest
from petmood.results.base import Identity
from petmood.split import Fold, fewest_folds

SHARES: Final = (0.15, 0.25, 0.4, 0.65, 1.0)
DRAWS: Final = 2
GAIN: Final = 0.05
HORIZON: Final = 10
REFITS: Final = 300
MIN_SPECIES: Final = 10


def protocol_facts(
    model: Model, data: Dataset, settings: RunSettings, tick: Tick = lambda done, total: None
) -> ProtocolFacts:
    """Evaluate a model under the further protocols.

    Args:
        model: what is evaluated.
        data: photos are counted and fitted on, one file a family.
        settings: folds, repeats, seed.
        tick: told of repeats and points done.
    """
    total = settings.repeats + DRAWS * len(SHARES) + 1
    repeats = []
    for i in range(settings.repeats):
        repeats.append(data.predictions(model, grouped(data.manifest, settings.folds, settings.seed + i)))
        tick(i + 1, total)
    out = None if data.species is None else _species_out(model, data, repeats[0], settings)
    tick(settings.repeats + 1, total)
    learning = _learning(model, data, settings, lambda k: tick(settings.repeats + 1 + k, total))
    return ProtocolFacts(
        repeated=_repeated(model, data, repeats, settings),
        species_out=out,
        learning=learning,
        animals_out=animals_out(model, data, settings) if data.manifest.names_animals else None,
    )


ANIMAL_BOOTSTRAP: Final = "bootstrap-animals"


def animals_out(model: Model, data: Dataset, settings: RunSettings) -> AnimalsOutFacts | None:
    """Animals left out, beside what keeping photos alone apart gives; None where a class is shown by one animal."""
    manifest = data.manifest
    protocol = without_animals(manifest, settings.seed)
    try:
        made = data.predictions(model, protocol)
    except DataError:
        return None
    counts = np.bincount(manifest.class_index[manifest.photo_index], minlength=len(manifest.classes))
    folds = max(2, min(settings.folds, int(counts.min())))
    seen = data.predictions(model, grouped_by_photo(manifest, folds, settings.seed))
    by_photo = dict(zip(seen.index.tolist(), _rates(data, seen), strict=True))
    hits, known = _rates(data, made), np.array([by_photo[i] for i in made.index.tolist()])
    animals = manifest.animal_index[made.index]
    against = compare_pair(hits, known, animals)
    return AnimalsOutFacts(
        model=model.name,
        animals=len(np.unique(animals)),
        n=len(hits),
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits, animals),
        photo_accuracy=float(known.mean()),
        photo_accuracy_ci=mean_interval(known, animals),
        difference=against.difference,
        difference_ci=against.interval,
        ci_method=ANIMAL_BOOTSTRAP,
        identity=identity_of(manifest, model.name, protocol),
    )


def _rates(data: Dataset, made: Predictions) -> Values:
    return made.hits(data.manifest).astype(np.float64)


def _repeated(model: Model, data: Dataset, repeats: list[Predictions], settings: RunSettings) -> RepeatedFacts:
    hits = np.stack([_rates(data, made) for made in repeats])
    scores = [score(data.labels[m.index], m.predicted, data.classes) for m in repeats]
    folds = fewest_folds(data.manifest, settings.folds)
    name = f"{grouped_name(folds)}, {len(repeats)} repeats"
    return RepeatedFacts(
        model=model.name,
        folds=folds,
        repeats=len(repeats),
        n=hits.shape[1],
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits.mean(axis=0)),
        ci_method=BOOTSTRAP,
        macro_f1=float(np.mean([s.macro_f1 for s in scores])),
        by_repeat=tuple(float(h.mean()) for h in hits),
        identity=Identity(
            data=data.manifest.digest, model=model.name, training="photos", protocol=name, seed=settings.seed
        ),
    )


def _species_out(model: Model, data: Dataset, grouped_too: Predictions, settings: RunSettings) -> SpeciesOutFacts:
    assert data.species is not None
    manifest, told = data.manifest, data.species
    left_out, rare = species_folds(manifest, told.by_row, min_photos=MIN_SPECIES)
    seen = dict(zip(grouped_too.index.tolist(), _rates(data, grouped_too), strict=True))
    found = []
    for one in left_out:
        held = one.fold.evaluate
        protocol = Protocol(
            f"without-{one.species}", settings.seed, partial(_left_out, data, one.species), detail=told.key
        )
        made = data.predictions(model, protocol)
        hits = _rates(data, made)
        known = np.array([seen[i] for i in made.index.tolist()])
        n, against = len(made.index), compare_pair(hits, known)
        found.append(
            SpeciesOut(
                species=one.species,
                n=n,
                n_train=made.n_train,
                accuracy=float(hits.mean()),
                accuracy_ci=mean_interval(hits),
                ci_method=BOOTSTRAP,
                seen_accuracy=float(known.mean()),
                difference=against.difference,
                difference_ci=against.interval,
                majority=float(np.bincount(manifest.class_index[held]).max() / n),
                identity=identity_of(manifest, model.name, protocol),
            )
        )
    return SpeciesOutFacts(model=model.name, told_by=told.told_by, species=tuple(found), too_rare=rare)


def _left_out(data: Dataset, species: str, manifest: Manifest) -> list[Fold]:
    """The fold that leaves a species out, of the data set's own records or of some of them."""
    assert data.species is not None
    by_row = data.species.by_row
    told = {data.records[i].family: by_row[i] for i in data.manifest.photo_index}
    left_out, _ = species_folds(manifest, [told[r.family] for r in manifest.records], min_photos=MIN_SPECIES)
    return [one.fold for one in left_out if one.species == species]


def _learning(model: Model, data: Dataset, settings: RunSettings, done: Callable[[int], None]) -> LearningFacts:
    manifest, labels, cache = data.manifest, data.labels, data.cache
    k_folds = fewest_folds(manifest, settings.folds)
    rates, points, sizes = [], [], []
    per_class: list[dict[str, float]] = []
    for k, share in enumerate(SHARES):
        hits = []
        for draw in range(DRAWS):
            seed = settings.seed + draw
            protocol = _share_of_photos(manifest, share, settings.folds, seed)
            made = data.predictions(model, protocol)
            hits.append(_rates(data, made))
            done(k * DRAWS + draw + 1)
        trained = np.mean(
            [
                np.bincount(labels[manifest.photos_among(f.train)], minlength=len(manifest.classes))
                for f in protocol.folds(manifest)
            ],
            axis=0,
        )
        rate = np.mean(hits, axis=0)
        truth = labels[made.index]
        rates.append(rate)
        sizes.append(trained)
        per_class.append({c: float(rate[truth == i].mean()) for i, c in enumerate(manifest.classes)})
        points.append(
            CurvePoint(
                share=share,
                photos=float(trained.sum()),
                n=len(rate),
                accuracy=float(rate.mean()),
                accuracy_ci=mean_interval(rate),
                class_photos={c: float(t) for c, t in zip(manifest.classes, trained, strict=True)},
                class_recall=per_class[-1],
            )
        )
    by_photo, by_size = np.stack(rates, axis=1), np.stack(sizes)
    forecasts = [_forecast(None, by_size.sum(axis=1), by_photo, manifest.n_photos, settings.seed, cache)]
    for i, name in enumerate(manifest.classes):
        own = by_photo[truth == i]
        forecasts.append(_forecast(name, by_size[:, i], own, len(own), settings.seed, cache))
    return LearningFacts(
        model=model.name,
        folds=k_folds,
        draws=DRAWS,
        points=tuple(points),
        forecasts=tuple(forecasts),
    )


def _share_of_photos(manifest: Manifest, share: float, folds: int, seed: int) -> Protocol:
    """Grouped cross-validation, each fold trained on a share of its photos."""
    whole = grouped(manifest, folds, seed)
    if share == 1:
        return whole
    return Protocol(
        f"{whole.name}, {share:g} of the photos",
        seed,
        lambda m: [smaller_fold(m, fold, share, seed) for fold in whole.folds(m)],
    )


def _forecast(name: str | None, sizes: Values, rates: Values, photos: int, seed: int, cache: ContentCache) -> Forecast:
    return cache.remember_facts(
        "forecast/v2",
        Forecast,
        [name, sizes.tolist(), hashlib.sha256(rates.tobytes()).hexdigest(), list(rates.shape), photos, seed],
        lambda: _fit_forecast(name, sizes, rates, photos, seed),
    )


def _fit_forecast(name: str | None, sizes: Values, rates: Values, photos: int, seed: int) -> Forecast:
    draws = draw_counts(np.ones(len(rates), dtype=np.int64), resamples=REFITS, seed=seed)
    central, (low, high) = forecast_gain(sizes.astype(np.float64), rates, float(sizes[-1]), GAIN, HORIZON, draws)
    more, bounds = _whole(central), (_whole(low), _whole(high))
    value = float(rates[:, -1].mean())
    return Forecast(
        class_name=name,
        photos=photos,
        value=value,
        gain=GAIN,
        horizon=HORIZON,
        more_photos=more,
        more_photos_ci=bounds,
    )


def _whole(value: float) -> int | None:
    return math.ceil(value) if math.isfinite(value) else None
