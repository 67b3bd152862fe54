"""Predictions as they come -> JSON, CSV or text on standard output, one picture after another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import typer

from petmood.bundle import Bundle, Prediction, Unreadable
from petmood.bundle.prediction import ClipReading
from petmood.escaping import csv_text, one_line

Answers = Iterator[Prediction | Unreadable | ClipReading]


def write_json(answers: Answers, bundle: Bundle) -> int:
    """One JSON document with the keys of `petmood.bundle.Answer`; returns how many pictures were unreadable."""
    errors: list[dict[str, Any]] = []
    clips: list[dict[str, Any]] = []
    first = next(answers, None)  # a wrong name or option shows before anything is printed
    typer.echo(f'{{"model": {json.dumps(bundle.name)}, "predictions": [', nl=False)
    mark = "\n"
    for answer in chain([] if first is None else [first], answers):
        if isinstance(answer, Unreadable):
            errors.append(answer.model_dump(mode="json"))
            _complain(answer)
        elif isinstance(answer, ClipReading):
            clips.append(answer.model_dump(mode="json"))
        else:
            typer.echo(f"{mark}{answer.model_dump_json()}", nl=False)
            mark = ",\n"
    typer.echo(
        f'\n], "clips": {json.dumps(clips, ensure_ascii=False)}, "errors": {json.dumps(errors, ensure_ascii=False)}}}'
    )
    return len(errors)


def write_csv(answers: Answers, bundle: Bundle) -> int:
    """A row a picture, with a column of probability for each class; returns how many were unreadable."""
    first = next(answers, None)
    head = ["source", "verdict", "mood", "probability", *(f"p_{name}" for name in bundle.classes)]
    _row([*head, "prediction_set", "coverage", "species", "cautions", "error", "box"])
    unreadable = 0
    for answer in chain([] if first is None else [first], answers):
        if isinstance(answer, Unreadable):
            unreadable += 1
            _row([answer.source, *[""] * (len(bundle.classes) + 7), answer.error, ""])
            _complain(answer)
            continue
        if isinstance(answer, ClipReading):  # its frames are rows of the table
            continue
        _row(
            [
                answer.source,
                answer.verdict,
                answer.mood,
                answer.probability,
                *(answer.probabilities[name] for name in bundle.classes),
                "|".join(answer.prediction_set or ()),
                answer.coverage,
                answer.species,
                " ".join(c.code for c in answer.cautions),
                "",
                "" if (box := answer.box) is None else f"{box.x} {box.y} {box.width} {box.height} {box.label}",
            ]
        )
    return unreadable


def _row(cells: Sequence[object]) -> None:
    typer.echo(csv_text([["" if cell is None else str(cell) for cell in cells]]), nl=False)


def write_text(answers: Answers, bundle: Bundle) -> int:
    """A line a picture, for people; returns how many were unreadable."""
    unreadable = 0
    for answer in answers:
        if isinstance(answer, Unreadable):
            unreadable += 1
            _complain(answer)
            continue
        if isinstance(answer, ClipReading):
            typer.echo(f"{answer.source}: {answer.sentence}")
            continue
        kind = f" [{answer.species}]" if answer.species else ""
        cautions = "".join(f" {c.message}" for c in answer.cautions)
        place = (
            "" if (b := answer.box) is None else f", {b.label} at {b.x:.2f} {b.y:.2f} ({b.width:.2f} x {b.height:.2f})"
        )
        typer.echo(one_line(f"{answer.source}{place}: {answer.sentence}{kind}{cautions}"))
    return unreadable


def _complain(answer: Unreadable) -> None:
    typer.echo(one_line(f"{answer.source}: {answer.error}"), err=True)
