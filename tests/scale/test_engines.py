"""Ray: the same rows as the local engine's, whoever is killed; real worker processes on a real cluster."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petmood.errors import ConfigError, DataError, MissingExtraError, PetmoodError
from petmood.jobs.embed import EmbedSettings, embed
from petmood.scale import engines
from petmood.scale.engines import connected
from petmood.scale.places import open_folder
from petmood.scale.shards import read_index
from scale.embedded import assert_complete, table

pytest.importorskip("ray")
pytest.importorskip("pyarrow")
pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray's own code warns of Ray's own code
]


@pytest.fixture
def settings(means: str) -> EmbedSettings:
    return EmbedSettings.create(
        {"engine": "ray", "backbone": means, "shard_rows": 8, "batch_size": 4, "workers": 2, "provider": "cpu"}
    )


def dying(flag: Path, *, before: bool) -> type:
    """A worker that is killed, once in all, with its third part in hand: before its shard is there, or after."""

    class Dying(engines.Worker):
        seen = 0

        def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
            self.seen += 1
            if not before:
                made = super().__call__(batch)
            if self.seen == 3 and not flag.exists():
                flag.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(batch) if before else made

    return Dying


def test_workers_give_what_the_local_engine_gives(
    cluster: str, photos: Path, tmp_path: Path, settings: EmbedSettings
) -> None:
    local = settings.model_copy(update={"engine": "local"})
    here, there = tmp_path / "here", tmp_path / "there"
    assert embed(str(photos), str(there), settings) == embed(str(photos), str(here), local)
    one, other = table(here), table(there)
    np.testing.assert_allclose(np.stack(list(one.values())), np.stack([other[p] for p in one]), atol=1e-5)
    assert_complete(there, photos)


@pytest.mark.slow
def test_names_reach_the_cluster_a_window_at_a_time(
    cluster: str, photos: Path, tmp_path: Path, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "WINDOW", 4)
    windows: list[int] = []
    stream = engines.RayEngine.send

    def counted(self: engines.RayEngine, job: Any, graph: Any, parts: Any) -> Any:
        windows.append(len(parts))
        return stream(self, job, graph, parts)

    monkeypatch.setattr(engines.RayEngine, "send", counted)
    index = embed(str(photos), str(tmp_path / "out"), settings)
    assert_complete(tmp_path / "out", photos)
    assert sum(windows) == len(index.shards)
    assert len(windows) > 1
    assert max(windows) <= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [pytest.param(True, id="before its shard is written"), pytest.param(False, id="after")],
)
def test_a_killed_worker_loses_and_doubles_no_row(
    cluster: str, photos: Path, tmp_path: Path, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    flag = tmp_path / "killed"
    monkeypatch.setattr(engines, "Worker", dying(flag, before=before))
    embed(str(photos), str(tmp_path / "out"), settings)
    assert int(flag.read_text()) != os.getpid()
    assert_complete(tmp_path / "out", photos)


KILLED = """
import os, signal, sys
from petmood.jobs import embed as module
from petmood.cli.main import run
real = module._Counter.add

def add(self, more):
    real(self, more)
    if self._done > 40:
        os.kill(os.getpid(), signal.SIGKILL)

module._Counter.add = add
sys.exit(run())
"""


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_with(
    cluster: str, photos: Path, tmp_path: Path, means: str, settings: EmbedSettings
) -> None:
    out = tmp_path / "out"
    options = ["--backbone", means, "--shard-rows", "8", "--workers", "1", "--engine", "ray", "--address", cluster]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "embed", str(photos), "--out", str(out), *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(DataError, match=r"embedding\.json"):
        read_index(open_folder(str(out)))
    kept = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert kept
    embed(str(photos), str(out), settings)
    assert_complete(out, photos)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_what_a_worker_complains_of_reaches_the_user(
    cluster: str, photos: Path, tmp_path: Path, settings: EmbedSettings
) -> None:
    with pytest.raises(PetmoodError, match="ONNX Runtime here has"):
        embed(str(photos), str(tmp_path / "out"), settings.model_copy(update={"provider": "cuda"}))


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
