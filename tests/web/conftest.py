"""A real server on a free port of this machine, in a thread, for a real HTTP client and a real browser."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi")

import httpx

from bundle_fixtures import Trained
from petmood.bundle import Bundle
from petmood.detection import Detector
from petmood.web.app import create_app
from petmood.web.connections import Server, configured
from petmood.web.server import bind
from petmood.web.settings import ServerSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


# the shell first: the same engine without a desktop's windows, which opens a tab with a fifth of the work
_BROWSERS = ("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _BROWSERS)), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@pytest.fixture(scope="package", autouse=True)
def no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No address here needs them, and a client that reads the machine's spends more on that than on its request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("certificates")))
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; .ci/run installs Debian's")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def held_back(context: BrowserContext) -> None:
    """Never answer what takes fifty inferences and follows each answer: for tests that do not look at it."""
    context.route("**/v1/explain?maps=occlusion*", lambda route: None)


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true; policies that forbid evaluated strings keep drivers from waiting themselves."""
    deadline = time.monotonic() + 30
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


@contextmanager
def running(bundle: Bundle, detector: Detector | None = None, **limits: object) -> Iterator[str]:
    """The address of a server with some limits; it is gone when the context ends."""
    settings = ServerSettings.create({"port": 0, "requests_per_minute": 0, **limits})
    listener = bind(settings.host, settings.port)
    server = Server(configured(create_app(bundle, settings, detector), settings.trusted_proxies))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


Serve = Callable[..., "contextmanager[str]"]


@pytest.fixture(scope="session")
def address(trained: Trained) -> Iterator[str]:
    """A server with no rate limit."""
    with running(trained.bundle) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=address, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def photos(trained: Trained) -> list[Path]:
    """Some pictures that the model was not trained on."""
    manifest = trained.manifest
    return [trained.data / manifest.records[i].path for i in manifest.photos_in_split("test")[:6]]
