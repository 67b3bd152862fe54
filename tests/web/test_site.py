"""The exported page in a real browser reads a photo as petmood does: same pixels, same rules, same words."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bundle_fixtures import Trained
from drawing import jpeg
from petmood.bundle import Bundle
from petmood.workflows.export import export
from petmood.workflows.site import _FILES as RUNTIME_FILES
from web.conftest import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")

# Stands in for onnxruntime-web, which is not in the repository: the page's own code is tested, and the graph is run by
# ONNX Runtime on the server's side. PETMOOD_ORT_WEB names the real package for the test at the end.
RUNTIME = """
export const env = { wasm: {} };
export class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
export const InferenceSession = { create: async () => ({
  run: async ({ pixels }) => {
    const outputs = await (await fetch("infer", { method: "POST", body: pixels.data })).json();
    return Object.fromEntries(Object.entries(outputs).map(([name, v]) => [name, { data: Float32Array.from(v) }]));
  },
}) };
"""


class Host(SimpleHTTPRequestHandler):
    """Any static server, and beside it what stands in for the runtime."""

    bundle: Bundle
    seen: list[np.ndarray]

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        pixels = np.frombuffer(data, dtype=np.uint8).reshape(1, self.bundle.size, self.bundle.size, 3)
        self.seen.append(pixels[0])
        outputs = self.bundle.infer(pixels)
        names = ("probabilities", "features", "imagenet")
        body = json.dumps({name: getattr(outputs, name).ravel().tolist() for name in names}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def hosted(folder: Path, browser: Browser, bundle: Bundle, seen: list[np.ndarray]) -> Iterator[Page]:
    handler = type("Handler", (Host,), {"bundle": bundle, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wrong: list[str] = []
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    page = browser.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address, "blob:", "data:")) else None)
    page.goto(address)
    yield page
    page.close()
    server.shutdown()
    server.server_close()
    assert wrong == []


@pytest.fixture(scope="module")
def seen() -> list[np.ndarray]:
    return []


@pytest.fixture(scope="module")
def site(
    browser: Browser, trained: Trained, seen: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    runtime = tmp_path_factory.mktemp("ort")
    for name in RUNTIME_FILES:
        (runtime / name).write_text(RUNTIME if name == "ort.wasm.min.mjs" else "")
    folder = tmp_path_factory.mktemp("site")
    export(trained.path, folder, "web", runtime=runtime)
    yield from hosted(folder, browser, trained.bundle, seen)


@pytest.fixture(scope="module")
def pictures(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    photo = trained.data / trained.manifest.records[trained.manifest.photos_in_split("test")[0]].path

    def save(name: str, image: Image.Image, **options: object) -> Path:
        image.save(folder / name, **options)  # type: ignore[arg-type]
        return folder / name

    wide = Image.open(photo).convert("RGB").resize((500, 331))
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = wide.convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 255))
    ImageDraw.Draw(clear).rectangle((0, 0, 120, 331), fill=(10, 20, 30, 0))
    (folder / "drawn.jpg").write_bytes(jpeg(7, (300, 280)))
    return {
        "photo": photo,
        "drawn": folder / "drawn.jpg",
        "turned": save("turned.jpg", wide, exif=turned, quality=95),
        "grey": save("grey.jpg", wide.convert("L")),
        "clear": save("clear.png", clear),
        "palette": save("palette.png", wide.convert("P")),
        "tiny and dark": save("tiny.png", wide.resize((40, 30)).point(lambda v: v // 8)),
        "large": save("large.jpg", wide.resize((2400, 1500), Image.Resampling.BICUBIC), quality=95),
        "no pet": save("page.png", Image.new("RGB", (400, 300), "white")),
    }


def reading(page: Page, photo: Path) -> dict[str, object]:
    page.locator("#answer:not(:text('Loading'))").wait_for()
    page.set_input_files("#file", photo)
    page.locator("#bars li").first.wait_for()
    return dict(json.loads(page.evaluate("document.body.dataset.reading")))


def agree(found: dict[str, object], trained: Trained, photo: Path, tolerance: float) -> None:
    (own,) = trained.bundle.predict(photo)
    expected = own.model_dump(mode="json")
    for key in ("probabilities", "species_probabilities"):
        assert found[key] == pytest.approx(expected[key], abs=tolerance)
    assert own.pet is not None
    pet = dict(found["pet"])  # type: ignore[call-overload]
    assert pet.pop("pet") == own.pet.pet
    assert pet == pytest.approx({"animal_mass": own.pet.animal_mass, "distance": own.pet.distance}, abs=tolerance)
    for key in ("width", "height", "verdict", "mood", "prediction_set", "coverage", "species", "cautions"):
        assert found[key] == expected[key], key


@pytest.mark.parametrize("name", ["photo", "drawn", "grey", "clear", "palette", "tiny and dark", "no pet"])
def test_pixels_are_the_same_and_so_is_the_reading(
    site: Page, trained: Trained, pictures: dict[str, Path], seen: list[np.ndarray], name: str
) -> None:
    found = reading(site, pictures[name])
    np.testing.assert_array_equal(seen[-1], trained.bundle.prepare(pictures[name]).pixels)
    agree(found, trained, pictures[name], 1e-6)
    assert site.inner_text("#answer") == trained.bundle.predict(pictures[name])[0].sentence
    assert (found["verdict"] == "no-pet-face") == (name in ("grey", "clear", "palette", "tiny and dark", "no pet"))


@pytest.mark.parametrize("name", ["turned", "large"])
def test_turned_and_large_jpegs_are_hardly_different(
    site: Page, trained: Trained, pictures: dict[str, Path], seen: list[np.ndarray], name: str
) -> None:
    # browsers decode a turned JPEG in another order, and petmood decodes a large one at a fraction of its size
    found = reading(site, pictures[name])
    own = trained.bundle.prepare(pictures[name])
    assert np.abs(seen[-1].astype(int) - own.pixels).max() <= 3
    assert (found["width"], found["height"]) == (own.width, own.height)


def test_what_is_no_picture_is_told(site: Page, pictures: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    site.set_input_files("#file", tmp_path / "notes.jpg")
    site.locator("#answer:text('no picture')").wait_for()
    assert reading(site, pictures["photo"])["mood"]


@pytest.mark.slow
@pytest.mark.skipif("PETMOOD_ORT_WEB" not in os.environ, reason="PETMOOD_ORT_WEB names no package onnxruntime-web")
def test_the_real_runtime_answers_as_the_bundle_does(
    browser: Browser, trained: Trained, pictures: dict[str, Path], tmp_path: Path
) -> None:
    export(trained.path, tmp_path / "site", "web", runtime=Path(os.environ["PETMOOD_ORT_WEB"]))
    for page in hosted(tmp_path / "site", browser, trained.bundle, []):
        for name in ("photo", "drawn", "no pet"):
            agree(reading(page, pictures[name]), trained, pictures[name], 1e-4)
