"""`petmood export`: turn a bundle into another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    bundle: Annotated[
        Path, typer.Argument(help="Folder or .zip that petmood train made, or pets.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.", show_default=False)],
    kind: Annotated[str, typer.Option("--format", help="onnx-int8 or web.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled faces that make the model int8: for onnx-int8, and for web if given.", show_default=False
        ),
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="web: one HTML file, with all inside, that a double click opens.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written and measured as JSON.")] = False,
) -> None:
    """Export a model: int8 ONNX with its accuracy change, or a page that runs it in the browser."""
    from petmood.jobs.export import export as work

    done = work(bundle, out, kind, data=data, single=single_file)
    if json:
        from pydantic import TypeAdapter

        typer.echo(TypeAdapter(type(done)).dump_json(done, indent=2).decode())
        return
    typer.echo(f"{done.out}: {done.bytes_after:,} bytes (the bundle's graph has {done.bytes_before:,})")
    for entry in done.evaluation:
        low, high = entry.accuracy_ci
        typer.echo(f"{entry.title}: {entry.correct} of {entry.n} ({entry.protocol}; 95 % {low:.3f} to {high:.3f})")
