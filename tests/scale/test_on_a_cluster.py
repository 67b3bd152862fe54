"""Ray: the same rows and the same copies as this process finds, whoever is killed; real processes, one real cluster.

Embedding and the search for copies stand in one file, as a cluster takes ten seconds to start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawing import covered, photo, saved, write_tree
from needs import needs
from petmood.cache import ContentCache
from petmood.dataset import open_dataset
from petmood.errors import DataError, PetmoodError
from petmood.families.links import PixelLinks, find_links
from petmood.jobs.embed import EmbedSettings, embed
from petmood.scale import copies, engines
from petmood.scale.copies import ray_at_work
from petmood.scale.places import open_folder
from petmood.scale.shards import read_index
from scale.embedded import assert_complete, table

needs("pyarrow")
pytestmark = [pytest.mark.filterwarnings("default")]  # Ray's own code warns of Ray's own code


@pytest.fixture
def settings(means: str) -> EmbedSettings:
    return EmbedSettings.create(
        {"engine": "ray", "backbone": means, "shard_rows": 8, "batch_size": 4, "workers": 2, "provider": "cpu"}
    )


def worker_dying(flag: Path, *, before: bool) -> type:
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
    monkeypatch.setattr(engines, "Worker", worker_dying(flag, before=before))
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


# The search for copies


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 photos and covered copies of two, under names that tell nothing."""
    files = {f"happy/{seed}.jpg": saved(photo(seed, (96, 96))) for seed in range(20)}
    for seed in (20, 21):
        files[f"sad/{seed}.jpg"], files[f"sad/b{seed}.jpg"] = saved(photo(seed)), saved(covered(photo(seed)))
    return write_tree(tmp_path_factory.mktemp("pets") / "data", files)


def found(data: Path, cache: Path) -> PixelLinks:
    with open_dataset(data, families="names", splits=False) as opened:
        return find_links(opened.records, opened.pictures, ContentCache(cache))


def task_dying(flag: Path) -> Callable[..., object]:
    """A task of `copies` that kills its worker, once in all, with a part in hand."""
    work = getattr(copies, flag.name)

    def once(*given: object) -> object:
        if not flag.exists():
            flag.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*given)

    return once


@pytest.fixture(scope="module")
def here(pets: Path, tmp_path_factory: pytest.TempPathFactory) -> PixelLinks:
    return found(pets, tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("killed", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_cluster_finds_what_this_process_finds_though_workers_are_killed(
    cluster: str, pets: Path, here: PixelLinks, killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(here.same) == 2
    monkeypatch.setattr(copies, "_DESCRIBED", 5)
    flags = [tmp_path / name for name in ("_describe", "_verify")] if killed else []
    for flag in flags:
        monkeypatch.setattr(copies, flag.name, task_dying(flag))
    # nothing may be done here
    monkeypatch.setattr("petmood.families.store.find_local_features", lambda image: pytest.fail("described here"))
    monkeypatch.setattr("petmood.families.links.verify_all", lambda *given: pytest.fail("verified here"))
    with ray_at_work(cluster, 2):
        assert found(pets, tmp_path / "there") == here
    assert all(int(flag.read_text()) != os.getpid() for flag in flags)


@pytest.mark.slow
def test_audit_on_a_cluster_of_its_own_prints_the_same_facts(pets: Path, tmp_path: Path) -> None:
    told = []
    for engine in ("local", "ray"):
        command = [sys.executable, "-m", "petmood", "audit", str(pets), "--engine", engine, "--json", "--quiet"]
        env = {**os.environ, "PETMOOD_CACHE": str(tmp_path / engine)}
        told.append(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)
    assert told[0] == told[1]


def test_what_the_user_can_fix_is_told_as_it_is_here(cluster: str, pets: Path, tmp_path: Path) -> None:
    with open_dataset(pets, families="names", splits=False) as opened:
        victim = pets / opened.records[0].path
        bytes_before = victim.read_bytes()
        victim.write_bytes(saved(photo(99)))
        try:
            with ray_at_work(cluster, 2), pytest.raises(DataError, match="changed after it was first read"):
                find_links(opened.records, opened.pictures, ContentCache(tmp_path))
        finally:
            victim.write_bytes(bytes_before)
