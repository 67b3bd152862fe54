"""Fixtures every test may use: an isolated cache, the drawn demo set, and the real data where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from petmood.demo import DemoTruth
    from petmood.library import RunResult

pytest_plugins = ["bundle_fixtures", "command", "evaluation_fixtures"]

REPOSITORY = Path(__file__).resolve().parents[1]

# Drawn examples are the same on every machine, and a busy machine fails no test.
settings.register_profile("petmood", deadline=None, derandomize=True)
settings.load_profile("petmood")


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the user's own cache out of the tests, and windows of matplotlib closed."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # of all workers: what one computed of the demo set serves the others
    (root / "cache").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETMOOD_CACHE", str(root / "cache"))
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
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoTruth]:
    """The demo set, drawn once a session: the folder written to, and what was planted in it."""
    from petmood.demo import write_demo

    out = tmp_path_factory.mktemp("demo")
    return out, write_demo(out, seed=0)


@pytest.fixture(scope="session")
def demo_data(demo: tuple[Path, DemoTruth]) -> Path:
    """The images of the demo set: a folder that petmood takes as data. Read it, never write to it."""
    return demo[0] / "data"


@pytest.fixture(scope="session")
def demo_run(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A small run of the demo set, made once a session. Read its folder, never write to it."""
    import petmood

    out = tmp_path_factory.mktemp("demo-run") / "run"
    return petmood.run(demo_data, out, cnn=False, n_init=2)
