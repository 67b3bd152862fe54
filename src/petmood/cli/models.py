"""`petmood models`: the networks that petmood trains, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Json

if TYPE_CHECKING:
    from petmood.results import NetworkFacts


def models(
    size: Annotated[int, typer.Option(help="Side of the input images in pixels.")] = 224,
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 4,
    json: Json = False,
) -> None:
    """Show the study's networks, layer by layer."""
    from petmood.jobs.networks import list_networks

    found = list_networks(classes, size)
    if json:
        from json import dumps

        typer.echo(dumps([network.model_dump(mode="json") for network in found], indent=2))
    else:
        for network in found:
            _show(network)


def _show(network: NetworkFacts) -> None:
    from petmood.cli.console import console, table_of

    table = table_of("Layer (type)", "Output Shape", title=f"{network.title} ({network.name})", title_justify="left")
    table.add_column("Param #", justify="right")
    for layer in network.layers:
        shape = ", ".join(map(str, layer.output_shape))
        table.add_row(f"{layer.name} ({layer.kind})", f"(None, {shape})", f"{layer.params:,}")
    out = console()
    out.print(table)
    out.print(f"Total params: {network.params:,}")
    out.print(f"Trainable params: {network.trainable_params:,}")
    out.print(f"Non-trainable params: {network.non_trainable_params:,}\n")
