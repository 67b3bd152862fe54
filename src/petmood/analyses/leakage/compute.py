"""The leakage meter: models and controls under a random, a grouped and the test split, all fitted on every file.

The practice behind published figures deals files, so every model here is fitted on files and named so; petmood's own
figures, which stand elsewhere, are of models fitted on one file a photo.
"""

from __future__ import annotations

from pathlib import Path

from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure
from petmood.analyses.leakage.judge import (
    PERMUTED,
    accuracy_gap,
    exposed_items,
    judge_split,
    leakage_figure,
    permute_labels,
)
from petmood.config import RunSettings
from petmood.dataset import Dataset, Model, open_as
from petmood.dataset.figures import identity_of, leak_mark
from petmood.dataset.models import HEAD, head, majority, thumbnails
from petmood.evaluation.folds import random_folds
from petmood.evaluation.protocols import Predictions, Protocol, grouped, once_on_test
from petmood.features import Backbone, load_backbone
from petmood.progress import Progress, Tick
from petmood.records import IntArray, Manifest
from petmood.results import put_mark
from petmood.split import fewest_folds, straddling_families, test_fold

WEAK = "logistic-c1"
"""The head of published figures, which can learn by heart."""


def random_name(folds: int) -> str:
    """Name of k-fold cross-validation over files, blind to families."""
    return f"random-{folds}-fold"


def leakage_facts(
    data: Dataset,
    backbone: Backbone,
    settings: RunSettings,
    tick: Tick = lambda done, total: None,
    head_name: str = HEAD,
) -> LeakageFacts:
    """Measure a head, the same head with a weak penalty, thumbnails and permuted labels under each split.

    Raises:
        LeakageError: the test split leaks and the manifest does not allow it.
    """
    manifest = data.manifest
    test_fold(manifest)
    protocols = _protocols(manifest, settings)
    dealt = data.relabelled(permute_labels(manifest, settings.seed))
    weak, control = head(backbone, WEAK), thumbnails()
    models = [head(backbone, head_name), *([] if head_name == WEAK else [weak]), control]
    figures: list[LeakageFigure] = []
    made_of: dict[tuple[str, str], Predictions] = {}
    total = len(protocols) * (len(models) + 1)

    def measure(rows: Dataset, model: Model, protocol: Protocol, name: str, is_control: bool) -> Predictions:
        made = rows.predictions(model, protocol)
        figures.append(
            leakage_figure(
                rows.manifest,
                made,
                subject=name,
                control=is_control,
                split=protocol.name,
                identity=identity_of(rows.manifest, model.name, protocol),
            )
        )
        tick(len(figures), total)
        return made

    for protocol in protocols:
        for model in models:
            made = measure(data, model, protocol, model.name, model is control)
            if model is not control:
                made_of[protocol.name, model.name] = made
        measure(dealt, weak, protocol, PERMUTED, True)
    random, honest = protocols[0].name, protocols[1].name
    judged = []
    for protocol in protocols:
        own = [f for f in figures if f.split == protocol.name]
        gap = None
        if protocol.name == random:
            # what the split hides most is told by the model that learns most by heart
            worst = max((f for f in own if not f.control), key=lambda f: f.accuracy).subject
            gap = accuracy_gap(manifest, made_of[random, worst], made_of[honest, worst])
        constant = data.predictions(majority(), protocol)
        chance = float(constant.hits(manifest).mean())
        exposed = exposed_items(manifest, protocol.folds(manifest))
        judged.append(judge_split(protocol.name, own, exposed, chance, gap))
    allowed = manifest.allow_leakage and bool(straddling_families(manifest))
    return LeakageFacts(allowed=allowed, figures=tuple(figures), splits=tuple(judged))


def _protocols(manifest: Manifest, settings: RunSettings) -> tuple[Protocol, Protocol, Protocol]:
    folds, seed = fewest_folds(manifest, settings.folds), settings.seed
    random = Protocol(
        random_name(folds),
        seed,
        lambda m: list(random_folds(m, folds=folds, seed=seed, rows=files_pool(m))),
        "files",
        detail="files of train" if manifest.official_splits else "all files",
        leaks=True,
    )
    return random, grouped(manifest, settings.folds, seed, "files"), once_on_test(manifest, seed, "files")


def files_pool(manifest: Manifest) -> IntArray | None:
    """The files that a random split deals: those of train, or all (None) where petmood made the splits."""
    return manifest.in_split("train") if manifest.official_splits else None


def leakage(data: Path, settings: RunSettings, progress: Progress | None = None, head_name: str = HEAD) -> LeakageFacts:
    """Open a data set and hold the meter to it.

    Raises:
        PetmoodError: anything the user can fix; a split that leaks unless the settings allow it.
    """
    backbone = load_backbone(settings.backbone)
    with open_as(data, settings, progress) as opened:
        opened.features(backbone)
        with opened.timed.stage("leakage", "Measuring leakage") as tick:
            facts = leakage_facts(opened, backbone, settings, tick, head_name)
        mark = leak_mark(opened.manifest)
    return put_mark(facts, mark) if mark else facts
