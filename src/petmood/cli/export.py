"""`petmood export` and `petmood push`: a model in another format, or on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from petmood.cli.options import Json, fresh, new_in_runs


def export(
    bundle: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder or .zip that petmood train made, or pets.")],
    kind: Annotated[Literal["onnx-int8", "web"], typer.Option("--format", help="What to make of it.")],
    out: Annotated[Path | None, new_in_runs("PATH", "Where to write.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA", help="Labelled faces that make the model int8: for onnx-int8, and for web if given."
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
    from petmood.cli.console import tell
    from petmood.jobs.export import export as work
    from petmood.report.wording import span

    out = out or fresh(bundle, kind, f"{bundle.stem}.html" if single_file else "")
    done = work(bundle, out, kind, data=data, single=single_file)
    sizes = f"{done.out}: {done.bytes_after:,} bytes (the bundle's graph has {done.bytes_before:,})"
    scores = [
        f"{entry.title}: {entry.correct} of {entry.n} ({entry.protocol}; 95 % {span(entry.accuracy_ci)})"
        for entry in done.evaluation
    ]
    tell(done, json, [sizes, *scores])


def push(
    bundle: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder or .zip that petmood train made.")],
    to: Annotated[str, typer.Argument(metavar="hub:OWNER/NAME", help="Where on the hub.")],
    private: Annotated[bool, typer.Option("--private", help="A new repository is seen by you alone.")] = False,
    photos: Annotated[
        bool, typer.Option("--photos", help="Pass on small copies of training photos, if it keeps some.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a model on the Hugging Face hub, with its card.

    Every command takes it from there as hub:OWNER/NAME. Log in first: hf auth login.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.export import push as work

    done = work(bundle, to, Bars(), private=private, photos=photos)
    tell(done, json, [f"{done.url}: {done.bytes:,} bytes", f"Try it: petmood predict {done.model} PHOTO"])
