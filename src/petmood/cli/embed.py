"""`petmood embed`: images -> shards of vectors, on this machine or on a cluster."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from petmood.cli.options import Json


def embed(
    data: Annotated[str, typer.Argument(metavar="DATA", help="Folder, .zip or URL of images, labelled or not.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FOLDER", help="Or URL; given again, it goes on.")],
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="local: this process; ray: many, on a cluster.")
    ] = "local",
    backbone: Annotated[
        str, typer.Option(metavar="NAME", help="Frozen network that makes vectors.")
    ] = "efficientnet-lite0",
    batch_size: Annotated[
        int | None, typer.Option(help="Images in one inference.", show_default="4 on a CPU, 32 on a GPU")
    ] = None,
    shard_rows: Annotated[int, typer.Option(help="Images in a shard, on average.")] = 1024,
    workers: Annotated[int | None, typer.Option(help="Ray's workers.", show_default="one a core")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Cores of a worker.", show_default="all with local, 1 with ray")
    ] = None,
    gpus: Annotated[float, typer.Option(help="Share of a GPU for each of Ray's workers.")] = 0.0,
    provider: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What ONNX Runtime runs on.")] = "auto",
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Ray cluster; also ray://host:port.", show_default="one started here"),
    ] = None,
    json: Json = False,
) -> None:
    """Turn images into vectors, here or on a cluster.

    Interrupted or killed, the same command goes on.
    """
    from petmood.cli.console import Bars
    from petmood.jobs.embed import EmbedSettings
    from petmood.jobs.embed import embed as work

    how = {"engine": engine, "backbone": backbone, "batch_size": batch_size, "shard_rows": shard_rows}
    where = {"workers": workers, "threads": threads, "gpus": gpus, "provider": provider, "address": address}
    index = work(data, out, EmbedSettings.create(how | where), Bars())
    if json:
        typer.echo(index.model_dump_json(indent=2))
        return
    rejected = index.rejected
    typer.echo(f"{index.n:,} vectors of {index.dim} numbers in {len(index.shards):,} shards: {out}")
    for file in rejected[:5]:
        typer.echo(f"Rejected: {file.path}: {file.reason}")
    if len(rejected) > 5:
        typer.echo(f"{len(rejected):,} files rejected in all; embedding.json names each.")
