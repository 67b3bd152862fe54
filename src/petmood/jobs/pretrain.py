"""`petmood pretrain`: outside labelled images -> a backbone fine-tuned on them once, to be frozen ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from petmood.dataset import open_dataset
from petmood.dataset.outside import open_outside
from petmood.errors import require_extra
from petmood.evaluation.statistics import mean_interval
from petmood.features.trunk import trunk_activations
from petmood.files import output_folder
from petmood.progress import Progress, Silent
from petmood.records import IntArray, Manifest
from petmood.results.quantised import PretrainFacts
from petmood.store import write_json
from petmood.training.settings import FineTuneSettings

HELD: Final = 10
"""One photo in so many is held out, so that the backbone's own accuracy can be told."""


def hold_out(manifest: Manifest) -> tuple[IntArray, IntArray]:
    """(held out, trained on): one photo in ten, and every file of the other families.

    The same tenth whatever the seed of a training, so that accuracies of several seeds compare.
    """
    photos, families = manifest.photo_index, manifest.family_index
    order = photos[np.random.default_rng(0).permutation(len(photos))]
    held, kept = order[: len(order) // HELD], order[len(order) // HELD :]
    copies = np.setdiff1d(np.flatnonzero(np.isin(families, families[kept])), kept)
    return held, np.concatenate([kept, copies])


def pretrain(
    outside: Path, data: Path, out: Path, settings: FineTuneSettings, progress: Progress | None = None
) -> PretrainFacts:
    """Fine-tune the upper half of EfficientNet-Lite0 on outside images and save it as a backbone.

    It is trained on the classes of the outside set, once, on nothing of the data to be evaluated: what is learnt may
    then serve in every fold.

    Args:
        outside: folder or .zip of outside labelled images.
        data: the data that is to be evaluated; whatever resembles an image of it is left out first.
        out: folder for the backbone, for `onnx:OUT/backbone.onnx`.
        settings: of the training.
        progress: where to show it.

    Raises:
        MissingExtraError: torch is not installed.
        DataError: `out` may not be written to, or the images cannot be used.
    """
    require_extra("Pre-training", "train", "torch")
    from petmood.training.export import export
    from petmood.training.finetune import FineTunedHead

    shown = progress or Silent()
    with output_folder(out, [outside, data]) as folder:
        with open_dataset(data, families="names", splits=False, progress=shown) as ours:
            # every image of these data is kept out, whatever its family; the outside classes keep their own names
            theirs = open_outside(outside, None, ours, shown, families="auto")
        manifest = theirs.data.manifest
        with shown.stage("Running the frozen half") as tick:
            views = trunk_activations(manifest, theirs.data.pictures, theirs.data.cache, progress=tick)
        held, kept = hold_out(manifest)
        with shown.stage("Fine-tuning the upper half") as tick:
            head = FineTunedHead(settings, on_epoch=lambda epoch, epochs, loss, seconds: tick(epoch, epochs))
            head.fit(views[kept], theirs.labels[kept])
        read = head.classes_[head.predict_proba(views[held]).argmax(axis=1)] == theirs.labels[held]
        export(head, folder, "outside")
        facts = PretrainFacts(
            backbone=f"onnx:{out / 'backbone.onnx'}",
            classes=tuple(head.classes_.tolist()),
            images=len(kept),
            left_out=theirs.left_out,
            held_out=len(held),
            accuracy=float(read.mean()),
            accuracy_ci=mean_interval(read),
            epochs=settings.epochs,
            seed=settings.seed,
        )
        write_json(folder / "pretrain.json", facts.model_dump(mode="json"))
        return facts
