"""A search's facts in, one self-contained page out: its trials, which choices mattered, the winner on test."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from petmood.report import captions, study_text
from petmood.report.html import page_html
from petmood.results.tune import TuneFacts
from petmood.store import write_text


def render_tune(facts: TuneFacts, name: str, out: Path) -> None:
    """Write the page of a search over the data called `name`, atomically."""
    from petmood.report import plots, plots_study

    label = "Importance of each choice: " + ", ".join(f"{k} {v:.2f}" for k, v in facts.importance.items()) + "."
    ranked = sorted(facts.trials, key=lambda t: (t.loss is None, t.loss or 0.0, t.number))
    html = page_html(
        "tune.html.j2",
        facts=facts,
        name=name,
        ranked=ranked,
        choices=list(ranked[0].params),
        importance=Markup(plots_study.bars("importance", facts.importance, label)) if facts.importance else None,
        confusion=Markup(plots.confusion("winner", facts.winner, captions.confusion_label(facts.winner))),
        texts=tuple(study_text.model_sentences(facts.winner)),
    )
    write_text(out, html)
