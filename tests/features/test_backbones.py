from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from petmood.features import load_backbone
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.extract import open_session

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backbones")


@pytest.mark.parametrize(("name", "size"), [("efficientnet-lite0", 224), ("efficientnet-lite0", 288)])
def test_the_exported_graph_agrees_with_torch(folder: Path, name: str, size: int) -> None:
    backbone = load_backbone(name, folder)
    pixels = np.random.default_rng(0).normal(size=(3, 3, size, size)).astype(np.float32)
    features, logits, local = open_session(backbone).run(["features", "logits", "map"], {"pixels": pixels})
    with torch.no_grad():
        expected = [t.numpy() for t in VARIANTS[0].network()(torch.from_numpy(pixels))]
    assert features.shape == (3, 1280)
    assert local.shape == (3, 1280, size // 32, size // 32)
    for got, want in zip((local, features, logits), expected, strict=True):
        assert np.abs(got - want).max() < 1e-4


def test_the_graph_is_exported_once_and_mended_when_damaged(folder: Path) -> None:
    first = load_backbone("efficientnet-lite0", folder)
    made = first.graph.stat().st_mtime_ns
    assert load_backbone("efficientnet-lite0", folder) == first
    assert first.graph.stat().st_mtime_ns == made
    data = bytearray(first.graph.read_bytes())
    data[len(data) // 2] ^= 0xFF
    first.graph.write_bytes(data)
    assert load_backbone("efficientnet-lite0", folder) == first
    assert first.graph.stat().st_mtime_ns != made
