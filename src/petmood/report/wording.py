"""Numbers and names in, short pieces of plain English out: the one place that decides how a figure is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from petmood.results import Interval

THIN = "\N{NARROW NO-BREAK SPACE}"
DASH = "\N{EN DASH}"

LEFT_OUT = {"train": "the study's CNN", "labels": "the search for labels in doubt"}
"""What a run leaves out where an extra is not installed."""


def count(n: int) -> str:
    """1074 -> "1,074"."""
    return f"{n:,}"


def count_range(values: Sequence[int]) -> str:
    """(250, 250) -> "250"; (250, 247, 261) -> "247 to 261"."""
    low, high = min(values), max(values)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def plural(n: int, noun: str, nouns: str | None = None) -> str:
    """(1, "photo") -> "1 photo"; (370, "photo") -> "370 photos"; `nouns` is an irregular plural."""
    return f"{count(n)} {noun if n == 1 else nouns or noun + 's'}"


def percent(share: float, digits: int = 1) -> str:
    """0.4621 -> "46.2 %"."""
    return f"{100 * share:.{digits}f}{THIN}%"


def interval(bounds: Interval, digits: int = 1) -> str:
    """(0.412, 0.513) -> "41.2-51.3 %", with an en dash."""
    return f"{100 * bounds[0]:.{digits}f}{DASH}{100 * bounds[1]:.{digits}f}{THIN}%"


def span(bounds: Interval, digits: int = 3) -> str:
    """(0.25, 0.36) -> "0.250 to 0.360", for plain text."""
    return f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def plain(value: float, bounds: Interval) -> str:
    """0.3 and (0.25, 0.36) -> "0.300 (0.250 to 0.360)", for plain text."""
    return f"{value:.3f} ({span(bounds)})"


def gained(value: float, bounds: Interval) -> str:
    """0.3 and (0.25, 0.36) -> "+0.300 (+0.250 to +0.360)", for plain text."""
    return f"{value:+.3f} ({bounds[0]:+.3f} to {bounds[1]:+.3f})"


def number(value: float | None, digits: int = 2) -> str:
    """0.0912 -> "0.09"; None -> an en dash; never "-0.00"."""
    return DASH if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def duration(seconds: float) -> str:
    """0.04 -> "0.04 s"; 12.3 -> "12.3 s"; 75 -> "1 min 15 s"."""
    if round(seconds) >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{THIN}min {rest}{THIN}s"
    return f"{seconds:.{2 if seconds < 1 else 1}f}{THIN}s"


def listing(items: Sequence[str]) -> str:
    """("a", "b", "c") -> "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else "none"


def quoted(name: str) -> str:
    """Curly quotes around a name that came with the data, so that it reads as a name."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{printable(name)}\N{RIGHT DOUBLE QUOTATION MARK}"


def printable(text: str) -> str:
    """`text` with everything that HTML and SVG may not contain (control characters, lone surrogates) made visible."""
    # of a page's hundred thousand letters few are distinct
    bad = {ord(c): "\N{REPLACEMENT CHARACTER}" for c in set(text) if unicodedata.category(c) in ("Cc", "Cs", "Cn")}
    return text.translate(bad) if bad else text


def shorten(text: str, cells: int) -> str:
    """`text` cut to `cells` columns with an ellipsis; wide (East Asian) characters take two columns."""
    text = printable(text)
    widths = [2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text]
    if sum(widths) <= cells:
        return text
    kept, room = 0, cells - 1
    while widths[kept] <= room:
        room -= widths[kept]
        kept += 1
    return text[:kept].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def measured(share: float, bounds: Interval, n: int | None = None) -> str:
    """A share with its 95 % interval, and of how many where that is given: "48.4 % (43.5-53.8 %, n = 370)"."""
    return f"{percent(share)} ({interval(bounds)}{'' if n is None else f', n = {count(n)}'})"


def points_ci(share: float, bounds: Interval) -> str:
    """A difference in percentage points with its 95 % interval."""
    low, high = map(points, bounds)
    return f"{points(share)} points (95{THIN}% interval {low} to {high})"


def p_value(p: float) -> str:
    """0.0004 -> "< 0.001"; 0.0312 -> "= 0.031"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


CI_METHODS = {
    "bootstrap-families": "bootstrap over families",
    "bootstrap-families-shifted": "bootstrap over families, shifted by its own bias",
    "bootstrap-animals": "bootstrap over animals",
}


def ci_method(code: str) -> str:
    """How 95 % intervals were made, for people: "bootstrap over families, 95 %"."""
    return f"{CI_METHODS.get(code, code)}, 95{THIN}%"


def points(share: float) -> str:
    """0.0297 -> "+3.0"; percentage points with a sign."""
    return f"{100 * share + 0.0:+.1f}".replace("-", "\N{MINUS SIGN}")
