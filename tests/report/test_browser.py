"""The report in a real browser: nothing keeps anybody from reading it, and its way back covers nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axe import violations
from petmood.analyses.page import report_html
from web.conftest import CHROMIUM, browser

from .sample_results import results, thumbnail

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_the_way_back_stands_clear_of_the_contents(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    (tmp_path / "report.html").write_text(report_html(results(), thumbnail), encoding="utf-8")
    size = {"width": width, "height": 844}
    page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto((tmp_path / "report.html").as_uri())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen = "getComputedStyle(document.querySelector('.back')).visibility"
    assert not page.is_visible(".back")
    if width == 390 and page.evaluate("CSS.supports('animation-timeline: scroll()')"):
        page.evaluate("scrollTo({ top: 3000, behavior: 'instant' })")
        page.wait_for_function(f"{seen} === 'visible'")
    page.emulate_media(media="print")
    style = "(name) => getComputedStyle(document.querySelector(name)).breakInside"
    assert {name: page.evaluate(style, name) for name in ("table", "main p", ".notice", "tr", "h2")} == {
        **dict.fromkeys(("table", "main p", ".notice", "tr"), "avoid"),
        "h2": "auto",
    }
    assert page.evaluate("getComputedStyle(document.querySelector('h2')).breakAfter") == "avoid"
    assert page.evaluate("getComputedStyle(document.querySelector('tfoot')).display") == "table-row-group"
    page.close()
