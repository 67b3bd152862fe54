"""Results in, SVG charts out: the only module that imports matplotlib, and the charts of the study."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import is_color_like, to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Patch, Rectangle, Wedge
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import Affine2D

from petmood.report.facts import ProtocolView
from petmood.report.palette import ACCENT, FAINT, HEAT, INK, LINE, SOFT, STYLE, SURFACE, TOKENS, class_colours, text_on
from petmood.report.wording import count, interval, percent, printable, shorten
from petmood.results import ClusterSplit, Epochs, Interval, ModelFacts, SizeCount, SplitFacts

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


_PDFS: ContextVar[dict[str, bytes] | None] = ContextVar("pdfs", default=None)
_LIGHT = {stand_in: css.rpartition(" ")[2].rstrip(")") for stand_in, css in TOKENS.items()}
_COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
GRID_CELLS = 48
"""Side of the grid to which sizes are rounded when a data set has more different sizes than can be told apart."""


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Names in any script: the browser has the glyphs, the font that measures them may not.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


class _Canvas:
    """A figure whose coordinates are CSS pixels from its top left corner; without axes, which cost most of the time."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 72, height / 72))
        self.pixels = Affine2D().scale(1, -1).translate(0, height)

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        self.figure.text(x, y, text, transform=self.pixels, **style)

    def line(self, xs: Sequence[float], ys: Sequence[float], **style: Any) -> None:
        self.figure.add_artist(Line2D(xs, ys, transform=self.pixels, **style))

    def patch(self, patch: Patch) -> None:
        patch.set_transform(self.pixels)
        self.figure.add_artist(patch)


def _render(figure: Figure, key: str, label: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=METADATA)
    width, height = figure.get_size_inches() * 72
    chart = inline(buffer.getvalue(), key, label, round(width, 2), round(height, 2))
    if (kept := _PDFS.get()) is not None:
        kept[chart] = _pdf(figure, label)
    return chart


@contextmanager
def drawn_as_pdf() -> Iterator[dict[str, bytes]]:
    """While it lasts, charts are drawn as PDF too: gives a chart, as it stands in a page -> its document."""
    found: dict[str, bytes] = {}
    token = _PDFS.set(found)
    try:
        yield found
    finally:
        _PDFS.reset(token)


def _pdf(figure: Figure, label: str) -> bytes:
    """The figure in the colours of light pages, its texts as texts; the figure's own colours are lost."""
    plates = [plate for text in figure.findobj(Text) if (plate := text.get_bbox_patch()) is not None]
    for artist in [*figure.findobj(), *plates]:
        for name in _COLOURED:
            if (colour := getattr(artist, f"get_{name}", None)) is None or not hasattr(artist, f"set_{name}"):
                continue
            value = colour()
            stand_in = to_hex(value) if is_color_like(value) else ""
            if stand_in in _LIGHT and to_rgba(value)[3] > 0:
                getattr(artist, f"set_{name}")(_LIGHT[stand_in])
    buffer = io.BytesIO()
    metadata = {"Title": printable(label), "Creator": None, "Producer": None, "CreationDate": None}
    figure.savefig(buffer, format="pdf", transparent=True, metadata=metadata)
    return buffer.getvalue()


def _bar(canvas: _Canvas, x: float, y: float, width: float, height: float, colour: str, alpha: float = 1.0) -> None:
    """A bar with rounded ends; a value above zero is always visible."""
    if width <= 0:
        return
    width = max(width, 2.0)
    radius = min(height, width) / 2 * 0.7
    style = f"round,pad=0,rounding_size={radius:.2f}"
    patch = FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=colour, alpha=alpha, linewidth=0)
    canvas.patch(patch)


def class_counts(key: str, split: SplitFacts, classes: Sequence[str], label: str) -> str:
    """Files (pale) and distinct photos (solid) of each class of one split, as bars from zero."""
    width, row, bar = 260, 46, 12
    colours = class_colours(classes)
    top = max((c.images for c in split.by_class.values()), default=0) or 1
    with _style():
        canvas = _Canvas(width, row * len(classes))
        for i, name in enumerate(classes):
            y, found = i * row, split.by_class.get(name)
            images, photos = (found.images, found.photos) if found else (0, 0)
            canvas.text(0, y + 15, shorten(name, 17), fontsize=13, color=INK)
            text = f"{count(images)} files, {count(photos)} photos" if images != photos else f"{count(photos)} photos"
            canvas.text(width, y + 15, text, fontsize=11.5, color=SOFT, ha="right")
            _bar(canvas, 0, y + 22, width * images / top, bar, colours[name], 0.38)
            _bar(canvas, 0, y + 22, width * photos / top, bar, colours[name])
        return _render(canvas.figure, key, label)


