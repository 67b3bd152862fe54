"""`petmood export`: turn a bundle into another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from petmood.cli.options import Json


def export(
    bundle: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Folder or .zip that petmood train made, or pets.", show_default=False),
    ],
    kind: Annotated[
        Literal["onnx-int8", "web"], typer.Option("--format", help="What to make of it.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Where to write.", show_default="a new one in runs/"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Labelled faces that make the model int8: for onnx-int8, and for web if given.",
            show_default=False,
        ),
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="web: one HTML file, with all inside, that a double click opens.")
    ] = False,
    json: Json = False,
) -> None:
    """Export a model: int8, or a page that runs it.

    The page runs it in the browser, and sends no photo anywhere.
    """
    from petmood.cli.places import fresh
    from petmood.jobs.export import export as work

    out = out or fresh(bundle, kind, f"{bundle.stem}.html" if single_file else "")
    done = work(bundle, out, kind, data=data, single=single_file)
    if json:
        from pydantic import TypeAdapter

        typer.echo(TypeAdapter(type(done)).dump_json(done, indent=2).decode())
        return
    typer.echo(f"{done.out}: {done.bytes_after:,} bytes (the bundle's graph has {done.bytes_before:,})")
    for entry in done.evaluation:
        low, high = entry.accuracy_ci
        typer.echo(f"{entry.title}: {entry.correct} of {entry.n} ({entry.protocol}; 95 % {low:.3f} to {high:.3f})")
