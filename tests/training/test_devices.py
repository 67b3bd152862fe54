"""Which device is taken, and that XLA's is told where a step ends; a stand-in takes the place of PyTorch/XLA."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from petmood.errors import ConfigError  # noqa: E402
from petmood.training.devices import finish_step, resolve_device, seed_device, without_gradients  # noqa: E402

STAND_IN = """
import torch
calls = []
def device():
    return torch.device("xla", 0)
def manual_seed(seed):
    calls.append(("seed", seed))
def sync():
    calls.append(("sync",))
"""


@pytest.fixture
def without_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def xla(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_others: None) -> Iterator[None]:
    """A package torch_xla that keeps what it was asked."""
    (tmp_path / "torch_xla").mkdir()
    (tmp_path / "torch_xla" / "__init__.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch_xla", raising=False)
    yield
    sys.modules.pop("torch_xla", None)


@pytest.mark.usefixtures("without_others")
def test_without_any_other_the_processor_is_taken_and_what_lacks_is_said() -> None:
    assert resolve_device("auto").type == resolve_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="device 'xla' is not there: PyTorch/XLA is not installed"):
        resolve_device("xla")
    with pytest.raises(ConfigError, match="device 'cuda' is not there"):
        resolve_device("cuda")


@pytest.mark.usefixtures("xla")
def test_auto_takes_xla_where_it_is_installed_and_cuda_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_device("auto").type == resolve_device("xla").type == "xla"
    assert resolve_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto").type == "xla"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"


@pytest.mark.usefixtures("xla")
def test_xla_is_seeded_and_told_where_a_step_ends_and_others_are_not() -> None:
    import torch_xla

    for device in (torch.device("cpu"), resolve_device("xla")):
        seed_device(device, 7)
        finish_step(device)
    assert torch_xla.calls == [("seed", 7), ("sync",)]
    assert torch.initial_seed() == 7


def test_nothing_is_differentiated_without_gradients_on_any_device() -> None:
    weight = torch.ones(2, requires_grad=True)
    for kind, inference in (("cpu", True), ("xla", False)):
        with without_gradients(torch.device(kind)):
            product = weight * 2
        assert not product.requires_grad
        assert product.is_inference() is inference
    assert np.all(weight.detach().numpy() == 1)