def sizes(key: str, found: Sequence[SizeCount], classes: Sequence[str], limit: int, label: str) -> str:
    """Width against height of images, an area for how many share a size; axes from 0 to `limit` pixels."""
    side = 176
    colours = class_colours(classes)
    step = 1 if len(found) <= 300 else max(1, limit // GRID_CELLS)
    cells: dict[tuple[str, int, int], int] = {}
    for size in found:
        cell = (size.class_name, size.width // step * step, size.height // step * step)
        cells[cell] = cells.get(cell, 0) + size.count
    most = max(cells.values(), default=1)
    left, right, top, base = 42, side - 10, 8, side - 40
    ticks = [int(tick) for tick in MaxNLocator(3, integer=True).tick_values(0, limit) if tick <= limit]
    with _style():
        canvas = _Canvas(side, side)
        for tick in ticks:
            x, y = left + (right - left) * tick / limit, base - (base - top) * tick / limit
            canvas.line([x, x], [top, base], color=LINE, linewidth=0.8)
            canvas.line([left, right], [y, y], color=LINE, linewidth=0.8)
            canvas.text(x, base + 16, str(tick), ha="center", fontsize=11, color=SOFT)
            canvas.text(left - 6, y + 4, str(tick), ha="right", fontsize=11, color=SOFT)
        canvas.text((left + right) / 2, base + 32, "width, px", ha="center", fontsize=11, color=SOFT)
        upright: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor"}
        canvas.text(9, (top + base) / 2, "height, px", ha="center", fontsize=11, color=SOFT, **upright)
        for (name, width, height), n in sorted(cells.items(), key=lambda item: -item[1]):
            x, y = left + (right - left) * width / limit, base - (base - top) * height / limit
            radius = 2 + 4.5 * (n / most) ** 0.5
            canvas.patch(Circle((x, y), radius, facecolor=colours[name], alpha=0.85, linewidth=0))
        return _render(canvas.figure, key, label)


def cluster_sizes(key: str, split: ClusterSplit, label: str) -> str:
    """How many images of one split fall into each cluster, as columns."""
    k = len(split.sizes)
    width, height = max(220, 34 * k + 24), 170
    top = max(split.sizes, default=0) or 1
    pitch = (width - 12) / max(k, 1)
    with _style():
        canvas = _Canvas(width, height)
        base, room = height - 26, height - 72
        canvas.text(0, 12, "images in each cluster", fontsize=12, color=SOFT)
        canvas.line([0, width], [base, base], color=LINE, linewidth=1)
        for i, size in enumerate(split.sizes):
            x, tall = 6 + pitch * (i + 0.5), room * size / top
            column = min(40, pitch * 0.62)
            canvas.patch(Rectangle((x - column / 2, base - tall), column, tall, facecolor=ACCENT, linewidth=0))
            canvas.text(x, base - tall - 6, count(size), ha="center", fontsize=12, color=INK)
            canvas.text(x, base + 18, str(i + 1), ha="center", fontsize=12, color=SOFT)
        return _render(canvas.figure, key, label)


def cluster_pie(key: str, composition: Mapping[str, int], classes: Sequence[str], label: str) -> str:
    """What one cluster consists of: a sector a class, in class order, clockwise from noon."""
    side = 132
    colours = class_colours(classes)
    present = [name for name in classes if composition.get(name, 0)]
    values = [composition[name] for name in present]
    total = sum(values)
    with _style():
        canvas = _Canvas(side, side)
        centre, radius = side / 2, side / 2 - 2
        if not total:
            canvas.patch(Circle((centre, centre), radius, facecolor="none", edgecolor=LINE))
            canvas.text(centre, centre + 4, "empty", ha="center", fontsize=13.5, color=SOFT)
            return _render(canvas.figure, key, label)
        edge: dict[str, Any] = {"edgecolor": SURFACE, "linewidth": 1.5 if len(present) > 1 else 0}
        angle = -90.0  # noon; the canvas grows downwards, so angles run clockwise
        for name, value in zip(present, values, strict=True):
            sweep = 360 * value / total
            canvas.patch(Wedge((centre, centre), radius, angle, angle + sweep, facecolor=colours[name], **edge))
            middle = np.deg2rad(angle + sweep / 2)
            angle += sweep
            if value / total >= 0.12:
                reach = 0 if len(present) == 1 else radius * 0.66
                x, y = centre + reach * np.cos(middle), centre + reach * np.sin(middle) + 4
                canvas.text(x, y, percent(value / total, 0), ha="center", fontsize=13.5, color=text_on(colours[name]))
        return _render(canvas.figure, key, label)


def curves(key: str, epochs: Epochs, quantity: str, label: str) -> str:
    """Loss or accuracy after each epoch, on the training images (solid) and the validation images (dashed)."""
    if quantity == "loss":
        train, valid = epochs.loss, epochs.val_loss
    else:
        train, valid = epochs.accuracy, epochs.val_accuracy
    apart = _spread(train, valid, 1.0 if quantity == "accuracy" else max((*train, *valid), default=0.0))
    with _style():
        figure = Figure(figsize=(410 / 72, 230 / 72))
        axes = figure.add_axes((46 / 410, 42 / 230, 290 / 410, 174 / 230))
        axes.tick_params(length=0, pad=6, labelsize=12)
        for values, name, line in ((train, "train", "-"), (valid, "validation", "--")):
            colour = ACCENT if name == "train" else INK
            steps = range(1, len(values) + 1)
            axes.plot(steps, values, line, color=colour, linewidth=2, marker="o", markersize=4)
            if values:
                axes.annotate(
                    name,
                    (len(values), values[-1]),
                    xytext=(8, apart * (1 if values is train else -1) - 4),
                    textcoords="offset points",
                    fontsize=12,
                    color=colour,
                    annotation_clip=False,
                )
        axes.set_xlabel("epoch", fontsize=12.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True) if len(train) > 1 else FixedLocator([1]))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if quantity == "accuracy":
            axes.set_ylim(0, 1.03)
            axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        else:
            axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.8)
        axes.spines["left"].set_visible(False)
        return _render(figure, key, label)


