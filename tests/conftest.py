"""Fixtures every test may use: an isolated cache, the drawn demo set, and the real data where it is at hand."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from shared import once

if TYPE_CHECKING:
    from petmood.demo import DemoTruth
    from petmood.library import RunResult

pytest_plugins = ["bundle_fixtures", "command", "evaluation_fixtures"]

REPOSITORY = Path(__file__).resolve().parents[1]

DEMO_RUN: dict[str, Any] = {"cnn_size": 32, "cnn_epochs": 2, "cnn_precision": "float32", "n_init": 2}
"""Settings of the run of the demo set that many tests look at."""

LONGEST = (
    "tests/jobs/test_run.py",
    "tests/web/review/test_browser.py",
    "tests/page/test_views.py",
    "tests/page/test_hosts.py",
    "tests/web/test_page.py",
    "tests/scale/test_on_a_cluster.py",
    "tests/study/test_study.py",
    "tests/files/test_outputs.py",
    "tests/detection/test_hub.py",
    "tests/web/test_connections.py",
    "tests/jobs/test_evaluate.py",
    "tests/analyses/test_travel.py",
)
"""Files that take longest: they are begun first, so that none of them is waited for at the end.

The run of the demo set is the first of all, as others look at it and would wait for it.
"""

# Drawn examples are the same on every machine, and a busy machine fails no test.
settings.register_profile("petmood", deadline=None, derandomize=True)
settings.load_profile("petmood")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others keep their order."""
    begun = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: begun.get(item.nodeid.partition("::")[0], len(begun)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Spare the collector of garbage what is imported from now on, all of which stays: a fifth of that time."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare it the same later: looking through it again and again takes seconds."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(of_all_workers: Path) -> Iterator[None]:
    """Keeps the user's own cache out of the tests, and windows of matplotlib closed; no file waits for the disk."""
    # what one worker computed of the demo set serves the others
    (of_all_workers / "cache").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETMOOD_CACHE", str(of_all_workers / "cache"))
        patch.setenv("MPLBACKEND", "Agg")
        # thousands of small files outlive no loss of power; a process that is killed loses nothing by it
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawn_once(of_all_workers: Path) -> Iterator[None]:
    """Pictures without a pet, which each training looks at, are drawn once: the same seed draws the same pictures."""
    import numpy as np

    from petmood.build import pet_rule

    draw = pet_rule.drawn_pixels

    def write(folder: Path, size: int) -> None:
        folder.mkdir()
        for i, pixels in enumerate(draw(size)):
            np.save(folder / f"{i:03}.npy", pixels)

    @cache
    def drawn(size: int) -> tuple[np.ndarray, ...]:
        folder = once(of_all_workers / f"drawn-{size}", lambda made: write(made, size))
        return tuple(np.load(path) for path in sorted(folder.iterdir()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pet_rule, "drawn_pixels", drawn)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The pets data set: $PETMOOD_DATA, else `shared/data/` beside the repository; skips where there is none."""
    named = os.environ.get("PETMOOD_DATA")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "pets-facial-expression"
    if not path.exists():
        pytest.skip(f"the pets data set is not at {path}; set PETMOOD_DATA to its folder")
    return path


@pytest.fixture(scope="session")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a small random network with features, map and ImageNet scores, in the place of a good one."""
    from networks import network

    made = network(tmp_path_factory.mktemp("small") / "small.onnx", 0, 17, imagenet=True, mean=120.0)
    return f"onnx:{made.graph}"


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test session share."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


@pytest.fixture(scope="session")
def demo(of_all_workers: Path) -> tuple[Path, DemoTruth]:
    """The demo set, drawn once a session: the folder written to, and what was planted in it."""
    from petmood.demo import write_demo
    from petmood.demo.truth import read_truth

    out = once(of_all_workers / "demo", lambda folder: write_demo(folder, seed=0))
    return out, read_truth(out)


@pytest.fixture(scope="session")
def demo_data(demo: tuple[Path, DemoTruth]) -> Path:
    """The images of the demo set: a folder that petmood takes as data. Read it, never write to it."""
    return demo[0] / "data"


@pytest.fixture(scope="session")
def demo_run(demo_data: Path, of_all_workers: Path) -> RunResult:
    """A small run of the demo set, made once a session. Read its folder, never write to it."""
    pytest.importorskip("torch")
    import petmood
    from petmood.analyses import read_results
    from petmood.library import RunResult

    out = once(of_all_workers / "demo-run", lambda folder: petmood.run(demo_data, folder, **DEMO_RUN))
    return RunResult(read_results(json.loads((out / "results.json").read_text(encoding="utf-8"))), out)
