"""Results of the replicated study and thumbnails in, one self-contained HTML page out, in the study's own order."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from petmood.report import captions, facts, study_text
from petmood.report.html import Thumbnail, _environment, _pictures, page_html
from petmood.report.palette import class_colours
from petmood.results import Results, SizeCount, StudyFacts, Tuning
from petmood.results.tune import TuneFacts
from petmood.store import write_bytes, write_text


def render_study(results: Results, thumbnail: Thumbnail, out: Path) -> None:
    """Write the page of a study, atomically, as one UTF-8 file that needs nothing beside it.

    Args:
        results: a study's results; `results.study` is not None.
        thumbnail: gives a small JPEG for a path of the manifest, or None where there is none to show.
        out: where the page goes, e.g. RUN/study.html.
    """
    write_bytes(out, study_html(results, thumbnail).encode())


def study_html(results: Results, thumbnail: Thumbnail) -> str:
    """The page that `render_study` writes, as text."""
    from petmood.report import figures, plots, plots_study  # draws with matplotlib, which is slow to import

    study = results.study
    if study is None:
        raise ValueError("these are not the results of a study")
    drawn = figures.draw(results)
    colours = class_colours(results.dataset.classes)
    side = study.eda.target_size[0]
    after = [_after(results, study, name) for name in results.dataset.classes]
    return (
        _environment()
        .get_template("study.html.j2")
        .render(
            results=results,
            study=study,
            data=results.dataset,
            env=results.environment,
            figures=drawn,
            pictures=_pictures(results.dataset.samples, thumbnail),
            colours=colours,
            captions=captions,
            text=study_text,
            after=[
                (
                    s.class_name,
                    Markup(plots.sizes(f"after{i}", [s], results.dataset.classes, round(1.12 * side), "After")),
                )
                for i, s in enumerate(after)
            ],
            clusters=[
                {s: tuple(study_text.cluster_sentences(view.facts, s)) for s in view.facts.splits}
                for view in drawn.clusters
            ],
            models=[
                (view, tuple(study_text.model_sentences(view.facts)))
                for view in drawn.models
                if view.facts.protocol == facts.protocols(results)[0].name
            ],
            tuning=[Markup(svg) for svg in _tuning(study.tuning)],
            map=plots_study.face_map(study.face_map, colours, thumbnail),
            sections=list(dict.fromkeys(row.section for row in study.comparison)),
        )
    )


def _after(results: Results, study: StudyFacts, name: str) -> SizeCount:
    """All training images of a class at the size they were brought to."""
    width, height = study.eda.target_size
    n = results.dataset.splits["train"].by_class[name].images
    return SizeCount(split="train", class_name=name, width=width, height=height, count=n)


def _tuning(tuning: Tuning) -> list[str]:
    from petmood.report import plots_study

    drawn = []
    titles = {"silhouette": "Silhouette", "calinski_harabasz": "Calinski-Harabasz", "stability": "Stability (ARI)"}
    for name, title in titles.items():
        series: dict[str, list[tuple[float, float]]] = {}
        for row in tuning.rows:
            value = getattr(row, name)
            if row.k is not None and value is not None:
                space = "all features" if row.reduction == "none" else row.reduction
                series.setdefault(f"{row.method}, {space}", []).append((row.k, value))
        said = "; ".join(f"{s}: best at k = {max(v, key=lambda p: p[1])[0]:g}" for s, v in series.items())
        if series:
            mark = tuning.best_k.get(name)
            drawn.append(
                plots_study.lines(f"tune-{name}", series, title, "clusters (k)", f"{title} by k. {said}.", mark)
            )
    return drawn


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
