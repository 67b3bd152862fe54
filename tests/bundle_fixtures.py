"""A head bundle trained once a session on a few drawn pictures, and what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from drawing import split_files, write_tree
from petmood.bundle import Bundle, load
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.features import Backbone, extract_features, load_backbone
from petmood.ingest import read_dataset
from petmood.records import FeatureTable, Manifest
from petmood.sources import open_source
from petmood.split import complete_splits
from petmood.workflows.bundles import save_head_bundle


@dataclass(frozen=True)
class Trained:
    """A bundle on disk and the parts that made it."""

    path: Path
    bundle: Bundle
    manifest: Manifest
    features: FeatureTable
    backbone: Backbone
    data: Path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few pictures of colour noise in three classes and three splits. Read it, never write to it."""
    files = split_files(8, ("Angry", "happy", "Sad"))
    return write_tree(tmp_path_factory.mktemp("tiny") / "data", files)


@pytest.fixture(scope="session")
def trained(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    pytest.importorskip("torch")
    cache = ContentCache()
    settings = RunSettings(folds=3)
    path = tmp_path_factory.mktemp("bundles") / "model"
    with open_source(tiny_data) as source:
        manifest = complete_splits(read_dataset(source, cache), settings.seed)
        backbone = load_backbone(settings.backbone)
        features = extract_features(manifest, source, backbone, cache)
        save_head_bundle(path, source, manifest, features, backbone, settings, cache)
    return Trained(path, load(path), manifest, features, backbone, tiny_data)
