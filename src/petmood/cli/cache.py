"""`petmood cache list` and `petmood cache prune`: what the cache holds, and less of it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from petmood.cli.options import Json


def cache(
    action: Annotated[Literal["list", "prune"], typer.Argument(metavar="list|prune", help="What to do.")],
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="prune: keep at most this, e.g. 2GB; least recently used goes first."),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="prune: drop what was not used for, e.g., 30d.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="prune: drop all but graphs of backbones.")] = False,
    json: Json = False,
) -> None:
    """List what the cache holds, or make it smaller."""
    from petmood.cache import parse_size
    from petmood.cli.console import print_json
    from petmood.jobs.cache import parse_age, prune_cache

    if action == "list":
        _list(json)
        return
    dropped = prune_cache(
        max_bytes=None if max_size is None else parse_size(max_size),
        older_than=None if older_than is None else parse_age(older_than),
        everything=everything,
    )
    if json:
        print_json({"dropped_bytes": dropped})
    else:
        typer.echo(f"Dropped {dropped / 1e6:,.1f} MB.")


def _list(json: bool) -> None:
    from dataclasses import asdict
    from datetime import UTC, datetime

    from petmood.cache import cache_dir, open_cache
    from petmood.cli.console import console, print_json, table_of
    from petmood.jobs.cache import list_cache

    kinds = list_cache()
    limit = open_cache().limit
    if json:
        print_json({"folder": str(cache_dir()), "limit_bytes": limit, "kinds": [asdict(kind) for kind in kinds]})
        return
    table = table_of("kind", "entries", "MB", "last used")
    for kind in kinds:
        used = datetime.fromtimestamp(kind.last_used, UTC).date().isoformat()
        table.add_row(kind.name, f"{kind.entries:,}", f"{kind.size_bytes / 1e6:,.1f}", used)
    out = console()
    out.print(table)
    total = sum(kind.size_bytes for kind in kinds)
    out.print(f"{total / 1e6:,.1f} MB in {cache_dir()}; values may take {limit / 1e6:,.0f} MB", soft_wrap=True)
