"""What Ray's engine asks for, and what a machine that lacks the weights is handed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from needs import needs
from petmood.errors import ConfigError, MissingExtraError
from petmood.scale import engines
from petmood.scale.engines import connected

needs("pyarrow")
pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray's own code warns of Ray's own code
]


def test_a_machine_without_the_weights_gets_the_graph(
    means: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from petmood.features import load_backbone

    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path))
    backbone = load_backbone(means)
    graph = np.frombuffer(backbone.graph.read_bytes(), dtype=np.uint8)
    elsewhere = engines._with_graph(replace(backbone, graph=tmp_path / "not here.onnx"), graph)
    assert elsewhere.graph.read_bytes() == backbone.graph.read_bytes()
    assert engines._with_graph(backbone, graph) is backbone


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("petmood.errors.find_spec", lambda name: None if name == "ray" else real(name))
    with (
        pytest.raises(MissingExtraError, match=r"pip install .*\[scale\]"),
        connected(None, 1),
    ):
        pytest.fail("connected without Ray")


def test_rays_client_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.scale.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"ray\[client\]"), connected("ray://127.0.0.1:1", 1):
        pytest.fail("connected without the client")
