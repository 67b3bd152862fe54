"""A run's photos and facts -> what stands in the way of accuracy, each cause by an experiment, ranked by its effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.causes.facts import CauseFacts, CauseName, CausesFacts
from petmood.analyses.labels.facts import LabelFacts
from petmood.analyses.species.facts import SpeciesFacts
from petmood.config import RunSettings
from petmood.dataset import Dataset, Model
from petmood.dataset.figures import figure
from petmood.dataset.models import HEAD, VOTERS, head
from petmood.evaluation.folds import smaller_fold
from petmood.evaluation.protocols import Protocol, grouped
from petmood.evaluation.statistics import BOOTSTRAP, paired_facts
from petmood.features import Backbone
from petmood.features.maps import unscaled
from petmood.results import Interval

SMALL_SIDE: Final = 96
"""Side in pixels of the experiment on resolution; a multiple of 32, as the networks like it."""


def causes_facts(
    data: Dataset,
    backbone: Backbone,
    settings: RunSettings,
    *,
    species: SpeciesFacts | None,
    labels: LabelFacts | None,
) -> CausesFacts:
    """Run the experiments and rank them; computed once for given data, features and settings.

    Args:
        data: with every file.
        backbone: whose features are read.
        settings: folds and seed.
        species: facts on species, or None where they cannot be told.
        labels: facts on labels, or None without cleanlab.
    """
    key = data.photos.features(backbone).key
    causes = [data.manifest.digest, key, settings.folds, settings.seed]
    causes += [f.model_dump(mode="json") if f else None for f in (species, labels)]

    return data.cache.remember_facts(
        "causes/v7", CausesFacts, causes, lambda: _Experiments(data, backbone, settings).facts(species, labels)
    )


class _Experiments:
    """Shares the photos, the folds and the reference model among experiments."""

    def __init__(self, data: Dataset, backbone: Backbone, settings: RunSettings) -> None:
        self.data, self.photos, self.backbone = data, data.photos, backbone
        self.seed = settings.seed
        self.protocol = grouped(data.manifest, settings.folds, settings.seed)
        self.model = head(backbone)
        self.reference = self._hits(self.model)

    def facts(self, species: SpeciesFacts | None, labels: LabelFacts | None) -> CausesFacts:
        found = [self.sample_size(), self.resolution(), self.preprocessing(), self.classifier()]
        if species is not None:
            found.append(self.species(species))
        if labels is not None:
            found.append(self.labels(labels))
        found.sort(key=lambda cause: (not cause.shown, -cause.effect))
        headline = figure(self.data, self.model, self.protocol)
        return CausesFacts(
            backbone=self.backbone.name,
            accuracy=headline.accuracy,
            accuracy_ci=headline.accuracy_ci,
            n=headline.n,
            protocol=self.protocol.name,
            causes=tuple(found),
            identity=headline.identity,
        )

    def sample_size(self) -> CauseFacts:
        """All training photos against half of them."""
        half = Protocol(
            f"{self.protocol.name}, half of the photos",
            self.seed,
            lambda m: [smaller_fold(m, fold, 0.5, self.seed) for fold in self.protocol.folds(m)],
        )
        fewer = self.photos.predictions(self.model, half).hits(self.photos.manifest)
        return self._paired("photos", self.reference, fewer)

    def resolution(self) -> CauseFacts:
        """The network's own size against a much smaller one."""
        size = self.backbone.preprocess.size
        smaller = replace(
            self.backbone,
            name=f"{self.backbone.name} at {SMALL_SIDE} pixels",
            preprocess=replace(self.backbone.preprocess, size=SMALL_SIDE),
        )
        smaller_hits = self._hits(head(smaller))
        return self._paired(
            "resolution", self.reference, smaller_hits, values={"pixels": size, "fewer_pixels": SMALL_SIDE}
        )

    def preprocessing(self) -> CauseFacts:
        """The network's own preprocessing against pixels in [0, 1], as the study fed them."""
        raw = replace(unscaled(self.backbone), name=f"{self.backbone.name} fed pixels in [0, 1]")
        return self._paired("preprocessing", self.reference, self._hits(head(raw)))

    def classifier(self) -> CauseFacts:
        """The best of the other classifiers on the same features against the default one."""
        others = {name: self._hits(head(self.backbone, name)) for name in VOTERS if name != HEAD}
        best = max(others, key=lambda name: int(others[name].sum()))
        return self._paired("model", others[best], self.reference, best, {"tried": len(others)})

    def species(self, facts: SpeciesFacts) -> CauseFacts:
        """What taking species out of the features costs, in the way that costs least."""
        least = max(facts.erased, key=lambda pair: pair.gain)
        return self._cause(
            "species",
            -least.gain,
            (-least.gain_ci[1], -least.gain_ci[0]),
            least.n,
            {
                "species_right": facts.over_species.reference_accuracy,
                "right_without": least.accuracy,
                "cramers_v": facts.association.cramers_v,
            },
            choice=least.name,
        )

    def labels(self, facts: LabelFacts) -> CauseFacts:
        """The share of labels in doubt, which is what they can take from accuracy at most."""
        told = facts.noise_rate < facts.disagreement_ci[0]
        return self._cause(
            "labels",
            facts.noise_rate,
            facts.noise_rate_ci,
            facts.n,
            {
                "flagged": facts.flagged,
                "disagreement": facts.disagreement,
                "disagreement_low": facts.disagreement_ci[0],
            },
            told=told,
        )

    def _hits(self, model: Model) -> NDArray[np.bool_]:
        return self.photos.predictions(model, self.protocol).hits(self.photos.manifest)

    def _paired(
        self,
        name: CauseName,
        hits: NDArray[np.bool_],
        other: NDArray[np.bool_],
        choice: str = "",
        values: Mapping[str, float] | None = None,
    ) -> CauseFacts:
        pair = paired_facts(hits, other, name=name, reference="", protocol=self.protocol.name)
        both = {"right": pair.accuracy, "other_right": pair.reference_accuracy}
        return self._cause(name, pair.gain, pair.gain_ci, pair.n, both | dict(values or {}), choice=choice)

    def _cause(
        self,
        name: CauseName,
        effect: float,
        bounds: Interval,
        n: int,
        values: dict[str, float],
        *,
        choice: str = "",
        told: bool = True,
    ) -> CauseFacts:
        return CauseFacts(
            name=name,
            effect=effect,
            effect_ci=bounds,
            ci_method=BOOTSTRAP,
            n=n,
            protocol=self.protocol.name,
            shown=told and bounds[0] > 0,
            choice=choice,
            values=values,
        )
