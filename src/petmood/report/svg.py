"""A matplotlib SVG document in, a themed fragment for a page out: unique ids, CSS variables, a text label."""

from __future__ import annotations

import re
from html import escape

from petmood.report.palette import TOKENS
from petmood.report.wording import printable

_TAG = re.compile(r"<[^>]*>")
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')
_FONT = re.compile(r"\s*font-family:[^;\"]*;?")
_COLOUR = re.compile("|".join(TOKENS))


def inline(document: str, key: str, label: str, width: float, height: float) -> str:
    """Make a drawing part of a page.

    Args:
        document: an SVG file drawn in the stand-in colours of `palette.TOKENS`.
        key: prefix for ids, unique on the page, so that clip paths and markers of two charts cannot meet.
        label: what the drawing says, for people who cannot see it.
        width: natural width in CSS pixels; the stylesheet lets a drawing shrink to its column.
        height: natural height in CSS pixels.
    """

    def adapt(match: re.Match[str]) -> str:
        tag = match[0]
        if tag.startswith("<svg"):
            return (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="chart" '
                f'role="img" aria-label="{escape(printable(label))}" width="{width:g}" height="{height:g}" '
                f'viewBox="0 0 {width:g} {height:g}">'
            )
        tag = _REFERENCE.sub(rf"\g<1>{key}-\g<2>", _ID.sub(rf'id="{key}-\g<1>"', tag))
        return _COLOUR.sub(lambda found: TOKENS[found[0]], _FONT.sub("", tag))

    # Only tags are touched: a text is a name from the data, which may look like anything.
    return _TAG.sub(adapt, document[document.index("<svg") :]).strip()
