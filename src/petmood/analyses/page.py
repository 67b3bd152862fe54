"""The facts of a run, and the analyses that found them -> its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from petmood.analyses import ANALYSES
from petmood.analyses.base import Analysis, Page, Place
from petmood.report.html import (
    Section,
    Thumbnail,
    complete_html,
    lasting_html,
    parts_html,
    picture_uris,
    section_html,
    section_page,
)
from petmood.report.palette import class_colours
from petmood.results import Results
from petmood.results.base import Fact
from petmood.results.dataset import Warn


def report_html(results: Results, thumbnail: Thumbnail, analyses: Sequence[Analysis[Any]] = ANALYSES) -> str:
    """The report of a run: one page that needs nothing beside it. Equal results and thumbnails give an equal page.

    Args:
        results: every fact that the page shows.
        thumbnail: gives a small JPEG for a path of the manifest, or None where there is none to show.
        analyses: whose sections it has, where their facts are among the results.
    """
    return complete_html(lasting_report(results, thumbnail, analyses), results)


def lasting_report(results: Results, thumbnail: Thumbnail, analyses: Sequence[Analysis[Any]] = ANALYSES) -> str:
    """The report without the section that tells how this very run went."""
    found = results.analyses
    heads = tuple(h for one in analyses if one.name in found for h in one.headlines(found[one.name]))
    return lasting_html(results, thumbnail, sections(results, thumbnail, analyses), cautions(results, analyses), heads)


def sections(
    results: Results, thumbnail: Thumbnail, analyses: Sequence[Analysis[Any]] = ANALYSES
) -> tuple[Section, ...]:
    """The sections of the analyses whose facts are among the results, in their order."""
    page = Page(results, picture_uris(thumbnail), class_colours(results.dataset.classes))
    found = results.analyses
    return tuple(
        Section(one.anchor or one.name, one.title, _place(one, found[one.name]), _section(one, found[one.name], page))
        for one in analyses
        if one.name in found
    )


def _place(one: Analysis[Any], facts: Fact) -> Place:
    return one.place(facts) if callable(one.place) else one.place


def _section(one: Analysis[Any], facts: Fact, page: Page) -> Any:
    words = one.words(facts, page) if one.words else {"words": import_module(f"{one.package}.words")}
    return section_html(one.package, facts=facts, uri=page.uri, colours=page.colours, **words)


def cautions(results: Results, analyses: Sequence[Analysis[Any]] = ANALYSES) -> tuple[Warn, ...]:
    """What must be known before any figure is trusted: by the analyses, else by the data."""
    found = results.analyses
    said = [warning for one in analyses if one.name in found for warning in one.warnings(found[one.name])]
    # what the run itself has to say, such as that it saw a sample, comes before what the audit says of the data
    return tuple([w for w in results.dataset.warnings if w.code != "derived-files" and w not in said] + said)


def found_html(results: Results) -> str:
    """The head and the findings of a report as a page of their own: for notebooks."""
    return parts_html(results, cautions(results), "hero", "found")


def analysis_html(one: Analysis[Any], facts: Fact, uri: Callable[[str], str], **context: object) -> str:
    """The section of one analysis as a page of its own."""
    return section_page(section_html(one.package, facts=facts, uri=uri, **context))
