"""Facts of a leaderboard -> a page of Markdown: what was tried, what it scored, what the choice is worth."""

from __future__ import annotations

from petmood.escaping import markdown as shown_as_is
from petmood.escaping import one_line
from petmood.evaluation.statistics import decide
from petmood.report.wording import gained, span
from petmood.results.base import Interval
from petmood.results.methods import LeaderboardFacts, MethodScore

_HEADINGS = (
    "method",
    "grouped accuracy",
    "macro-F1",
    "over species only",
    "over frozen Lite0",
    "test",
    "repeats",
    "seconds",
)


def markdown(found: LeaderboardFacts) -> str:
    """The page, ending in a newline. Every figure is a fact of `found`."""
    data = one_line(found.data).replace("`", "'")  # the only sign that ends what stands between two of it
    classes = ", ".join(map(shown_as_is, found.classes))
    lines = [
        "# Leaderboard",
        "",
        "This page is written by `petmood leaderboard DATA --out docs/leaderboard.md`; do not edit it.",
        "",
        (
            f"Data: `{data}` (digest `{found.data_sha256[:16]}`), classes {classes}. Grouped "
            f"accuracy: {found.folds}-fold cross-validation over photos, stratified by class, repeated with other "
            "folds; a photo and all copies made from it stay on one side. Test: one fit on train, the photos of test "
            "once; it never chose anything. Intervals of accuracies resample photos."
        ),
        "",
        *_choice(found),
        f"| {' | '.join(_HEADINGS)} |",
        f"|{'---|' * len(_HEADINGS)}",
        *(_row(row) for row in found.methods),
        "",
        (
            "Differences are paired over the same photos; their 95 % intervals and p are corrected together over all "
            "methods (Holm), and * marks those that differ. Seconds are of one processor core, all fits of all "
            "repeats, features at hand."
        ),
        "",
        "## Commands",
        "",
        "The backbone `outside` is what `petmood pretrain` writes; `mobilenet` is the study's, as an ONNX file.",
        "",
        *(f"- {row.title}, {row.dim:,} features: `{row.command}`" for row in found.methods),
        "",
    ]
    if found.left_out:
        lines += ["## Not run", "", *(f"- `{left.name}` {left.reason}" for left in found.left_out), ""]
    return "\n".join(lines)


def _choice(found: LeaderboardFacts) -> list[str]:
    if found.choice is None:
        return []
    choice = found.choice
    return [
        (
            f"The best of {choice.candidates} methods, `{choice.winner}`, has {choice.apparent:.3f}. The best of many "
            "is flattered by having been chosen on these photos: choosing among all and scoring on photos that did not "
            f"choose gives **{choice.corrected:.3f}** (95 % interval {span(choice.corrected_ci)}; bootstrap "
            "bias-corrected cross-validation)."
        ),
        "",
    ]


def _row(row: MethodScore) -> str:
    cells = [
        f"`{row.name}`",
        f"{row.grouped_accuracy:.3f} ({span(row.grouped_accuracy_ci)}, n = {row.n})",
        f"{row.grouped_macro_f1:.3f}",
        _difference(row.vs_species, row.vs_species_ci),
        _difference(row.vs_frozen, row.vs_frozen_ci),
        f"{round(row.test_accuracy * row.test_n)}/{row.test_n} ({span(row.test_accuracy_ci)})",
        str(row.repeats),
        f"{row.seconds:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _difference(value: float | None, interval: Interval | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{gained(value, interval)}{'*' if decide(interval) else ''}"
