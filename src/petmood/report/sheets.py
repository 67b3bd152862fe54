"""Clusters to be named in, one self-contained page of their faces out."""

from __future__ import annotations

from pathlib import Path

from petmood.report.html import Thumbnail, _environment, picture_uris
from petmood.results import GroupFacts
from petmood.store import write_text


def render_sheets(facts: GroupFacts, thumbnail: Thumbnail, out: Path) -> None:
    """Write clusters.html: of each cluster the most central and the most doubtful faces.

    Args:
        facts: the clusters.
        thumbnail: gives a small JPEG for a path, or None.
        out: where the page goes.
    """
    page = _environment().get_template("sheets.html.j2")
    write_text(out, page.render(facts=facts, uri=picture_uris(thumbnail)))
