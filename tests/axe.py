"""A page in a real browser, looked over by axe: what keeps people from using it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from web.conftest import ARGUMENTS, CHROMIUM

VIEWS = ((390, "dark"), (1280, "light"))
EVERY_VIEW = (*VIEWS, *(pytest.param(*view, marks=pytest.mark.slow) for view in ((390, "light"), (1280, "dark"))))
"""For tests that look at all four: two of them show each width and each scheme once."""

OF_COLOURS: dict[str, Any] = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""Options for a page that was looked at before in other colours."""

SMALL = """() => {
    document.querySelectorAll("details").forEach((folded) => { folded.open = true; });
    const told = [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility()
        && [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()));
    const size = (e) => parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement ? e.getScreenCTM().a || 1 : 1);
    return told.filter((e) => size(e) < 9).map((e) => e.textContent.trim().slice(0, 60));
}"""
"""Texts of less than 9 pixels, those of charts as large as they are shown; what is folded is opened first."""


LOOK = """async ({ within, options }) => {
    const numbers = new Map(), looks = new Map(), seen = new Set();
    const number = (...parts) => {
        const text = parts.join("|");
        if (!numbers.has(text)) numbers.set(text, numbers.size);
        return numbers.get(text);
    };
    const look = (e) => {
        if (e && !looks.has(e)) {
            const { backgroundColor, backgroundImage, opacity } = getComputedStyle(e);
            const kind = [e.localName, e.getAttribute("class"), e.matches(":disabled, [aria-disabled=true]")];
            looks.set(e, number(look(e.parentElement), ...kind, backgroundColor, backgroundImage, opacity));
        }
        return looks.get(e);
    };
    for (const e of document.querySelectorAll("body *")) {
        const tells = [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
            || e.matches("input, select, textarea");
        const { color, fontSize, fontWeight, textShadow } = tells ? getComputedStyle(e) : {};
        const shown = tells && e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
        const own = shown && number(look(e), color, fontSize, fontWeight, textShadow);
        e.toggleAttribute("data-alike", !shown || seen.has(own));
        seen.add(own);
    }
    axe.configure({ rules: [{ id: "color-contrast", selector: ":not([data-alike])" }] });
    const { violations } = await axe.run(within ?? document, { resultTypes: ["violations"], ...options });
    return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 120))]);
}"""
"""What it passes is neither listed nor sent: that would take as long as looking.

Contrast takes four fifths of it. Of elements that are alike in all that it comes from, themselves and what they lie in,
it looks at the first: one of the thousand cells of a table.
"""


def violations(page: Any, within: str | None = None, **options: Any) -> list[tuple[str, list[str]]]:
    """Each rule of axe that an open page breaks, with the elements that break it.

    Args:
        page: the page, as it is shown now.
        within: a selector of the part to look at, where the rest was looked at before.
        options: of axe.
    """
    script = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(script)
    return [(rule, nodes) for rule, nodes in page.evaluate(LOOK, {"within": within, "options": options})]


def faults(page: Path | str, folder: Path, tallest: dict[int, int] | None = None) -> list[tuple[int, str, list[str]]]:
    """Width, rule and elements of each fault of a page, on a phone in the dark and on a desktop in the light.

    Args:
        page: a file, or HTML that is written into `folder` first.
        folder: where it may be written.
        tallest: how many pixels long it may be at each width, as it opens.
    """
    if CHROMIUM is None:
        return []  # the tests of the report itself are skipped with that reason
    playwright = pytest.importorskip("playwright.sync_api")
    if isinstance(page, str):
        (folder / "page.html").write_text(page, encoding="utf-8")
        page = folder / "page.html"
    found: list[tuple[int, str, list[str]]] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        shown = browser.new_page(reduced_motion="reduce")
        for width, scheme in VIEWS:
            shown.set_viewport_size({"width": width, "height": 844})
            shown.emulate_media(color_scheme=scheme)
            shown.goto(page.as_uri())
            found += [(width, *fault) for fault in violations(shown)]
            if shown.evaluate("document.documentElement.scrollWidth") > width:
                found.append((width, "wider than the screen", []))
            if (height := shown.evaluate("document.documentElement.scrollHeight")) > (tallest or {}).get(width, height):
                found.append((width, f"{height} pixels long", []))
            if small := shown.evaluate(SMALL):
                found.append((width, "text under 9 pixels", small))
        browser.close()
    return found
