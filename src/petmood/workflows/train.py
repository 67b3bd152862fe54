"""`petmood train`: labelled faces -> one model, trained, evaluated and saved as a bundle."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from petmood.bundle import ModelDescription
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import ConfigError, DataError
from petmood.features import extract_features, load_backbone
from petmood.progress import Progress, Silent, Timed
from petmood.sources import open_source
from petmood.workflows.bundles import save_head_bundle
from petmood.workflows.cnn_bundle import save_cnn_bundle
from petmood.workflows.families import read_split

MODELS: Final = ("head", "cnn1", "cnn2")
"""What can be trained."""


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """The bundle that was made, and its description."""

    bundle: Path
    description: ModelDescription


def train(
    data: Path,
    out: Path,
    model: str,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    thumbnails: bool = False,
) -> TrainOutcome:
    """Train a model on labelled faces and save it as a bundle.

    Args:
        data: folder or .zip of labelled images.
        out: the bundle: a folder, or a path that ends in .zip; an older bundle there is replaced.
        model: one of `MODELS`.
        settings: seed, backbone, folds and size of the CNN.
        progress: where to show it.
        thumbnails: whether a head's bundle keeps small copies of its training photos.

    Raises:
        PetmoodError: anything the user can mend.
    """
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose one of: {', '.join(MODELS)}."
        raise ConfigError(f"unknown model '{model}'. {hint}")
    if thumbnails and model != "head":
        raise ConfigError(f"thumbnails are kept by the model 'head' alone, got '{model}'. Leave out --thumbnails.")
    if data.is_dir() and data.resolve() in (out.resolve(), *out.resolve().parents):
        raise DataError(f"--out {out} lies inside the data {data}; it would mix with images. Choose another path.")
    shown = progress or Silent()
    cache = ContentCache()
    with open_source(data) as source:
        manifest = read_split(source, cache, Timed(shown), seed=settings.seed, mode=settings.families)
        if model != "head":
            with shown.stage(f"Training {model} at {settings.cnn_size} pixels") as tick:
                return TrainOutcome(out, save_cnn_bundle(out, source, manifest, model, settings, cache, tick))
        with shown.stage(f"Loading {settings.backbone}"):
            backbone = load_backbone(settings.backbone)
        with shown.stage("Extracting features") as tick:
            features = extract_features(manifest, source, backbone, cache, progress=tick)
        with shown.stage("Training, evaluating and saving"):
            description = save_head_bundle(
                out, source, manifest, features, backbone, settings, cache, thumbnails=thumbnails
            )
    return TrainOutcome(out, description)
