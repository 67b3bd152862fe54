"""The CNN that a second process trains: the same as this one's, and nothing is lost when that process is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drawing import jpeg, write_tree
from petmood.build.study_networks import cnn_settings, is_trained, train_cnn
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_dataset
from petmood.jobs.meanwhile import NETWORK, WORTH, TrainedMeanwhile
from petmood.progress import Tick
from petmood.threads import cores

SETTINGS = RunSettings(cnn_size=32, cnn_epochs=1, cnn_threads=1)
QUIET: Tick = lambda done, total: None  # noqa: E731  # a name for what tells nothing

pytestmark = pytest.mark.skipif(cores() < 2, reason="with one core there is no second process")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Two classes of drawn pictures in two splits, and an empty cache."""
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    folders = [f"{split}/{mood}" for split in ("train", "valid", "test") for mood in ("sad", "happy")]
    write_tree(
        tmp_path / "data", {f"{folder}/{i}.jpg": jpeg(10 * n + i) for n, folder in enumerate(folders) for i in range(4)}
    )
    return open_dataset(tmp_path / "data", families="names")


def test_a_second_process_trains_the_same_network(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = cnn_settings(SETTINGS)
    told: list[tuple[int, int]] = []
    with data, TrainedMeanwhile(data, SETTINGS, worth=0) as trained:
        assert trained.begun
        trained.wait(lambda done, total: told.append((done, total)))
        assert is_trained(data, NETWORK, training)
        with TrainedMeanwhile(data, SETTINGS, worth=0) as again_wanted:
            assert not again_wanted.begun  # it is known now
        theirs = train_cnn(data, NETWORK, training, QUIET)
        assert all(0 <= done <= total for done, total in told)
        monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "another"))
        with open_dataset(data.origin.data, families="names") as again:
            ours = train_cnn(again, NETWORK, training, QUIET)
    assert np.array_equal(theirs.test, ours.test)
    assert theirs.epochs == ours.epochs


def test_what_a_process_leaves_undone_is_done_here(data: Dataset) -> None:
    with data, TrainedMeanwhile(data, SETTINGS, worth=0) as trained:
        pass  # ended with its block, long before it has trained
    assert trained.begun
    trained.wait(QUIET)  # does not wait for ever
    assert not is_trained(data, NETWORK, cnn_settings(SETTINGS))


@pytest.mark.parametrize(
    "settings",
    [
        RunSettings(cnn_size=32, cnn_epochs=1, cnn_threads=0),
        RunSettings(cnn_size=32, cnn_epochs=1, cnn_threads=1, cnn=False),
    ],
    ids=["on all cores", "without a network"],
)
def test_there_is_no_process_where_it_would_not_help(data: Dataset, settings: RunSettings) -> None:
    with data, TrainedMeanwhile(data, settings, worth=0) as trained:
        assert not trained.begun


def test_small_trainings_need_no_process(data: Dataset) -> None:
    with data, TrainedMeanwhile(data, SETTINGS) as trained:
        assert len(data) * SETTINGS.cnn_epochs * SETTINGS.cnn_size**2 < WORTH
        assert not trained.begun


def test_the_process_ends_when_its_parent_is_gone(data: Dataset) -> None:
    """Its input stays open as long as the parent lives: killed in whatever way, it closes."""
    code = (
        "import os, sys, threading\n"
        "from petmood.jobs.meanwhile import end_with_parent\n"
        "threading.Thread(target=end_with_parent, args=(sys.stdin.buffer.raw,), daemon=True).start()\n"
        "print('there', flush=True)\n"
        "threading.Event().wait()\n"
    )
    data.close()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.stdin.close()
        assert process.wait(timeout=60) == 1
