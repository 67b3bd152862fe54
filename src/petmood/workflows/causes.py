"""A run's photos and facts -> what stands in the way of accuracy, each cause by an experiment, ranked by its effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.folds import random_folds, smaller_fold
from petmood.evaluate.intervals import BOOTSTRAP, bootstrap_interval
from petmood.evaluate.metrics import wilson_interval
from petmood.evaluate.paired import paired_facts
from petmood.evaluate.protocols import cross_predict, grouped_name
from petmood.features import Backbone, Preprocess, extract_features
from petmood.records import FeatureTable, Manifest
from petmood.results import CauseFacts, CausesFacts, LabelFacts, PairedFacts, SpeciesFacts
from petmood.sources import Source
from petmood.split import grouped_folds
from petmood.train.heads import make_head
from petmood.train.voters import VOTERS, NeighbourVote
from petmood.workflows.photos import Photos, fewest_folds, photos_of, predict_photos

HEAD: Final = "logistic"
SMALL_SIDE: Final = 96
"""Side in pixels of the experiment on resolution; a multiple of 32, as the networks like it."""

_VERSION = 2  # part of the cache's key; raise it when a figure of this module changes its meaning

_TITLES: Final = {
    "leakage": "Leakage",
    "labels": "Label noise",
    "species": "Species",
    "photos": "Number of photos",
    "resolution": "Resolution",
    "preprocessing": "Preprocessing",
    "model": "Model",
}
_ADVICE: Final = {
    "leakage": "Never split the files of a photo: compare claims only under grouped folds or a clean test set.",
    "labels": "Look through the suspects, most doubtful first, and give corrections with --labels.",
    "species": "Add photos so that each species has every mood, and judge a model within species.",
    "photos": "Add photos, first of the classes and species that are rare.",
    "resolution": "Give larger pictures, with the face filling the frame.",
    "preprocessing": "Feed each network what it was trained with, as petmood does.",
    "model": "Use the better model; a larger one will not repair the data.",
}


def causes_facts(
    features: FeatureTable,
    manifest: Manifest,
    source: Source,
    backbone: Backbone,
    settings: RunSettings,
    cache: ContentCache,
    *,
    species: SpeciesFacts | None,
    labels: LabelFacts | None,
) -> CausesFacts:
    """Run the experiments and rank them; computed once for given data, features and settings.

    Args:
        features: a row a file of the manifest.
        manifest: the data, with every file.
        source: its bytes, for features at another resolution and with other preprocessing.
        backbone: whose features they are.
        settings: folds and seed.
        cache: of what is known by content.
        species: facts on species, or None where they cannot be told.
        labels: facts on labels, or None without cleanlab.
    """
    causes = [_VERSION, manifest.digest, features.key, settings.folds, settings.seed]
    causes += [f.model_dump(mode="json") if f else None for f in (species, labels)]

    def measure() -> dict[str, object]:
        made = _Experiments(features, manifest, source, backbone, settings, cache)
        return made.facts(species, labels).model_dump(mode="json")

    return CausesFacts.model_validate(cache.remember("causes/v1", causes, measure))


def _nearest() -> NeighbourVote:
    return NeighbourVote(k=1)


class _Experiments:
    """Shares the photos, the folds and the reference model among experiments."""

    def __init__(
        self,
        features: FeatureTable,
        manifest: Manifest,
        source: Source,
        backbone: Backbone,
        settings: RunSettings,
        cache: ContentCache,
    ) -> None:
        self.features, self.full, self.source, self.backbone = features, manifest, source, backbone
        self.settings, self.cache = settings, cache
        self.photos = photos_of(features, manifest)
        self.folds = fewest_folds(manifest, settings.folds)
        self.protocol = grouped_name(self.folds)
        self.reference = self._hits(self.photos, HEAD)

    def facts(self, species: SpeciesFacts | None, labels: LabelFacts | None) -> CausesFacts:
        found = [self.leakage(), self.sample_size(), self.resolution(), self.preprocessing(), self.model()]
        if species is not None:
            found.append(self.species(species))
        if labels is not None:
            found.append(self.labels(labels))
        found.sort(key=lambda cause: (not cause.shown, -cause.effect))
        right, n = int(self.reference.sum()), len(self.reference)
        return CausesFacts(
            backbone=self.features.backbone,
            accuracy=right / n,
            accuracy_ci=wilson_interval(right, n),
            n=n,
            protocol=self.protocol,
            causes=tuple(found),
        )

    def leakage(self) -> CauseFacts:
        """1-NN, which can only remember, under random folds of files and under grouped folds, by photo."""
        manifest, seed = self.full, self.settings.seed
        leaky = cross_predict(
            _nearest,
            self.features.vectors,
            manifest,
            random_folds(manifest, folds=self.folds, seed=seed),
            allow_leakage=True,
        )
        honest = cross_predict(
            _nearest,
            self.features.vectors,
            manifest,
            grouped_folds(manifest, folds=self.folds, seed=seed),
        )
        hits = (leaky.predicted == manifest.class_index[leaky.index]).astype(np.float64)
        families = manifest.family_index
        rates = np.bincount(families[leaky.index], weights=hits) / np.bincount(families[leaky.index])
        grouped = (honest.predicted == manifest.class_index[honest.index]).astype(np.float64)
        difference = rates[families[honest.index]] - grouped
        copies = len(manifest) - manifest.n_photos
        claim = float(rates[families[honest.index]].mean())
        return self._cause(
            "leakage",
            float(difference.mean()),
            bootstrap_interval(difference, seed=seed),
            len(difference),
            "the nearest neighbour, which only remembers, under random folds of files minus under grouped folds",
            f"{copies:,} of {len(manifest):,} files are copies. A random split makes 1-NN right in {claim:.1%}"
            f" of the photos, grouped folds in {grouped.mean():.1%}.",
        )

    def sample_size(self) -> CauseFacts:
        """All training photos against half of them."""
        photos, seed = self.photos, self.settings.seed
        folds = [
            smaller_fold(photos.manifest, fold, 0.5, seed)
            for fold in grouped_folds(photos.manifest, folds=self.folds, seed=seed)
        ]
        made = cross_predict(lambda: make_head(HEAD, seed), photos.features, photos.manifest, folds)
        pair = self._pair(self.reference, made.predicted == photos.labels[made.index], "all photos", "half of them")
        return self._paired("photos", pair, "all training photos minus half of them")

    def resolution(self) -> CauseFacts:
        """The network's own size against a much smaller one."""
        size = self.backbone.preprocess.size
        hits = self._hits(self._seen_through(replace(self.backbone.preprocess, size=SMALL_SIDE)), HEAD)
        pair = self._pair(self.reference, hits, f"{size} pixels", f"{SMALL_SIDE} pixels")
        return self._paired("resolution", pair, f"pictures of {size} pixels minus pictures of {SMALL_SIDE}")

    def preprocessing(self) -> CauseFacts:
        """The network's own preprocessing against pixels in [0, 1], as the study fed them."""
        raw = replace(self.backbone.preprocess, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
        hits = self._hits(self._seen_through(raw), HEAD)
        pair = self._pair(self.reference, hits, "its own preprocessing", "pixels in [0, 1]")
        return self._paired("preprocessing", pair, "the network's own preprocessing minus plain pixels in [0, 1]")

    def model(self) -> CauseFacts:
        """The best of the other classifiers on the same features against the default one."""
        others = {name: self._hits(self.photos, name) for name in VOTERS if name != HEAD}
        best = max(others, key=lambda name: int(others[name].sum()))
        pair = self._pair(others[best], self.reference, best, HEAD)
        text = f"the best of {len(others)} other classifiers ({best}) minus {HEAD} regression, on the same features"
        return self._paired("model", pair, text)

    def species(self, facts: SpeciesFacts) -> CauseFacts:
        """What taking species out of the features costs, in the way that costs least."""
        least = max(facts.erased, key=lambda pair: pair.gain)
        return self._cause(
            "species",
            -least.gain,
            (-least.gain_ci[1], -least.gain_ci[0]),
            least.n,
            f"features as they are minus features without species ({least.name}, which costs least)",
            f"Species alone is right in {facts.over_species.reference_accuracy:.1%}; without species the features are "
            f"right in {least.accuracy:.1%}. Cramer's V of species and mood: {facts.association.cramers_v:.2f}.",
        )

    def labels(self, facts: LabelFacts) -> CauseFacts:
        """The share of labels in doubt, which is what they can take from accuracy at most."""
        told = facts.noise_rate < facts.disagreement_ci[0]
        return self._cause(
            "labels",
            facts.noise_rate,
            facts.noise_rate_ci,
            facts.n,
            "share of labels in doubt by confident learning; the models' own errors count in it, so an upper bound",
            f"{facts.flagged:,} of {facts.n:,} photos are flagged; the models together read {facts.disagreement:.1%} "
            f"otherwise{'.' if told else ', so wrong labels cannot be told from their own errors.'}",
            told,
        )

    def _seen_through(self, preprocess: Preprocess) -> Photos:
        other = replace(self.backbone, preprocess=preprocess)
        return photos_of(extract_features(self.photos.manifest, self.source, other, self.cache), self.photos.manifest)

    def _hits(self, photos: Photos, head: str) -> NDArray[np.bool_]:
        made = predict_photos(
            photos, photos.features, head, VOTERS[head], folds=self.folds, seed=self.settings.seed, cache=self.cache
        )
        return np.asarray(made.predicted == photos.labels)

    def _pair(self, hits: NDArray[np.bool_], other: NDArray[np.bool_], name: str, reference: str) -> PairedFacts:
        return paired_facts(hits, other, name=name, reference=reference, protocol=self.protocol)

    def _paired(self, name: str, pair: PairedFacts, experiment: str) -> CauseFacts:
        finding = f"{pair.name}: right in {pair.accuracy:.1%}; {pair.reference}: in {pair.reference_accuracy:.1%}."
        finding = finding[0].upper() + finding[1:]
        return self._cause(name, pair.gain, pair.gain_ci, pair.n, experiment, finding)

    def _cause(
        self,
        name: str,
        effect: float,
        bounds: tuple[float, float],
        n: int,
        experiment: str,
        finding: str,
        told: bool = True,
    ) -> CauseFacts:
        return CauseFacts(
            name=name,
            title=_TITLES[name],
            effect=effect,
            effect_ci=bounds,
            ci_method=BOOTSTRAP,
            n=n,
            protocol=self.protocol,
            shown=told and bounds[0] > 0,
            experiment=experiment,
            finding=finding,
            advice=_ADVICE[name],
        )
