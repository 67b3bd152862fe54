"""The documentation as a site: built whole, and nothing on its pages keeps anybody from reading them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from axe import OF_COLOURS, violations
from web.conftest import CHROMIUM, browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The built site behind a server, which its search needs: its address, and the paths of its pages."""
    pytest.importorskip("material")
    root = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(root)]
    subprocess.run(command, cwd=repository, check=True, timeout=300)
    pages = sorted(path.parent.relative_to(root).as_posix() for path in root.rglob("index.html"))
    handler = partial(Quiet, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", pages
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep still."""


def in_both_schemes(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds in light, and then, since names and structure are the same there, of colours in the dark."""
    found = []
    for scheme, options in (("default", {}), ("slate", OF_COLOURS)):
        page.evaluate("scheme => document.body.setAttribute('data-md-color-scheme', scheme)", scheme)
        found += [(scheme, *broken) for broken in violations(page, **options)]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([("", "wider than the screen", [str(wide)])] if wide > 0 else [])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_any_page_nor_in_the_search(
    browser: Browser, site: tuple[str, list[str]], width: int
) -> None:
    address, pages = site
    assert len(pages) > 50
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    bad = {}
    for name in pages:
        page.goto(f"{address}{name}/")
        page.wait_for_timeout(100)  # the theme names its parts when it has started
        bad[name] = in_both_schemes(page)
    page.goto(address)
    if width == 390:
        page.locator("label[for=__search]").first.click()
    page.locator(".md-search__input").click()
    page.keyboard.type("leakage")
    page.locator(".md-search-result__item").first.wait_for(timeout=20_000)
    page.wait_for_timeout(300)
    bad["search"] = in_both_schemes(page)
    context.close()
    assert {name: found for name, found in bad.items() if found} == {}
