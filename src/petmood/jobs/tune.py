"""`petmood tune`: a search over the study's own choices, on held-out photos of train and valid; test judges once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from petmood.config import Settings
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.dataset import backbone_named
from petmood.dataset.figures import model_facts
from petmood.errors import require_extra
from petmood.evaluation.protocols import Predictions, Training, test_name, training_rows
from petmood.files import output_folder
from petmood.progress import Progress
from petmood.records import FloatArray, IntArray, Manifest
from petmood.results import ModelFacts
from petmood.results.tune import Choice, TuneFacts
from petmood.split import Fold, grouped_folds, official_fold
from petmood.store import write_json
from petmood.training.search import SPACES, Report, TrialScores, check_storage, search

_VERSION: Final = 2  # raise it when what a trial does changes, so that older trials are not gone on with


class TuneSettings(Settings):
    """What `petmood tune` does.

    Attributes:
        model: "cnn", a network of the study's kind, or "head", logistic regression on frozen features.
        objective: "cv", cross-validation on the photos of train and valid grouped by family, or "valid", that split.
        trials: how many in all, earlier ones included.
        minutes: budget of this call, or None.
        folds: of cross-validation.
        size: side in pixels of the networks' input.
        epochs: of each training at most; it stops after 3 without a lower loss.
        backbone: whose features a head reads.
        seed: of every random choice.
        storage: a journal file or the URL of a database, for searches from several machines; by default a journal in
            the results' folder.
    """

    model: Literal["cnn", "head"] = "head"
    objective: Literal["cv", "valid"] = "cv"
    trials: int = Field(default=30, ge=1, le=100_000)
    minutes: float | None = Field(default=None, gt=0, strict=False)
    folds: int = Field(default=3, ge=2, le=50)
    size: int = Field(default=64, ge=32, le=1024)
    epochs: int = Field(default=10, ge=1, le=10_000)
    backbone: str = "efficientnet-lite0"
    seed: int = Field(default=42, ge=0, lt=2**31)
    storage: str | None = None


Outcome = tuple[NDArray[np.float64], float | None]
Judge = Callable[[dict[str, Choice], Fold, int | None, Report | None], Outcome]
"""(choices, fold, epochs or None to stop early, report) -> (n, n_classes) probabilities of the photos, best epoch."""


def tune(data: Path, out: Path, settings: TuneSettings, progress: Progress | None = None) -> TuneFacts:
    """Search, refit the winner on train and judge it once on test.

    The search is kept in `out/trials.journal`: the same command goes on where it was interrupted, and run by several
    processes at once it shares the work.
    """
    packages = ("optuna", "torch") if settings.model == "cnn" else ("optuna",)
    require_extra("petmood tune", "train", *packages)
    storage = settings.storage or str(out / "trials.journal")
    check_storage(storage, [data])
    with output_folder(out, [data], shared=True) as folder:
        return _tune(data, folder, storage, settings, progress)


def _tune(data: Path, folder: Path, storage: str, settings: TuneSettings, progress: Progress | None) -> TuneFacts:
    backbone = backbone_named(settings.backbone) if settings.model == "head" else None
    with open_dataset(data, seed=settings.seed, progress=progress) as opened:
        manifest, timed = opened.manifest, opened.timed
        official = official_fold(manifest)
        with timed.stage("load", "Preparing what the model reads"):
            if backbone is None:
                judge = _cnn_judge(opened, settings)
            else:
                judge = _head_judge(opened.features(backbone).vectors, manifest)
        folds = _folds(manifest, settings)
        with timed.stage("search", f"Searching ({settings.model})") as tick:
            found = search(
                lambda choices, report: judge_all(judge, choices, folds, manifest, report),
                SPACES[settings.model],
                storage,
                _name(manifest, settings),
                trials=settings.trials,
                minutes=settings.minutes,
                seed=settings.seed,
                on_trial=tick,
            )
        best = found.best
        with timed.stage("refit", "Refitting the winner"):
            epochs = None if best.epochs is None else max(1, round(best.epochs))
            probabilities, _ = judge(best.params, official, epochs, None)
            winner = _winner(manifest, official, probabilities, settings, best.params, epochs)
    facts = TuneFacts(
        model=settings.model,
        objective=settings.objective,
        seed=settings.seed,
        size=settings.size if settings.model == "cnn" else None,
        epochs=settings.epochs if settings.model == "cnn" else None,
        n_held_out=sum(len(fold.evaluate) for fold in folds),
        trials=found.trials,
        best=best.number,
        importance=found.importance,
        winner=winner,
    )
    write_json(folder / "tune.json", facts.model_dump(mode="json"))
    from petmood.report.study import render_tune

    render_tune(facts, manifest.name, folder / "tune.html")
    return facts


def _folds(manifest: Manifest, settings: TuneSettings) -> list[Fold]:
    """Partitions of train and valid; a photo of test is in none."""
    if settings.objective == "valid":
        return [official_fold(manifest, evaluate="valid")]
    test = manifest.in_split("test")
    families = manifest.family_index
    folds = []
    for fold in grouped_folds(manifest, folds=settings.folds, seed=settings.seed):
        outside = np.isin(families, families[test])
        train, evaluate = (rows[~outside[rows]] for rows in (fold.train, fold.evaluate))
        folds.append(Fold(train=train, evaluate=evaluate))
    return folds


def _name(manifest: Manifest, settings: TuneSettings) -> str:
    chosen = settings.model_dump(exclude={"trials", "minutes", "storage"})
    causes = json.dumps([_VERSION, manifest.digest, chosen], sort_keys=True)
    return f"{settings.model}-{hashlib.sha256(causes.encode()).hexdigest()[:16]}"


def judge_all(
    judge: Judge, choices: dict[str, Choice], folds: Sequence[Fold], manifest: Manifest, report: Report
) -> TrialScores:
    """What choices come to over all folds, told fold by fold."""
    losses: list[float] = []
    right: list[bool] = []
    epochs: list[float] = []
    for i, fold in enumerate(folds):
        within = (lambda epoch, loss: report(epoch, loss)) if len(folds) == 1 else None
        probabilities, kept = judge(choices, fold, None, within)
        truth = manifest.class_index[fold.evaluate]
        losses += (-np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-7, 1))).tolist()
        right += (probabilities.argmax(axis=1) == truth).tolist()
        epochs += [kept] if kept is not None else []
        if len(folds) > 1 and i + 1 < len(folds):
            report(i, float(np.mean(losses)))
    return TrialScores(float(np.mean(losses)), float(np.mean(right)), float(np.mean(epochs)) if epochs else None)


def _training(augment: Choice) -> Training:
    """What is trained on: all files, or one a photo."""
    return "files" if augment == "copies" else "photos"


def _rows(manifest: Manifest, fold: Fold, augment: Choice) -> IntArray:
    return training_rows(manifest, fold.train, _training(augment))


def _head_judge(vectors: FloatArray, manifest: Manifest) -> Judge:
    from petmood.evaluation.protocols import fit_rows, in_class_order
    from petmood.training.heads import LogisticHead

    def judge(
        choices: dict[str, Choice], fold: Fold, epochs: int | None, report: Report | None
    ) -> tuple[NDArray[np.float64], None]:
        features = vectors
        if choices["unit_length"]:
            features = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        rows = _rows(manifest, fold, choices["augment"])
        head = fit_rows(lambda: LogisticHead(C=float(choices["C"])), features, manifest, rows)
        return in_class_order(head, head.predict_proba(features[fold.evaluate]), manifest.classes), None

    return judge


def _cnn_judge(data: Dataset, settings: TuneSettings) -> Judge:
    from petmood.training.modules import build
    from petmood.training.networks import custom_cnn
    from petmood.training.settings import EpochLog, TrainSettings
    from petmood.training.training_loop import LabelledImages, predict_logits, train

    largest = round(settings.size / 0.8)
    manifest, pixels = data.manifest, data.pixels(largest)
    classes = manifest.class_index

    def prepared(rows: IntArray, choices: dict[str, Choice], flip: bool) -> LabelledImages:
        images, targets = crop(pixels[rows], float(choices["crop"]), settings.size), classes[rows]
        if choices["colour"] == "grey":
            grey = (images @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
            images = np.repeat(grey[..., np.newaxis], 3, axis=3)
        if flip:
            images, targets = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([targets, targets])
        return LabelledImages(np.ascontiguousarray(images), targets)

    def judge(
        choices: dict[str, Choice], fold: Fold, epochs: int | None, report: Report | None
    ) -> tuple[NDArray[np.float64], float | None]:
        network = custom_cnn(
            len(manifest.classes),
            settings.size,
            depth=int(choices["depth"]),
            filters=int(choices["filters"]),
            activation=str(choices["activation"]),
            batch_norm=bool(choices["batch_norm"]),
            dropout=float(choices["dropout"]),
        )
        training = TrainSettings(
            epochs=epochs or settings.epochs,
            batch_size=int(choices["batch_size"]),
            learning_rate=float(choices["learning_rate"]),
            patience=None if epochs else 3,
            seed=settings.seed,
            size=settings.size,
        )

        def tell(log: EpochLog) -> None:
            if report is not None and log.val_loss is not None:
                report(log.epoch, log.val_loss)

        module = build(network, settings.seed)
        rows = _rows(manifest, fold, choices["augment"])
        held = prepared(fold.evaluate, choices, flip=False)
        seen = prepared(rows, choices, flip=choices["augment"] == "flip")
        # a refit has a fixed number of epochs: test is not looked at while training
        result = train(module, seen, training, validation=None if epochs else held, on_epoch=tell)
        logits = predict_logits(module, held.images).astype(np.float64)
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True), float(result.kept_epoch)

    return judge


def crop(pixels: NDArray[np.uint8], share: float, size: int) -> NDArray[np.uint8]:
    """The middle of (n, side, side, 3) images, `share` of each side, brought to (n, size, size, 3) (Lanczos)."""
    from PIL import Image

    side = pixels.shape[1]
    edge = side * (1 - share) / 2
    box = (edge, edge, side - edge, side - edge)
    out = np.empty((len(pixels), size, size, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        out[i] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS, box=box))
    return out


def _winner(
    manifest: Manifest,
    fold: Fold,
    probabilities: NDArray[np.float64],
    settings: TuneSettings,
    choices: dict[str, Choice],
    epochs: int | None,
) -> ModelFacts:
    rows = _rows(manifest, fold, choices["augment"])
    return model_facts(
        manifest,
        Predictions(fold.evaluate, probabilities, len(np.unique(manifest.family_index[rows]))),
        name=f"tuned-{settings.model}",
        title=f"The winner of the search ({settings.model})",
        protocol=test_name(manifest),
        seed=settings.seed,
        training=f"{_training(choices['augment'])} of train",
        settings=dict(choices) | ({} if epochs is None else {"epochs": epochs}),
        used={"train": "fitted", "valid": "chosen-by", "test": "evaluated"},
        basis="tuned",
    )
