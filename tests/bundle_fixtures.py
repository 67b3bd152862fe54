"""A head bundle trained once a session on a few drawn pictures, and what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from drawing import split_files, write_tree
from petmood.build.heads import save_head_bundle
from petmood.bundle import Bundle, load
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.dataset import backbone_named
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
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few pictures of colour noise in three classes and three splits. Read it, never write to it."""
    files = split_files(8, ("Angry", "happy", "Sad"))
    return write_tree(tmp_path_factory.mktemp("tiny") / "data", files)


@pytest.fixture(scope="session")
def trained(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    pytest.importorskip("torch")
    settings = RunSettings(folds=3)
    path = tmp_path_factory.mktemp("bundles") / "model"
    opened = open_dataset(tiny_data, families="names", seed=settings.seed)
    backbone = backbone_named(settings.backbone)
    save_head_bundle(path, opened, backbone, settings)
    return Trained(path, load(path), opened.manifest, opened.features(backbone), backbone, tiny_data, opened)
