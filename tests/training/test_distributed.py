"""Two real processes train as one does: the same losses and weights at the same global batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drawing import split_files, write_tree
from needs import needs
from petmood.config import run_settings
from petmood.errors import ConfigError
from petmood.jobs.train import train

needs("torch")

TRAINING = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from safetensors.torch import save_file
torch.set_num_threads(1)
from petmood.training.distributed import join, leave
from petmood.training.training_loop import LabelledImages, train
from petmood.training.modules import build
from petmood.training.networks import custom_cnn
from petmood.training.settings import TrainSettings

out, together = Path(sys.argv[1]), sys.argv[2] == "together"
if together:
    join()
rng = np.random.default_rng(0)
targets = rng.integers(0, 3, 41)  # batches of 8, and a last one of 1: fewer rows than processes
images = (rng.integers(0, 120, (41, 32, 32, 3)) + 60 * targets[:, None, None, None]).clip(0, 255).astype(np.uint8)
weights = rng.random(41, dtype=np.float32) + 0.5
data = LabelledImages(images, targets, weights)
for norm in (False, True):
    network = custom_cnn(3, 32, depth=2, filters=8, activation="prelu", batch_norm=norm, dropout=0.3)
    module = build(network, 0)
    settings = TrainSettings(epochs=3, batch_size=8, learning_rate=3e-4, size=32, device="cpu")
    result = train(module, data, settings, validation=data, checkpoint_dir=out / f"checkpoint-{norm}")
    if not together or torch.distributed.get_rank() == 0:
        save_file({k: v.contiguous() for k, v in module.state_dict().items()}, out / f"{norm}.safetensors")
        (out / f"{norm}.json").write_text(result.history.model_dump_json())
leave()
"""


def torchrun(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Two processes on this machine, over the loopback alone."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *command],
        env={
            **os.environ,
            **(env or {}),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    done = torchrun(str(script), str(tmp_path / "together"), "together")
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, str(script), str(tmp_path / "alone"), "alone"], env=environment, check=True)
    for norm in ("False", "True"):
        one, two = (json.loads((tmp_path / name / f"{norm}.json").read_text()) for name in ("alone", "together"))
        # sums in another order round otherwise, and Adam makes more of it with each step
        np.testing.assert_allclose(two["loss"][0], one["loss"][0], rtol=1e-4, err_msg=f"batch norm: {norm}")
        np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-2)
        np.testing.assert_allclose(two["val_loss"], one["val_loss"], rtol=2e-2)
        assert one["loss"][-1] < one["loss"][0]
        a, b = (load_file(tmp_path / name / f"{norm}.safetensors") for name in ("alone", "together"))
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_allclose(b[key], a[key], atol=1e-2, err_msg=key)


@pytest.mark.slow
def test_the_command_trains_by_torchrun(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_files(per_class=5))
    command = ["-m", "petmood", "train", str(data), "--model", "cnn1", "--json", "--out"]
    done = torchrun(*command, str(tmp_path / "two"), env={"PETMOOD_CACHE": str(tmp_path / "cache-two")})
    assert done.returncode == 0, done.stderr
    two = json.loads(done.stdout)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PETMOOD_CACHE": str(tmp_path / "cache-one")}
    alone = subprocess.run(
        [sys.executable, *command, str(tmp_path / "one")], env=environment, capture_output=True, text=True, check=True
    )
    one = json.loads(alone.stdout)
    losses = [made["evaluation"][0]["epochs"]["loss"] for made in (one, two)]
    np.testing.assert_allclose(
        losses[1], losses[0], rtol=0.1
    )  # ten epochs of Adam, at half precision where there is one
    np.testing.assert_allclose(losses[1][:3], losses[0][:3], rtol=5e-3)
    assert (tmp_path / "two" / "model.onnx").is_file()


def test_a_head_is_not_trained_by_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="only cnn1 and cnn2 are trained"):
        train(tmp_path / "data", tmp_path / "out", "head", run_settings("quick"))
