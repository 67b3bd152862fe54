"""The documentation as a site: built whole, and nothing on its pages keeps anybody from reading them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from web.conftest import CHROMIUM, browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

PAGES = ("", "evaluate", "use-in-your-app", "architecture", "reference/cli", "decisions/0011-kmeans-over-shards")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
def test_axe_finds_nothing_on_pages_of_the_docs(browser: Browser, repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("material")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--no-directory-urls"]
    subprocess.run([*command, "--site-dir", str(tmp_path / "site")], cwd=repository, check=True, timeout=300)
    for width, scheme in ((390, "dark"), (1280, "light")):
        size = {"width": width, "height": 844}
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        for name in PAGES:
            page.goto((tmp_path / "site" / f"{name or 'index'}.html").as_uri())
            page.wait_for_timeout(200)  # the theme names its parts when it has started
            found = axe.run(page).response["violations"]
            assert [(name, scheme, v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found] == []
        context.close()