Point = tuple[float, float, Interval]
"""Where it lies across, its share, and the interval of that."""

FIFTHS = {k / 5: percent(k / 5, 0) for k in range(6)}


def shares(
    key: str,
    points: Sequence[Point],
    across: str,
    up: str,
    label: str,
    *,
    areas: Sequence[float] | None = None,
    ticks: dict[float, str] = FIFTHS,
    right: float = 1.0,
) -> str:
    """Shares with their intervals, joined by a line.

    Args:
        key: of the chart, unique on its page.
        points: what is shown.
        across: title of the horizontal axis.
        up: title of the vertical one, which goes from 0 to 1.
        label: what the chart says, for people who cannot see it.
        areas: of the points, which are then not joined: they are compared with the line on which both axes agree.
        ticks: marks of the horizontal axis.
        right: where that axis ends.
    """
    xs, ys, intervals = zip(*points, strict=True)
    lows, highs = zip(*intervals, strict=True)
    with _style():
        figure = Figure(figsize=(410 / 72, 300 / 72))
        axes = figure.add_axes((52 / 410, 50 / 300, 344 / 410, 236 / 300))
        axes.set(xlabel=across, ylabel=up, xlim=(0, right), ylim=(0, 1))
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_yticks(list(FIFTHS), list(FIFTHS.values()))
        axes.tick_params(length=0, pad=6, labelsize=12)
        axes.grid(axis="y", linewidth=1)
        axes.spines[:].set_visible(False)
        axes.vlines(xs, lows, highs, ACCENT, linewidth=2, clip_on=False)
        if areas is None:
            axes.plot(xs, ys, color=ACCENT, linewidth=2, marker="o", markersize=8, clip_on=False)
        else:
            axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.scatter(xs, ys, areas, ACCENT, linewidth=0, zorder=3, clip_on=False)
        return _render(figure, key, label)


def round_ticks(low: float, high: float) -> list[float]:
    """Four round steps or fewer that reach from `low` or below to `high` or above."""
    return [round(float(tick), 12) + 0.0 for tick in MaxNLocator(4).tick_values(low, high)]


def _spread(train: Sequence[float], valid: Sequence[float], top: float) -> float:
    """Points by which labels of two lines move apart where the lines end at nearly one height of axes up to `top`."""
    if not train or not valid or abs(train[-1] - valid[-1]) >= 0.09 * (top or 1.0):
        return 0.0
    return 8.0 if train[-1] >= valid[-1] else -8.0


