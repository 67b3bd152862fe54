"""`petmood regrade`: each published claim's protocol run again with the same features, beside the honest figure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from petmood.analyses.leakage.compute import files_pool
from petmood.analyses.leakage.judge import exposed_items
from petmood.config import RunSettings
from petmood.dataset import Dataset, Model, open_as
from petmood.dataset.dataset import backbone_named
from petmood.dataset.models import head
from petmood.evaluation.folds import random_holdouts
from petmood.evaluation.protocols import Protocol, grouped, once_on_test
from petmood.evaluation.statistics import BOOTSTRAP, mean_interval
from petmood.progress import Progress
from petmood.records import Manifest
from petmood.results import Figure, Regraded, RegradeFacts
from petmood.split import test_fold

HEAD: Final = "logistic-c1"
REPEATS: Final = 5
LEFT_OUT: Final = "other"


@dataclass(frozen=True)
class Claim:
    """A published figure and how it came about.

    Attributes:
        name: for programs.
        claimed: lowest and highest accuracy claimed.
        source: who claimed it.
        share: of the files held out at random, or None for the official split.
        drop: the class it leaves out, in lower case, or None.
    """

    name: str
    claimed: tuple[float, float]
    source: str
    share: float | None
    drop: str | None = None


_PUBLISHED: Final = "published models on this data set"
CLAIMS: Final = (
    Claim("random-70-15-15", (0.94, 0.98), _PUBLISHED, 0.15),
    Claim("random-5-percent", (0.94, 0.98), _PUBLISHED, 0.05),
    Claim("three-classes", (0.94, 0.98), _PUBLISHED, 0.15, LEFT_OUT),
    Claim("official-three-classes", (18 / 32, 18 / 32), "a fine-tuned ResNet-18", None, LEFT_OUT),
    Claim("official", (14 / 38, 14 / 38), "the reference study's CNN", None),
    Claim("official-best", (21 / 38, 21 / 38), "the best known figure", None),
)
"""What docs/regrade.md cites."""

CLAIMED_DATA: Final = frozenset({"9940c573cf0e8d756c2f9fcc0cee639a0c0ffab9792bff1b82165b8c6ce9b156"})
"""`files_digest` of the data set that the claims were made on: the Kaggle "Pets Facial Expression Dataset"."""


def regrade(data: Path, settings: RunSettings, progress: Progress | None = None) -> RegradeFacts:
    """Grade the protocols of published claims again on a data set, and the claims themselves if they are about it.

    Raises:
        PetmoodError: anything the user can fix; a split that leaks unless the settings allow it.
    """
    model = head(backbone_named(settings.backbone), HEAD)
    with open_as(data, settings, progress) as opened:
        test_fold(opened.manifest)
        opened.features(settings.backbone)
        claimed = files_digest(opened.manifest) in CLAIMED_DATA
        rows = []
        with opened.timed.stage("regrade", "Grading published claims again") as tick:
            for i, claim in enumerate(CLAIMS):
                graded = _grade(claim, model, opened, settings, claimed)
                if graded is not None:
                    rows.append(graded)
                tick(i + 1, len(CLAIMS))
    return RegradeFacts(model=model.name, title=model.title, claims=tuple(rows))


def files_digest(manifest: Manifest) -> str:
    """Digest of the bytes of all images, whatever their names, labels and splits: which data set this is."""
    return hashlib.sha256("\n".join(sorted(set(manifest.sha256s()))).encode()).hexdigest()


def _grade(claim: Claim, model: Model, data: Dataset, settings: RunSettings, claimed: bool) -> Regraded | None:
    """None where the claim's classes are not those of the data."""
    if claim.drop is not None:
        kept = tuple(name for name in data.classes if name.casefold() != claim.drop)
        if len(kept) in (1, len(data.classes)):
            return None
        rows = np.flatnonzero(np.isin([r.class_name for r in data.records], kept))
        data = data.subset(rows).relabelled(replace(data.manifest.subset(rows), classes=kept))
    manifest, seed = data.manifest, settings.seed
    if claim.share is None:
        reproduced = _figure(model, data, [once_on_test(manifest, seed, "files")], None)
        folds = [test_fold(manifest)]
    else:
        pool, name = files_pool(manifest), f"random holdout of {claim.share:.0%}"
        folds = list(random_holdouts(manifest, share=claim.share, repeats=REPEATS, seed=seed, rows=pool))
        protocols = [
            Protocol(
                name, seed, partial(lambda dealt, m: [dealt], fold), "files", detail=f"{i} of {REPEATS}", leaks=True
            )
            for i, fold in enumerate(folds)
        ]
        reproduced = _figure(model, data, protocols, f"{REPEATS} random holdouts")
    honest = _figure(model, data, [grouped(manifest, settings.folds, seed, "files")], None)
    exposed = exposed_items(manifest, folds) / sum(len(f.evaluate) for f in folds)
    shown = claim.claimed if claimed else None
    return Regraded(
        name=claim.name,
        classes=manifest.classes,
        claimed=shown,
        source=claim.source if claimed else None,
        reproduced=reproduced,
        exposed=exposed,
        honest=honest,
    )


def _figure(model: Model, data: Dataset, protocols: Sequence[Protocol], name: str | None) -> Figure:
    made = [data.predictions(model, protocol) for protocol in protocols]
    index = np.concatenate([m.index for m in made])
    hits = np.concatenate([m.hits(data.manifest) for m in made]).astype(np.float64)
    families = data.manifest.family_index[index]
    return Figure(
        protocol=name or protocols[0].name,
        n=len(hits),
        photos=len(np.unique(families)),
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits, families),
        ci_method=BOOTSTRAP,
    )
