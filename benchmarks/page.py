"""How heavy and how quick the page in the browser is: `python benchmarks/page.py [MODEL]`; `pets` if none is named.

Prints the bytes of a first load, as they are and as a server with gzip sends them, the seconds until a first and a
second load are ready, and milliseconds a photo beside those of Python. Needs Chromium and the extra `dev`.
"""

from __future__ import annotations

import base64
import gzip
import io
import os
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from sheet import chromium

from petmood.bundle import load
from petmood.jobs.export import export
from petmood.page.site import ort_script, wasm_asset

PHOTOS = 12
TIMED = """async (text) => {
    const model = (await (window.pets ??= import("./petmood.js").then((m) => m.load("./"))));
    const file = new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], "a.jpg", { type: "image/jpeg" });
    const start = performance.now();
    await model.predict(file);
    return performance.now() - start;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """A static server that says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def photo(seed: int) -> bytes:
    """A JPEG of 1600 x 1200 pixels, as large as phones send them on."""
    small = np.random.default_rng(seed).integers(0, 256, (15, 20, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(small).resize((1600, 1200), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def ready(page: object, address: str) -> float:
    """Seconds from the request until the page can read a photo."""
    start = time.perf_counter()
    page.goto(address)  # type: ignore[attr-defined]
    page.locator('body[data-ready="yes"]').wait_for(timeout=120_000)  # type: ignore[attr-defined]
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    model = Path(sys.argv[1] if len(sys.argv) > 1 else "pets")
    with tempfile.TemporaryDirectory() as folder:
        site, single = Path(folder) / "site", Path(folder) / "one.html"
        export(model, site, "web")
        export(model, single, "web", single=True)
        served = [p for p in site.rglob("*") if p.is_file()]
        (site / "blank.html").write_text("<!doctype html><title>blank</title>")
        whole, packed = sum(p.stat().st_size for p in served), sum(len(gzip.compress(p.read_bytes())) for p in served)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        photos = [photo(seed) for seed in range(PHOTOS)]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page()
            first = ready(page, address)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            second = ready(page, address)
            page.goto(f"{address}blank.html")
            took = [page.evaluate(TIMED, base64.b64encode(data).decode()) for data in photos][1:]
            opened = ready(browser.new_page(), single.as_uri())
            browser.close()
        server.shutdown()
        bundle = load(model)
        bundle.predict(photos[0])
        own = []
        for data in photos[1:]:
            start = time.perf_counter()
            bundle.predict(data)
            own.append(1000 * (time.perf_counter() - start))
        print(f"first load: {whole / 1e6:.1f} MB, {packed / 1e6:.1f} MB with gzip; ready after {first:.1f} s")
        print(f"second load, from the service worker: ready after {second:.1f} s")
        runtime = len(ort_script()) + sum(len(part) for part in wasm_asset().parts)
        print(
            f"one file: {single.stat().st_size / 1e6:.1f} MB, of it the runtime {runtime / 1e6:.1f} MB; "
            f"ready after {opened:.1f} s"
        )
        here, there = statistics.median(own), statistics.median(took)
        print(
            f"a photo of 1600 x 1200: {there:.0f} ms in the browser, {here:.0f} ms in Python ({there / here:.1f} times)"
        )
        print(f"on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
