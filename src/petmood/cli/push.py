"""`petmood push`: a model on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Json


def push(
    bundle: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder or .zip that petmood train made.", show_default=False)
    ],
    to: Annotated[str, typer.Argument(metavar="hub:OWNER/NAME", help="Where on the hub.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="A new repository is seen by you alone.")] = False,
    photos: Annotated[
        bool, typer.Option("--photos", help="Pass on small copies of training photos, if it keeps some.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a model on the Hugging Face hub, with its card.

    Every command takes it from there as hub:OWNER/NAME. Log in first: hf auth login.
    """
    from dataclasses import asdict

    from petmood.cli.console import Bars, print_json
    from petmood.jobs.push import push as work

    done = work(bundle, to, Bars(), private=private, photos=photos)
    if json:
        print_json(asdict(done))
        return
    typer.echo(f"{done.url}: {done.bytes:,} bytes\nTry it: petmood predict {done.model} PHOTO")
