"""Results in, the page's figures out: drawn, captioned and in the order in which the templates show them."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from petmood.report import captions, facts, plots
from petmood.report.facts import ProtocolView
from petmood.results import ClusterFacts, ClusterSplit, DatasetFacts, ModelFacts, Results

MANY_CLASSES = 6
"""With more classes than this, sizes are drawn in one panel a split rather than one a class."""


FEW_SIZES = 3
"""So many different sizes, or fewer, are a sentence and no chart."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart ready for the page, and the words under it."""

    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Panels:
    """Drawings that belong together, under one heading."""

    title: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One clustering: for each split its sizes and a pie for each cluster."""

    facts: ClusterFacts
    splits: tuple[tuple[str, ClusterSplit, Drawing, tuple[Drawing, ...]], ...]


@dataclass(frozen=True, slots=True)
class ForestView:
    """One protocol: its forest plot for wide and for narrow pages."""

    protocol: ProtocolView
    wide: Markup
    narrow: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model under one protocol, with its confusion matrix and learning curves."""

    facts: ModelFacts
    confusion: Drawing
    curves: Panels | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All charts of the page."""

    counts: Panels
    sizes: tuple[tuple[Drawing, ...], ...]
    clusters: tuple[ClusterView, ...]
    forests: tuple[ForestView, ...]
    models: tuple[ModelView, ...]


def draw(results: Results) -> Figures:
    """Draw every chart that the results have data for."""
    protocols = facts.protocols(results)
    return Figures(
        counts=_counts(results.dataset),
        sizes=tuple(_sizes(results.dataset)),
        clusters=tuple(_clusters(i, c, results.dataset) for i, c in enumerate(results.clusters)),
        forests=tuple(_forest(i, p) for i, p in enumerate(protocols)),
        models=tuple(_models(protocols)),
    )


def _counts(data: DatasetFacts) -> Panels:
    drawings = []
    for i, (name, split) in enumerate(data.splits.items()):
        chart = plots.class_counts(f"counts{i}", split, data.classes, captions.counts_label(name, split))
        drawings.append(Drawing(Markup(chart), name))
    return Panels(captions.counts(data), tuple(drawings))


def _sizes(data: DatasetFacts) -> list[tuple[Drawing, ...]]:
    if len({(s.width, s.height) for s in data.sizes}) <= FEW_SIZES:
        return []
    limit = round(1.12 * max((max(s.width, s.height) for s in data.sizes), default=1))
    panels = []
    for split in data.splits:
        inside = [s for s in data.sizes if s.split == split]
        if len(data.classes) > MANY_CLASSES:
            panels.append([(split, inside)])
        else:
            panels.append([(f"{split}, {c}", [s for s in inside if s.class_name == c]) for c in data.classes])
    if len(data.classes) > MANY_CLASSES:
        panels = [[panel for row in panels for panel in row]]
    rows = []
    for i, row in enumerate(panels):
        drawings = []
        for j, (title, sizes) in enumerate(row):
            chart = plots.sizes(f"sizes{i}-{j}", sizes, data.classes, limit, captions.sizes_label(title, sizes))
            drawings.append(Drawing(Markup(chart), title))
        rows.append(tuple(drawings))
    return rows


def _clusters(index: int, clusters: ClusterFacts, data: DatasetFacts) -> ClusterView:
    rows = []
    for i, (name, split) in enumerate(clusters.splits.items()):
        key = f"cluster{index}-{i}"
        caption = captions.cluster_sizes(name, split)
        bars = Drawing(Markup(plots.cluster_sizes(key, split, _sizes_label(split))), caption)
        pies = []
        for j, (size, composition) in enumerate(zip(split.sizes, split.composition, strict=True)):
            label = captions.pie_label(j, composition)
            chart = plots.cluster_pie(f"{key}-{j}", composition, data.classes, label)
            pies.append(Drawing(Markup(chart), captions.pie(composition, size)))
        rows.append((name, split, bars, tuple(pies)))
    return ClusterView(clusters, tuple(rows))


def _sizes_label(split: ClusterSplit) -> str:
    return "Images in each cluster: " + ", ".join(f"{i + 1}: {n}" for i, n in enumerate(split.sizes)) + "."


def _forest(index: int, protocol: ProtocolView) -> ForestView:
    label = captions.forest_label(protocol)
    wide, narrow = (plots.forest(f"forest{index}-{int(w)}", protocol, w, label) for w in (True, False))
    return ForestView(protocol, Markup(wide), Markup(narrow), captions.forest(protocol))


def _models(protocols: tuple[ProtocolView, ...]) -> list[ModelView]:
    views = []
    for i, protocol in enumerate(protocols):
        for j, model in enumerate(protocol.models):
            key = f"model{i}-{j}"
            chart = plots.confusion(key, model, captions.confusion_label(model))
            curves = _curves(key, model)
            views.append(ModelView(model, Drawing(Markup(chart), captions.confusion(model)), curves))
    return views


def _curves(key: str, model: ModelFacts) -> Panels | None:
    epochs = model.epochs
    if epochs is None or not epochs.loss:
        return None
    drawings = []
    for quantity in ("loss", "accuracy"):
        label = captions.curves_label(quantity, epochs)
        drawings.append(Drawing(Markup(plots.curves(f"{key}-{quantity}", epochs, quantity, label)), quantity))
    return Panels(captions.curves(epochs), tuple(drawings))
