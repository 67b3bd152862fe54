"""`petmood serve` and `petmood review`: a bundle behind an API and a page; a run's photos by keyboard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Animals


def serve(
    bundle: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder or .zip that petmood train made, or pets.")
    ] = Path("pets"),
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="To listen on; 0.0.0.0 opens the server to others.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="PETMOOD_TOKEN", help="Bearer token that requests must carry.", show_default="$PETMOOD_TOKEN"
        ),
    ] = None,
    max_body_mb: Annotated[int, typer.Option(help="Size limit of a request in MiB.")] = 32,
    rate: Annotated[int, typer.Option(help="Requests a minute from one address; 0 sets no limit.")] = 600,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A site whose pages may use this server, such as https://example.org."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A name under which the server is asked, such as pets.example.org."),
    ] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Proxy or network of them whose X-Forwarded-For tells who asks."),
    ] = None,
    detector: Annotated[
        str | None, typer.Option(metavar="onnx:FILE", help="Finds the animals in photos; also hub:NAME or hub:FOLDER.")
    ] = None,
    animals: Animals = None,
    browse: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser, from a terminal.")
    ] = True,
) -> None:
    """Open a page to drop photos on, with an API beside it."""
    from petmood.bundle import load
    from petmood.errors import require_extra

    require_extra("Serving a bundle", "web", "fastapi", "uvicorn", "python_multipart", "prometheus_client")
    from petmood.cli.predict import detector_named
    from petmood.web.connections import is_loopback
    from petmood.web.logs import LOGGER, to_stderr
    from petmood.web.server import bind
    from petmood.web.server import serve as work
    from petmood.web.settings import ServerSettings

    given: dict[str, object] = {
        "host": host,
        "port": port,
        "token": token,
        "max_body_mb": max_body_mb,
        "requests_per_minute": rate,
    }
    given["allowed_hosts"] = tuple(name.lower().rstrip(".") for name in allow_host or ())
    given["trusted_proxies"] = tuple(trust_proxy or ())
    settings = ServerSettings.create({**given, "cors_origins": tuple(cors_origin or ())})
    finder = detector_named(detector, animals)
    model = load(bundle)
    listener = bind(settings.host, settings.port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/"
    if not is_loopback(host):
        guard = (
            "anyone who has the token" if token else "anyone who can reach this machine (set --token to ask for one)"
        )
        to_stderr()
        LOGGER.warning("listening on %s: %s can send pictures", host, guard)
    typer.echo(f"Serving {model.name} on {address} (Ctrl-C stops)")
    if browse and is_loopback(host) and _has_screen():
        import webbrowser

        # the socket listens already: a browser that is faster than the model waits
        webbrowser.open(address)
    work(model, settings, listener, finder)


def _has_screen() -> bool:
    """Whether a person at a desktop started this, so that a window may be opened."""
    shown = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return shown and sys.stdout.isatty()


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that petmood run wrote.")],
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Where the data is now, if it moved.")] = None,
    reader: Annotated[
        str, typer.Option(metavar="NAME", help="Who decides; each reader's decisions are kept apart.")
    ] = "first",
    blind: Annotated[bool, typer.Option("--blind", help="Hide the given labels from the reader.")] = False,
    adjudicate: Annotated[
        bool, typer.Option("--adjudicate", help="Decide, finally, where readers differ; as the reader 'adjudicator'.")
    ] = False,
    consensus: Annotated[
        bool, typer.Option("--consensus", help="Write one label a photo of all readers, consensus.csv; serve nothing.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of the page.", show_default="8427, or a free one")] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print decisions and agreement instead; serve nothing.")] = False,
) -> None:
    """Go through suspect labels by keyboard, on a local page.

    Every decision is saved at once, and written to labels.csv in the run.
    """
    from petmood.cli.console import Bars, console, tell
    from petmood.review.photos import open_review
    from petmood.web.review.server import serve
    from petmood.web.review.state import consensus as written
    from petmood.web.review.state import report
    from petmood.web.review.store import ADJUDICATOR, DecisionStore

    store = DecisionStore(open_review(run, data, Bars()), ADJUDICATOR if adjudicate else reader)
    out = console(stderr=True)
    if consensus:
        made = written(store)
        out.print(f"{made['photos']} photos in {made['path']}, by {made['method']}", highlight=False)
    if json:
        tell(report(store), json, ())
    if json or consensus:
        return
    announce = f"labels: {store.labels_path}\nStop with Ctrl+C; every decision is saved at once."
    serve(store, blind=blind, port=port, browser=open_page, announce=lambda at: out.print(f"Review: {at}\n{announce}"))
