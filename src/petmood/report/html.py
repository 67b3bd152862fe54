"""Results and thumbnails in, one self-contained HTML page out: no script, no request to any host."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from petmood.report import captions, facts, wording
from petmood.report.cautions import caution
from petmood.report.credibility import (
    above_sentence,
    applied_files,
    board_sentences,
    citation,
    marks,
    relabelled_sentence,
)
from petmood.report.palette import class_colours
from petmood.report.sentences import protocol_label
from petmood.report.summarize import Headline, summarize
from petmood.results import GroupFacts, Results, Sample, Warn
from petmood.results.models import SPLIT_USES, protocol_text
from petmood.store import write_text

_RANGE = re.compile(r"(?<=\d)\N{EN DASH}(?=\d)")  # "41.2-51.3 %" must not break across lines

_UNIT = re.compile(r"(?<=\d) %")  # nor may "95 %"
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*(?: [A-Z]+\b)?(?:=[A-Z]+)?")

_OPEN = "<!-- how the run went -->"

Thumbnail = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page that an analysis made; `place` says behind which part of the page it stands."""

    anchor: str
    title: str
    place: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Picture:
    """One cell of the sample grid; `uri` holds the whole JPEG."""

    sample: Sample
    uri: str


def complete_html(lasting: str, results: Results) -> str:
    """A page of `lasting_html` with what it leaves open: how the run went whose environment `results` has."""
    section = (
        _environment()
        .get_template("reproduce.html.j2")
        .render(
            env=results.environment,
            made=results.provenance,
            files=applied_files(results),
            cite=citation(results),
        )
    )
    return lasting.replace(_OPEN, section, 1)


def lasting_html(
    results: Results,
    thumbnail: Thumbnail,
    sections: Sequence[Section] = (),
    cautions: Sequence[Warn] = (),
    headlines: Sequence[Headline] = (),
) -> str:
    """The page, with a mark in place of the section that tells how this very run went; the same for equal results.

    Args:
        results: every fact that the page shows.
        thumbnail: gives a small JPEG for a path of the manifest, or None where there is none to show.
        sections: those of analyses.
        cautions: what must be known before any figure is trusted.
        headlines: of analyses, behind those of the run itself.
    """
    context = _context(results, thumbnail, sections, cautions)
    summary = summarize(results)
    context["summary"] = replace(summary, headlines=(*summary.headlines, *headlines))
    return _environment().get_template("report.html.j2").render(context)


def parts_html(results: Results, cautions: Sequence[Warn], *names: str) -> str:
    """Some parts of a report as a page of their own, e.g. "hero" and "found": for notebooks."""
    context = _context(results, lambda path: None, (), cautions)
    return _environment().get_template("sections.html.j2").render(context, names=names, section="")


def section_html(package: str, **context: object) -> Markup:
    """The section of an analysis, by the template `section.html.j2` in its package."""
    return Markup(_environment(package).get_template("section.html.j2").render(context))


def section_page(section: Markup) -> str:
    """A section as a page of its own."""
    return _environment().get_template("sections.html.j2").render(names=(), section=section)


def _context(
    results: Results, thumbnail: Thumbnail, sections: Sequence[Section], cautions: Sequence[Warn]
) -> dict[str, object]:
    from petmood.report import figures  # draws with matplotlib, which is slow to import

    return {
        "results": results,
        "data": results.dataset,
        "version": results.environment.petmood,
        "reproduce": Markup(_OPEN),
        "summary": summarize(results),
        "figures": figures.draw(results),
        "pictures": _pictures(results.dataset.samples, thumbnail),
        "colours": class_colours(results.dataset.classes),
        "captions": captions,
        "facts": facts,
        "marks": marks(results),
        "sections": sections,
        "cautions": cautions,
    }


def _pictures(samples: Iterable[Sample], thumbnail: Thumbnail) -> list[Picture]:
    shown = ((sample, thumbnail(sample.path)) for sample in samples)
    return [Picture(s, f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}") for s, jpeg in shown if jpeg]


def picture_uris(thumbnail: Thumbnail) -> Callable[[str], str]:
    """A function from a path to a data URI, or "" where there is no picture."""

    @cache
    def uri(path: str) -> str:
        jpeg = thumbnail(path)
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" if jpeg else ""

    return uri


def page_html(template: str, **context: object) -> str:
    """A page of a template of its own, in the look that all pages share."""
    return _environment().get_template(template).render(context)


@cache  # a template is compiled once, which takes a good part of what drawing a page does
def _environment(package: str = "") -> Environment:
    """Templates of pages, and those of a package before them, with the filters and the look that all share."""
    shared = PackageLoader("petmood.report")
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), shared]) if package else shared,
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ci_method": wording.ci_method,
        "count": wording.count,
        "percent": wording.percent,
        "interval": wording.interval,
        "number": wording.number,
        "duration": wording.duration,
        "plural": wording.plural,
        "protocol": protocol_label,
        "protocol_text": protocol_text,
        "split_use": lambda code: SPLIT_USES.get(code, code),
        "above": above_sentence,
        "caution": caution,
        "board": lambda found: list(board_sentences(found)),
    }
    environment.globals["left_out"] = wording.LEFT_OUT
    environment.globals["stylesheet"] = _stylesheet(environment)
    environment.globals["relabelled_sentence"] = relabelled_sentence
    return environment


def _finalize(value: object) -> object:
    """What may not stand in a document is made visible, as in names of files; figures and options do not break."""
    if type(value) is not str:
        return value
    text = _RANGE.sub("\N{EN DASH}\N{WORD JOINER}", _UNIT.sub(f"{wording.THIN}%", wording.printable(value)))
    # in a sentence; commands stand in blocks of their own, which do not wrap
    return Markup(_OPTION.sub(r'<span class="range">\g<0></span>', str(escape(text)))) if text.endswith(".") else text


def _stylesheet(environment: Environment) -> Markup:
    """The shared look, then what only the report needs."""
    loader = environment.loader
    assert loader is not None
    return Markup("".join(loader.get_source(environment, name)[0] for name in ("petmood.css", "report.css")))


def render_sheets(facts: GroupFacts, thumbnail: Thumbnail, out: Path) -> None:
    """Write clusters.html: of each cluster the most central and the most doubtful faces.

    Args:
        facts: the clusters.
        thumbnail: gives a small JPEG for a path, or None.
        out: where the page goes.
    """
    write_text(out, page_html("sheets.html.j2", facts=facts, uri=picture_uris(thumbnail)))
