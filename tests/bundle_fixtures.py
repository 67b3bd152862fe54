"""A head bundle trained once a session on a few drawn pictures, and what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drawing import split_files, write_tree
from shared import once

if TYPE_CHECKING:
    from petmood.bundle import Bundle
    from petmood.dataset import Dataset
    from petmood.features import Backbone
    from petmood.records import FeatureTable, Manifest


@dataclass(frozen=True)
class Trained:
    """A bundle on disk and the parts that made it."""

    path: Path
    bundle: Bundle
    manifest: Manifest
    features: FeatureTable
    backbone: Backbone
    data: Path
    opened: Dataset


@pytest.fixture(scope="session")
def tiny_data(of_all_workers: Path) -> Path:
    """A few pictures of colour noise in three classes and three splits. Read it, never write to it."""
    root = once(
        of_all_workers / "tiny", lambda made: write_tree(made / "data", split_files(8, ("Angry", "happy", "Sad")))
    )
    return root / "data"


@pytest.fixture(scope="session")
def trained(tiny_data: Path, of_all_workers: Path) -> Trained:
    """Read it, never write to it."""
    pytest.importorskip("torch")
    from petmood.build.heads import save_head_bundle
    from petmood.bundle import load
    from petmood.config import RunSettings
    from petmood.dataset import open_dataset
    from petmood.dataset.dataset import backbone_named

    settings = RunSettings(folds=3)
    opened = open_dataset(tiny_data, families="names", seed=settings.seed)
    backbone = backbone_named(settings.backbone)
    bundles = once(
        of_all_workers / "bundles", lambda made: save_head_bundle(made / "model", opened, backbone, settings)
    )
    path = bundles / "model"
    return Trained(path, load(path), opened.manifest, opened.features(backbone), backbone, tiny_data, opened)
