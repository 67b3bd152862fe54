"""`petmood train --model finetune`: a network fine-tuned inside grouped folds, within a budget, then saved."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.build.description import PHOTOS, describe, trust
from petmood.build.heads import data_facts, features_by, fitted_photos, quality, require_agreement
from petmood.build.training_photos import save_with_photos
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.folder import Parts
from petmood.bundle.graph import network_graph
from petmood.bundle.schema import BackboneFacts, LicenceNote
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import majority_facts, model_facts
from petmood.errors import ConfigError
from petmood.evaluation.calibrate import apply_temperature
from petmood.evaluation.protocols import Predictions, cross_fit, grouped_name, in_class_order, test_name
from petmood.features import Preprocess
from petmood.features.augment import AUGMENT_VERSION, pixel_views
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.trunk import SIZE, describe_trunk, trunk_activations
from petmood.methods.reading import Means, MethodData
from petmood.progress import Progress, Tick
from petmood.records import Manifest
from petmood.results import ModelFacts
from petmood.split import fewest_folds, grouped_folds, test_fold
from petmood.training.catalog import FROZEN, choose
from petmood.training.settings import FINE_TUNING, FineTuneSettings

if TYPE_CHECKING:
    from petmood.training.finetune import FineTunedHead

_VERSION: Final = "finetune/v1"
_LITE: Final = Preprocess(SIZE, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


@dataclass(frozen=True)
class FinetunePlan:
    """What `petmood train --model finetune` does.

    Attributes:
        training: how the network is trained; its seed is that of the run.
        size: side of the input where the whole network is trained; its upper half reads 160 pixels.
        views: of each image where the whole network is trained.
        budget: seconds after which no further fold is begun; the first fold and the refit always are.
        start: `backbone.onnx` of `petmood pretrain` to start from; ImageNet's weights if None.
    """

    training: FineTuneSettings
    size: int = 224
    views: int = 12
    budget: float = 600.0
    start: Path | None = None

    @property
    def title(self) -> str:
        """What is trained, for people."""
        what = "EfficientNet-Lite0" if self.training.whole else "The upper half of EfficientNet-Lite0"
        start = "" if self.start is None else ", begun on outside images,"
        return f"{what}{start} fine-tuned on the photos"


def finetune_plan(preset: str, budget: float | None, device: str, backbone: str | None) -> FinetunePlan:
    """The plan of a preset: "quick" for a CPU, "full" for a GPU, where the whole network is trained on pixels.

    Raises:
        ConfigError: a backbone that is neither EfficientNet-Lite0 nor a file of `petmood pretrain`.
    """
    start = None
    if backbone not in (None, "efficientnet-lite0"):
        kind, _, rest = str(backbone).partition(":")
        if kind != "onnx" or not rest:
            raise ConfigError(
                f"--model finetune starts from efficientnet-lite0 or onnx:FOLDER/backbone.onnx, got {backbone}."
            )
        start = Path(rest)
    training = FineTuneSettings(device=device, **FINE_TUNING)  # type: ignore[arg-type]
    plan = FinetunePlan(training, start=start)
    if preset == "full":
        plan = replace(plan, training=replace(training, whole=True, epochs=40), budget=36_000.0)
    return plan if budget is None else replace(plan, budget=budget)


def save_finetuned(
    out: Path, whole: Dataset, run: RunSettings, plan: FinetunePlan, progress: Progress
) -> ModelDescription:
    """Fine-tune inside as many grouped folds as the budget lets, then on train and valid, and save a bundle.

    Folds that are done are kept by content, so that an interrupted run resumes.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
        MissingExtraError: torch is not installed.
    """
    from petmood.training.export import answers_onnx

    plan = replace(plan, training=replace(plan.training, seed=run.seed))
    manifest = whole.manifest
    fitted, test = fitted_photos(manifest), test_fold(manifest).evaluate
    judging = whole.subset(test)
    data = whole.subset(fitted)
    inside = data.manifest
    with progress.stage("Preparing views") as tick:
        views = _views(data, plan, tick)
    with progress.stage("Preparing views of test") as tick:
        views_of_test = _views(judging, plan, tick)
    made = _folds(data, views, run, plan, progress)
    head = _fit(inside, views, plan, progress)
    truth = inside.class_index[made.index]
    done = f"{grouped_name(run.folds)} within train and valid, {len(truth)} of {len(inside)} photos"
    calibration, conformal = trust(made.probabilities, truth, manifest.classes, done)
    order = [list(head.classes_).index(name) for name in manifest.classes]
    size = plan.size if plan.training.whole else SIZE
    preprocess = replace(_LITE, size=size)
    graph = network_graph(answers_onnx(head, size, order), preprocess, len(manifest.classes), calibration.temperature)
    on_test = in_class_order(head, head.predict_proba(views_of_test), manifest.classes)
    start = () if plan.start is None else (LicenceNote(what="outside images it started from", licence="unknown"),)
    network = BackboneFacts(name="efficientnet-lite0, fine-tuned", sha256=VARIANTS[0].sha256, licence="Apache-2.0")
    description = describe(
        preprocess,
        (network,),
        kind="finetune",
        title=plan.title,
        classes=manifest.classes,
        features=1280,
        calibration=calibration,
        conformal=conformal,
        quality=quality(data, size),
        data=data_facts(manifest, fitted),
        evaluation=_evaluation(whole, data, on_test, made, run, plan),
        photos=(*PHOTOS, *start),
        settings={
            "epochs": plan.training.epochs,
            "kept_epoch": head.epoch_,
            "whole": plan.training.whole,
            "seed": run.seed,
        },
    )
    bundle = Bundle(Parts(description, graph, None))
    require_agreement(
        bundle.infer(judging.pixels(size)).probabilities,
        apply_temperature(on_test, calibration.temperature),
        description.title,
    )
    return save_with_photos(out, graph, description, whole, data, features_by(bundle, data))


def _views(data: Dataset, plan: FinetunePlan, tick: Tick) -> NDArray[Any]:
    if plan.training.whole:
        return pixel_views(data.manifest, data.pictures, plan.size, plan.views, progress=tick)
    return trunk_activations(data.manifest, data.pictures, data.cache, progress=tick)


def _head(plan: FinetunePlan, tick: Tick) -> FineTunedHead:
    from petmood.training.export import load_start
    from petmood.training.finetune import FineTunedHead

    start = None if plan.start is None else load_start(plan.start)
    return FineTunedHead(plan.training, start, lambda epoch, epochs, loss, seconds: tick(epoch, epochs))


def _folds(data: Dataset, views: NDArray[Any], run: RunSettings, plan: FinetunePlan, progress: Progress) -> Predictions:
    """Out-of-fold predictions of the folds that the budget reaches."""
    inside, k = data.manifest, fewest_folds(data.manifest, run.folds)
    start = "" if plan.start is None else hashlib.sha256(plan.start.read_bytes()).hexdigest()
    seen = f"{AUGMENT_VERSION}/{plan.size}/{plan.views}" if plan.training.whole else describe_trunk()
    training = asdict(plan.training) | {"device": ""}
    causes = [inside.digest, seen, training, start, run.folds, run.seed]
    began = time.monotonic()
    parts: list[Predictions] = []
    for number, fold in enumerate(grouped_folds(inside, folds=k, seed=run.seed)):
        spent = time.monotonic() - began
        # the refit takes about as long as a fold, and is to fit in
        if parts and spent + 2 * spent / len(parts) > plan.budget:
            progress.note(f"The budget is spent after {len(parts)} of {k} folds.")
            break
        with progress.stage(f"Fine-tuning, fold {number + 1} of {k}") as tick:

            def compute(fold: Any = fold, tick: Any = tick) -> dict[str, Any]:
                return cross_fit(lambda: _head(plan, tick), views, inside, [fold]).kept()

            kept = data.cache.remember(_VERSION, [*causes, number], compute)
        parts.append(Predictions.read(kept, len(inside.classes)))
    index = np.concatenate([p.index for p in parts])
    order = np.argsort(index, kind="stable")
    probabilities = np.concatenate([p.probabilities for p in parts])
    n_train = round(float(np.mean([p.n_train for p in parts])))
    return Predictions(index[order], probabilities[order], n_train)


def _fit(inside: Manifest, views: NDArray[Any], plan: FinetunePlan, progress: Progress) -> FineTunedHead:
    with progress.stage("Fine-tuning on train and valid") as tick:
        head = _head(plan, tick)
        labels = np.array(inside.classes)[inside.class_index]
        return head.fit(views, labels, groups=inside.family_index)


def _evaluation(
    whole: Dataset, data: Dataset, on_test: NDArray[np.float64], made: Predictions, run: RunSettings, plan: FinetunePlan
) -> tuple[ModelFacts, ...]:
    """The saved weights on test; their recipe and the frozen baseline on the same folds; the majority class."""
    manifest, inside, k = whole.manifest, data.manifest, fewest_folds(data.manifest, run.folds)
    folds = [f for f in grouped_folds(inside, folds=k, seed=run.seed) if np.isin(f.evaluate, made.index).all()]
    bench = MethodData(data, Means())
    [frozen] = choose([FROZEN])
    if (lacking := bench.lacks(frozen)) is not None:
        raise ConfigError(f"the frozen baseline needs {lacking}.")
    baseline = bench.read(frozen).predict(inside, np.arange(len(inside)), folds, run.seed)
    protocol = grouped_name(k) if len(folds) == k else f"{grouped_name(k)}, {len(folds)} of the folds"
    judged = Predictions(test_fold(manifest).evaluate, on_test, len(inside))
    own = model_facts(
        manifest,
        judged,
        name="finetune",
        title=plan.title,
        protocol=test_name(manifest),
        seed=run.seed,
        basis="these-weights",
    )
    within = partial(
        model_facts,
        inside,
        protocol=protocol,
        seed=run.seed,
        used={"train": "in-turn", "valid": "in-turn"},
        basis="early-stopped",
    )
    cross = (within(made, name="finetune", title=plan.title), within(baseline, name=FROZEN, title=frozen.title))
    return (own, *cross, *majority_facts(whole, run)[:1])
