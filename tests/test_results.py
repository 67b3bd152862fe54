"""Every fact with an accuracy or an interval can be marked, and marks reach however deep it lies."""

from __future__ import annotations

from typing import Any, get_args

from petmood.analyses import ANALYSES
from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure
from petmood.results import Fact, Marked, Results, put_mark
from petmood.results.base import Identity

UNDER_A_MARK = {"ClassScore", "Epochs"}
"""Parts of a model's record, which is marked itself."""


def facts_below(annotation: Any, found: set[type[Fact]]) -> set[type[Fact]]:
    """The kinds of facts that a field of this type may hold."""
    for part in get_args(annotation) or (annotation,):
        if get_args(part):
            facts_below(part, found)
        elif isinstance(part, type) and issubclass(part, Fact) and part not in found:
            found.add(part)
            for field in part.model_fields.values():
                facts_below(field.annotation, found)
    return found


def test_every_fact_of_a_run_with_a_figure_can_be_marked() -> None:
    kinds = facts_below(Results, set())
    for one in ANALYSES:
        facts_below(one.facts, kinds)
        kinds.add(one.facts)
    assert LeakageFigure in kinds
    figures = {k for k in kinds if any(name.endswith("_ci") or name == "accuracy" for name in k.model_fields)}
    assert {k.__name__ for k in figures if not issubclass(k, Marked)} == UNDER_A_MARK


def test_a_mark_reaches_every_figure_and_changes_nothing_else() -> None:
    figure = LeakageFigure(
        subject="s", control=False, split="x", n=2, photos=2, correct=1, accuracy=0.5,
        accuracy_ci=(0.1, 0.9), ci_method="Wilson",
        identity=Identity(data="d", model="s", training="files", protocol="x", seed=0),
    )  # fmt: skip
    facts = LeakageFacts(allowed=True, figures=(figure, figure), splits=())
    marked = put_mark(facts, "leaks")
    assert {f.mark for f in marked.figures} == {"leaks"}
    assert marked.model_dump(exclude={"figures"}) == facts.model_dump(exclude={"figures"})
    assert marked.figures[0].model_copy(update={"mark": None}) == figure
