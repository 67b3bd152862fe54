"""Results of the replicated study in, SVG out: criteria against k, and the photos in the plane."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from petmood import images
from petmood.report.palette import ACCENT, FAINT, INK, LINE, MUTED, SOFT
from petmood.report.plots import _Canvas, _render, _style, round_ticks
from petmood.report.wording import percent, shorten
from petmood.results import FaceMap

Series = Mapping[str, Sequence[tuple[float, float]]]

_LINES: Final = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))
_THUMBNAIL: Final = 40
_VIEW: Final = 1000
_CELL: Final = 34


def lines(key: str, series: Series, title: str, x_title: str, label: str, mark: float | None = None) -> str:
    """Lines over a whole-numbered x axis, with a legend; a dashed vertical line at `mark`."""
    width, height, left, right, top = 430.0, 300.0, 46.0, 10.0, 30.0
    base = height - 44 - 18 * -(-len(series) // 2)
    points = [p for line in series.values() for p in line]
    xs, ys = [p[0] for p in points] or [0.0, 1.0], [p[1] for p in points] or [0.0, 1.0]
    ticks = round_ticks(min(0.0, *ys), max(ys) or 1.0)
    low, high = ticks[0], ticks[-1]
    colours = list(MUTED.values())

    def x_of(x: float) -> float:
        return left + (width - left - right) * (x - min(xs)) / ((max(xs) - min(xs)) or 1)

    def y_of(y: float) -> float:
        return base - (base - top) * (y - low) / ((high - low) or 1)

    with _style():
        canvas = _Canvas(width, height)
        canvas.text(0, 14, title, fontsize=12.5, color=INK)
        for value in ticks:
            canvas.line([left, width - right], [y_of(value)] * 2, color=LINE, linewidth=0.8)
            canvas.text(left - 6, y_of(value) + 4, f"{value:g}", ha="right", fontsize=12.5, color=SOFT)
        for x in sorted(set(xs)):
            canvas.text(x_of(x), base + 16, f"{x:g}", ha="center", fontsize=12.5, color=SOFT)
        canvas.text((left + width) / 2, base + 32, x_title, ha="center", fontsize=12.5, color=SOFT)
        if mark is not None:
            canvas.line([x_of(mark)] * 2, [top, base], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        for i, (name, line) in enumerate(series.items()):
            kind: dict[str, Any] = {"color": colours[i % len(colours)], "linestyle": _LINES[i % len(_LINES)]}
            canvas.line([x_of(x) for x, _ in line], [y_of(y) for _, y in line], linewidth=2, **kind)
            x, y = 4 + (i % 2) * width / 2, base + 54 + 18 * (i // 2)
            canvas.line([x, x + 22], [y - 4] * 2, linewidth=2, **kind)
            canvas.text(x + 28, y, shorten(name, 22), fontsize=12.5, color=SOFT)
        return _render(canvas.figure, key, label)


@dataclass(frozen=True, slots=True)
class Face:
    """A photo of the map: its place in the drawing's units, its picture, and its three colours."""

    x: float
    y: float
    uri: str
    title: str
    mood: str
    species: str
    cluster: str


@dataclass(frozen=True, slots=True)
class MapView:
    """The map, ready for the page: its side, that of a picture, the faces, and a legend for each colouring."""

    side: int
    cell: int
    faces: tuple[Face, ...]
    legends: dict[str, dict[str, str]]


def face_map(found: FaceMap, colours: Mapping[str, str], thumbnail: Callable[[str], bytes | None]) -> MapView:
    """The photos as small pictures, framed by mood, species or cluster; those without a picture are left out."""
    palette = list(MUTED.values())
    species = {name: palette[i % len(palette)] for i, name in enumerate(dict.fromkeys(p.species for p in found.points))}
    clusters = {n: palette[i % len(palette)] for i, n in enumerate(sorted({p.cluster for p in found.points}))}
    faces = []
    for point in found.points:
        picture = thumbnail(point.path)
        if picture is None:
            continue
        small = base64.b64encode(images.thumbnail(picture, _THUMBNAIL)).decode()
        faces.append(
            Face(
                x=round(point.x * (_VIEW - _CELL), 1),
                y=round((1 - point.y) * (_VIEW - _CELL), 1),
                uri=f"data:image/jpeg;base64,{small}",
                title=f"{point.path}: {point.class_name}, {point.species}, cluster {point.cluster + 1}",
                mood=colours.get(point.class_name, FAINT),
                species=species[point.species],
                cluster=clusters[point.cluster],
            )
        )
    legends = {
        "mood": dict(colours),
        "species": species,
        "cluster": {f"cluster {number + 1}": colour for number, colour in clusters.items()},
    }
    return MapView(_VIEW, _CELL, tuple(faces), legends)


def bars(key: str, shares: Mapping[str, float], label: str) -> str:
    """Shares as horizontal bars from zero, largest first."""
    width, row, left = 370.0, 28.0, 122.0  # a phone shows its text at 9 pixels or more
    top = max(shares.values(), default=0.0) or 1.0
    with _style():
        canvas = _Canvas(width, row * len(shares) + 4)
        for i, (name, share) in enumerate(sorted(shares.items(), key=lambda item: -item[1])):
            y = row * i + 18
            canvas.text(0, y, shorten(name, 18), fontsize=12, color=INK)
            end = left + (width - left - 50) * share / top
            canvas.line([left, max(end, left + 1)], [y - 4] * 2, color=ACCENT, linewidth=10)
            canvas.text(max(end, left + 1) + 12, y, percent(share, 0), fontsize=11, color=SOFT)
        return _render(canvas.figure, key, label)