def confusion(key: str, model: ModelFacts, label: str) -> str:
    """Confusion matrix: actual classes in rows, predicted in columns; photos counted, shaded by share of the row."""
    names, k = model.classes, len(model.classes)
    cell = 64 if k <= 5 else 52 if k <= 8 else 44
    margin = min(112, 26 + 7 * max(min(len(name), 12) for name in names))
    upright = k <= 5
    top = 44 if upright else margin
    turned: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor"}
    with _style():
        canvas = _Canvas(margin + cell * k + 4, top + cell * k + 10)
        canvas.text(margin + cell * k / 2, 12, "predicted", ha="center", fontsize=12, color=SOFT)
        canvas.text(12, top + cell * k / 2, "actual", fontsize=12, color=SOFT, ha="center", **turned)
        for i, (name, row) in enumerate(zip(names, model.confusion, strict=True)):
            middle = cell * (i + 0.5)
            canvas.text(margin - 8, top + middle + 4, shorten(name, 12), ha="right", fontsize=12, color=INK)
            if upright:
                canvas.text(margin + middle, top - 10, shorten(name, 8), ha="center", fontsize=12, color=INK)
            else:
                canvas.text(margin + middle + 4, top - 8, shorten(name, 12), fontsize=12, color=INK, **turned)
            total = sum(row) or 1
            for j, n in enumerate(row):
                share = n / total
                x, y = margin + cell * j, top + cell * i
                box = Rectangle((x + 1, y + 1), cell - 2, cell - 2, facecolor=HEAT, alpha=share, linewidth=0)
                canvas.patch(box)
                outline: dict[str, Any] = {"edgecolor": INK if i == j else LINE, "linewidth": 1.5 if i == j else 0.8}
                canvas.patch(Rectangle((x + 1, y + 1), cell - 2, cell - 2, facecolor="none", **outline))
                if n:
                    kind: dict[str, Any] = {"ha": "center", "color": INK}
                    canvas.text(x + cell / 2, y + cell / 2 - 1, count(n), fontsize=14, weight="bold", **kind)
                    canvas.text(x + cell / 2, y + cell / 2 + 15, percent(share, 0), fontsize=11, **kind)
                else:
                    canvas.text(x + cell / 2, y + cell / 2 + 4, "0", ha="center", fontsize=12, color=SOFT)
        return _render(canvas.figure, key, label)


def forest(key: str, protocol: ProtocolView, wide: bool, label: str) -> str:
    """Accuracy and its 95 % interval of each model (filled) and baseline (hollow), with a line at the majority class.

    `wide` puts names and figures beside the intervals, otherwise they stand above them, for narrow screens.
    """
    rows = protocol.rows
    width, left, right, row = (870, 336, 176, 36) if wide else (350, 4, 14, 50)
    limit = min(1.0, np.ceil(10 * max(0.55, *(m.accuracy_ci[1] + 0.02 for m in rows))) / 10)
    scale = (width - left - right) / limit
    base = 30 + row * len(rows)
    plate = {"facecolor": SURFACE, "linewidth": 0, "pad": 1.5}  # keeps the lines behind a name from crossing it
    with _style():
        canvas = _Canvas(width, base + 30)
        for tick in np.arange(0, limit + 0.01, 0.1 if wide else 0.2):
            x = left + scale * tick
            canvas.line([x, x], [28, base], color=LINE, linewidth=1)
            canvas.text(
                x,
                base + 18,
                percent(tick, 0),
                ha="left" if tick == 0 and not wide else "center",
                fontsize=11,
                color=SOFT,
            )
        x = left + scale * protocol.majority.accuracy
        canvas.line([x, x], [22, base], color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        text = f"majority class {percent(protocol.majority.accuracy)}"
        canvas.text(min(max(x, 64), width - 64), 14, text, ha="center", fontsize=11.5, color=SOFT)
        for i, model in enumerate(rows):
            colour = ACCENT if i < len(protocol.models) else FAINT
            weight = "bold" if i == 0 else "normal"
            figures = f"{percent(model.accuracy)}  ({interval(model.accuracy_ci)})"
            y = 30 + row * (i + 0.5) if wide else 30 + row * i + 38
            if wide:
                canvas.text(0, y + 4, shorten(model.title, 46), fontsize=13.5, color=INK, weight=weight)
                canvas.text(width, y + 4, figures, ha="right", fontsize=14, color=INK, weight=weight)
            else:
                canvas.text(left, y - 14, shorten(model.title, 46), fontsize=12, color=INK, weight=weight, bbox=plate)
                canvas.text(width, y - 14, percent(model.accuracy), ha="right", fontsize=12.5, color=INK, weight=weight)
            low, high = (left + scale * bound for bound in model.accuracy_ci)
            canvas.line([low, high], [y, y], color=colour, linewidth=3.5, solid_capstyle="round")
            fill = colour if colour == ACCENT else SURFACE
            canvas.line([left + scale * model.accuracy], [y], marker="o", ms=11, mfc=fill, mec=colour, mew=2)
        return _render(canvas.figure, key, label)
