"""The search for copies on a cluster: what this process finds, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drawing import covered, photo, saved, write_tree
from petmood.cache import ContentCache
from petmood.dataset import open_dataset
from petmood.errors import DataError
from petmood.families.links import PixelLinks, find_links
from petmood.scale import copies
from petmood.scale.copies import ray_at_work

pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("default")]  # Ray's own code warns of Ray's own code


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


def dying(flag: Path) -> Callable[..., object]:
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


@pytest.mark.parametrize("killed", [False, True])
def test_a_cluster_finds_what_this_process_finds_though_workers_are_killed(
    cluster: str, pets: Path, here: PixelLinks, killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(here.same) == 2
    monkeypatch.setattr(copies, "_DESCRIBED", 5)
    flags = [tmp_path / name for name in ("_describe", "_verify")] if killed else []
    for flag in flags:
        monkeypatch.setattr(copies, flag.name, dying(flag))
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
