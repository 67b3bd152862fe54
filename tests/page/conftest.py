"""A real browser, the page in all its forms, and small helpers that wait on conditions, never on the clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from bundle_fixtures import Trained
from petmood.jobs.export import export
from petmood.page.modules import script
from web.conftest import address, browser, photos

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address", "browser", "photos"]

PATIENCE = 90_000
"""Milliseconds that a condition may take on a machine that does other work; only what is broken waits so long."""


@pytest.fixture(scope="session")
def single_file(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as one file, the model inside."""
    out = tmp_path_factory.mktemp("single") / "pet mood, größer.html"
    export(trained.path, out, "web", single=True)
    return out


@pytest.fixture(scope="session")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a folder for a static server."""
    out = tmp_path_factory.mktemp("folder") / "site"
    export(trained.path, out, "web")
    return out


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    """An empty page, to run modules in."""
    page = browser.new_page()
    yield page
    page.close()


def call(page: Page, module: str, expression: str, given: Any = None) -> Any:
    """Run JavaScript with a module's exports at hand as `m`, and `given`.

    Pixels travel as text, which drivers carry faster than lists: `bytes(text)` and `text(bytes)` turn them.
    """
    return page.evaluate(
        f"async (given) => {{ {_TURNS} {script(module)}\nconst m = ${module}; return await ({expression}); }}", given
    )


_TURNS = """
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = (all) => btoa(Array.from(all, (byte) => String.fromCharCode(byte)).join(""));
"""


def as_text(pixels: np.ndarray) -> str:
    """uint8 pixels for `bytes`."""
    return base64.b64encode(pixels.tobytes()).decode()


def as_pixels(text: str, *shape: int) -> np.ndarray:
    """uint8 pixels of a shape, from `text`."""
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(shape)


def answered(page: Page, count: int = 1) -> dict[str, Any]:
    """Wait until the page has shown `count` answers; the reading on show."""
    page.locator(f'body[data-answers="{count}"]').wait_for(timeout=PATIENCE)
    page.locator('#result[aria-busy="false"]').wait_for(timeout=PATIENCE)
    return dict(json.loads(page.evaluate("document.body.dataset.reading")))
