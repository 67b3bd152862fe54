"""`petmood regrade`: each published claim's protocol run again with the same features, beside the honest figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.folds import random_holdouts
from petmood.evaluate.intervals import BOOTSTRAP, WILSON, bootstrap_interval
from petmood.evaluate.leakage import exposed_items
from petmood.evaluate.metrics import wilson_interval
from petmood.evaluate.protocols import OFFICIAL, grouped_name
from petmood.progress import Progress
from petmood.records import Manifest
from petmood.results import Figure, Regraded, RegradeFacts
from petmood.split import Fold, grouped_folds, official_fold
from petmood.workflows.material import open_material
from petmood.workflows.predictions import Subject, head_subject, predict

HEAD: Final = "logistic-c1"
REPEATS: Final = 5
LEFT_OUT: Final = "other"


@dataclass(frozen=True)
class Claim:
    """A published figure and how it came about.

    Attributes:
        name: for programs.
        text: its protocol in words.
        claimed: lowest and highest accuracy claimed.
        source: who claimed it.
        share: of the files held out at random, or None for the official split.
        drop: the class it leaves out, in lower case, or None.
    """

    name: str
    text: str
    claimed: tuple[float, float]
    source: str
    share: float | None
    drop: str | None = None


_PUBLISHED: Final = "published models on this data set"
CLAIMS: Final = (
    Claim("random-70-15-15", "70 / 15 / 15 % of the files at random", (0.94, 0.98), _PUBLISHED, 0.15),
    Claim("random-5-percent", "5 % of the files held out at random", (0.94, 0.98), _PUBLISHED, 0.05),
    Claim(
        "three-classes", "three classes, 15 % of the files held out at random", (0.94, 0.98), _PUBLISHED, 0.15, LEFT_OUT
    ),
    Claim(
        "official-three-classes",
        "three classes of the data's own train and test split",
        (18 / 32, 18 / 32),
        "a fine-tuned ResNet-18",
        None,
        LEFT_OUT,
    ),
    Claim("official", "the data's own train and test split", (14 / 38, 14 / 38), "the reference study's CNN", None),
    Claim("official-best", "the data's own train and test split", (21 / 38, 21 / 38), "the best known figure", None),
)
"""What docs/regrade.md cites."""


def regrade(data: Path, settings: RunSettings, progress: Progress | None = None) -> RegradeFacts:
    """Grade the published claims again on a data set.

    Raises:
        PetmoodError: anything the user can mend; a split that leaks unless the settings allow it.
    """
    with open_material(data, settings, progress) as material:
        subject = head_subject(material.features, HEAD, settings.seed)
        official_fold(material.manifest)
        with material.progress.stage("regrade", "Grading published claims again") as tick:
            rows = []
            for i, claim in enumerate(CLAIMS):
                graded = _grade(claim, subject, material.manifest, settings, material.cache)
                if graded is not None:
                    rows.append(graded)
                tick(i + 1, len(CLAIMS))
    return RegradeFacts(model=subject.name, title=subject.title, claims=tuple(rows))


def _grade(
    claim: Claim, subject: Subject, manifest: Manifest, settings: RunSettings, cache: ContentCache
) -> Regraded | None:
    """None where the claim's classes are not those of the data."""
    if claim.drop is not None:
        kept = tuple(name for name in manifest.classes if name.casefold() != claim.drop)
        if len(kept) in (1, len(manifest.classes)):
            return None
        rows = np.flatnonzero(np.isin([r.class_name for r in manifest.records], kept))
        manifest = replace(manifest, classes=kept, records=tuple(manifest.records[i] for i in rows))
        subject = replace(subject, vectors=subject.vectors[rows])
    if claim.share is None:
        folds = [official_fold(manifest)]
        reproduced = _figure(subject, manifest, OFFICIAL, [(f"{OFFICIAL}/{settings.seed}", lambda: folds)], cache)
    else:
        pool = manifest.in_split("train") if manifest.official_splits else None
        folds = list(random_holdouts(manifest, share=claim.share, repeats=REPEATS, seed=settings.seed, rows=pool))
        runs: list[tuple[str, Callable[[], list[Fold]]]] = [
            (f"holdout-{claim.share}-{REPEATS}/{i}/{settings.seed}", lambda fold=fold: [fold])  # type: ignore[misc]
            for i, fold in enumerate(folds)
        ]
        reproduced = _figure(subject, manifest, f"{REPEATS} random holdouts", runs, cache)
    honest = _figure(
        subject,
        manifest,
        grouped_name(settings.folds),
        [
            (
                f"{grouped_name(settings.folds)}/{settings.seed}",
                lambda: list(grouped_folds(manifest, folds=settings.folds, seed=settings.seed)),
            )
        ],
        cache,
    )
    exposed = exposed_items(manifest, folds) / sum(len(f.evaluate) for f in folds)
    return Regraded(
        name=claim.name,
        protocol_text=claim.text,
        classes=manifest.classes,
        claimed=claim.claimed,
        source=claim.source,
        reproduced=reproduced,
        exposed=exposed,
        honest=honest,
        verdict=_verdict(claim, reproduced, honest, exposed),
    )


def _figure(
    subject: Subject,
    manifest: Manifest,
    protocol: str,
    runs: list[tuple[str, Callable[[], list[Fold]]]],
    cache: ContentCache,
) -> Figure:
    made = [predict(subject, manifest, name, folds, cache, allow_leakage=True) for name, folds in runs]
    index = np.concatenate([m.index for m in made])
    hits = (np.concatenate([m.predicted for m in made]) == manifest.class_index[index]).astype(np.float64)
    families = manifest.family_index[index]
    single = protocol == OFFICIAL
    return Figure(
        protocol=protocol,
        n=len(hits),
        photos=len(np.unique(families)),
        accuracy=float(hits.mean()),
        accuracy_ci=wilson_interval(int(hits.sum()), len(hits)) if single else bootstrap_interval(hits, families),
        ci_method=WILSON if single else BOOTSTRAP,
    )


def _verdict(claim: Claim, reproduced: Figure, honest: Figure, exposed: float) -> str:
    low, high = claim.claimed
    claimed = f"{low:.1%}" if low == high else f"{low:.0%} to {high:.0%}"
    figures = (
        f"claimed {claimed}; {reproduced.accuracy:.1%} (95 % {reproduced.accuracy_ci[0]:.1%} to "
        f"{reproduced.accuracy_ci[1]:.1%}; n = {reproduced.n:,} of {reproduced.photos:,} photos) under the claim's own "
        f"protocol; {honest.accuracy:.1%} (95 % {honest.accuracy_ci[0]:.1%} to {honest.accuracy_ci[1]:.1%}; "
        f"n = {honest.n:,}) by photo"
    )
    if exposed and reproduced.accuracy_ci[0] > honest.accuracy_ci[1]:
        return f"Leakage: {exposed:.1%} of what was held out had a copy in training. {figures}."
    if exposed:
        return f"The protocol leaks ({exposed:.1%} had a copy in training), without showing here. {figures}."
    return f"No copy in training, so the protocol is honest, and small. {figures}."
