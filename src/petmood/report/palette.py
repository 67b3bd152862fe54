"""Class names in, colours out; and what all charts share: theme tokens and drawing style."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# The ten colours of seaborn's "muted" palette, then four that stay apart from them.
MUTED = {
    "blue": "#4878d0",
    "orange": "#ee854a",
    "green": "#6acc64",
    "red": "#d65f5f",
    "purple": "#956cb4",
    "brown": "#8c613c",
    "pink": "#dc7ec0",
    "grey": "#797979",
    "olive": "#d5bb67",
    "cyan": "#82c6e2",
    "teal": "#3f9c94",
    "plum": "#9c3f6b",
    "indigo": "#7b7bec",
    "moss": "#7d8f3a",
}
MOODS = {"happy": MUTED["green"], "sad": MUTED["blue"], "angry": MUTED["red"], "other": MUTED["orange"]}

# A chart is drawn in these stand-ins, which `svg.inline` turns into CSS variables: one SVG serves light and dark pages.
INK = "#010203"
SOFT = "#040506"
LINE = "#070809"
SURFACE = "#0a0b0c"
ACCENT = "#0d0e0f"
HEAT = "#101112"
FAINT = "#131415"
TOKENS = {
    INK: "var(--ink, #1d1c1a)",
    SOFT: "var(--ink-soft, #57534b)",
    LINE: "var(--line, #e2ddd3)",
    SURFACE: "var(--surface, #ffffff)",
    ACCENT: "var(--accent, #0e6962)",
    HEAT: "var(--heat, #3fa79c)",
    FAINT: "var(--ink-faint, #6f6a60)",
}

# Settings of matplotlib for every chart, as plain values.
STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 12,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 72,  # an SVG unit is then a CSS pixel
    "font.family": ["DejaVu Sans"],  # only measures text: the page's own font draws it
    "font.size": 12,
    "grid.color": LINE,
    "svg.fonttype": "none",
    "svg.hashsalt": "petmood",
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x$"
    "xtick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.color": LINE,
    "ytick.labelcolor": SOFT,
}


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """A colour ("#rrggbb") for each class: the four moods keep theirs whatever their case, others get what is left.

    Colours repeat only when there are more classes than colours.
    """
    names = list(classes)
    colours = {name: MOODS[name.casefold()] for name in names if name.casefold() in MOODS}
    free = [colour for colour in MUTED.values() if colour not in colours.values()]
    others = [name for name in names if name not in colours]
    colours.update({name: free[i % len(free)] for i, name in enumerate(others)})
    return {name: colours[name] for name in names}


def _luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" in [0, 1], as WCAG 2 defines it."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two "#rrggbb" colours in [1, 21], as WCAG 2 defines it."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(colour: str) -> str:
    """Near-black or white, whichever reads better on `colour`."""
    return max(("#0b0b0b", "#ffffff"), key=lambda ink: contrast(ink, colour))
