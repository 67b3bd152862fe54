"""Fixtures every test may use: an isolated cache, the drawn demo set, and the real data where it is at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from petmood.demo import DemoTruth
    from petmood.library import RunResult

pytest_plugins = ["bundle_fixtures", "command", "evaluation_fixtures"]

REPOSITORY = Path(__file__).resolve().parents[1]

DEMO_RUN: dict[str, Any] = {"cnn_size": 32, "cnn_epochs": 2, "cnn_precision": "float32", "n_init": 2}
"""Settings of the run of the demo set that many tests look at."""

# Drawn examples are the same on every machine, and a busy machine fails no test.
settings.register_profile("petmood", deadline=None, derandomize=True)
settings.load_profile("petmood")


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(of_all_workers: Path) -> Iterator[None]:
    """Keeps the user's own cache out of the tests, and windows of matplotlib closed."""
    # what one worker computed of the demo set serves the others
    (of_all_workers / "cache").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETMOOD_CACHE", str(of_all_workers / "cache"))
        patch.setenv("MPLBACKEND", "Agg")
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
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test session share."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, made by the first process that asks for it; the others wait."""
    done = folder.with_name(f"{folder.name}-is-made")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


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
