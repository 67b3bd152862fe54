"""`petmood train`: labelled faces -> one model, trained, evaluated and saved as a bundle."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final

from petmood.build.heads import save_head_bundle
from petmood.build.study_networks import TITLES, leads, processes, save_cnn_bundle
from petmood.bundle import ModelDescription
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_as
from petmood.dataset.dataset import backbone_named
from petmood.errors import ConfigError, near_or, require_extra
from petmood.files import claimed_output
from petmood.labels import read_soft_labels
from petmood.methods.selection import Watch
from petmood.methods.settings import AutoSettings
from petmood.progress import Progress, Silent
from petmood.split import test_fold

MODELS: Final = ("auto", "head", "finetune", "cnn1", "cnn2")
"""What can be trained."""

_SEARCHED: Final = "--budget, --use, --extra, --map, --extra-weight, --unlabelled and --distil"


def train(
    data: Path,
    out: Path,
    model: str,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    thumbnails: bool = False,
    auto: AutoSettings | None = None,
    device: str = "auto",
    watch: Watch = lambda rows, title: None,
) -> ModelDescription | None:
    """Train a model on labelled faces and save it as a bundle, whose description it gives.

    Processes that torchrun started train a network of the study as one; the first saves it, the others return None.

    Args:
        data: folder or .zip of labelled images.
        out: the bundle: a folder, or a path that ends in .zip; an older bundle there is replaced.
        model: one of `MODELS`.
        settings: seed, backbone, folds and size of the CNN.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given; "head" learns from its soft labels, if any.
        thumbnails: whether the bundle of a head or of a search keeps small copies of its training photos.
        auto: how the model "auto" is searched for; the seed and the folds are those of `settings`.
        device: where "finetune" trains.
        watch: is shown the standings of that search as they come.
    """
    if model not in MODELS:
        raise ConfigError(f"unknown model '{model}'. {near_or(model, MODELS)}")
    if thumbnails and model not in ("auto", "head"):
        raise ConfigError(
            f"thumbnails are kept by the models 'auto' and 'head', got '{model}'. Leave out --thumbnails."
        )
    alone = model == "finetune" and auto is not None and auto == AutoSettings(budget=auto.budget)
    if auto is not None and model != "auto" and not alone:
        raise ConfigError(f"--model {model} searches for nothing: {_SEARCHED} are for --model auto.")
    if processes() > 1 and model not in TITLES:
        raise ConfigError(f"with torchrun only {' and '.join(TITLES)} are trained, got '{model}'. Start it without.")
    shown = progress if progress and leads() else Silent()
    # what cannot be had is told of before any image is read
    if model not in ("head", "auto"):
        require_extra("Training a network", "train", "torch")
    for stands in () if auto is None else auto.means.use.values():
        backbone_named(stands)
    backbone = backbone_named(settings.backbone) if model == "head" else None
    means = None if auto is None else auto.means
    others = [labels] if means is None else [labels, means.extra, means.unlabelled]
    # of processes that train together the first alone writes
    claim = claimed_output(out, [data, *others]) if leads() else nullcontext()
    with (
        claim,
        open_as(data, settings, shown, labels=labels) as opened,
    ):
        soft = None if labels is None else read_soft_labels(labels, opened.manifest)
        if soft is not None and model != "head":
            shown.note(
                f"{labels} has soft labels, from which --model head learns; --model {model} learns from its labels."
            )
        if model == "auto":
            search = replace(auto or AutoSettings(), seed=settings.seed, folds=settings.folds)
            return _auto(out, opened, settings, search, shown, watch, thumbnails)
        if model == "finetune":
            from petmood.build.finetuned import finetune_plan, save_finetuned

            tuned = finetune_plan(settings.preset, None if auto is None else auto.budget, device, settings.backbone)
            return save_finetuned(out, opened, settings, tuned, shown)
        if backbone is None:
            with shown.stage(f"Training {model} at {settings.cnn_size} pixels") as tick:
                return save_cnn_bundle(out, opened, model, settings, tick)
        with shown.stage("Training, evaluating and saving"):
            return save_head_bundle(out, opened, backbone, settings, thumbnails=thumbnails, soft=soft)


def _auto(
    out: Path,
    data: Dataset,
    settings: RunSettings,
    search: AutoSettings,
    shown: Progress,
    watch: Watch,
    thumbnails: bool,
) -> ModelDescription:
    from petmood.build.selected import save_auto_bundle
    from petmood.methods.reading import MethodData
    from petmood.methods.selection import contest, distil
    from petmood.threads import one_thread

    rows = test_fold(data.manifest).train
    # one thread: matrices are small, and threads that wait for each other take several times as long
    with one_thread():
        bench = MethodData(data, search.means)
        made = contest(bench, rows, search, watch)
        winner = made.ranked()[0]
        if search.distil:
            with shown.stage(f"Distilling {winner}"):
                made = distil(bench, made, winner, search)
            winner = f"{winner}+distilled"
    with shown.stage(f"Refitting {winner} and saving") as tick:
        return save_auto_bundle(out, data, made, winner, settings, search, tick, thumbnails=thumbnails)
