"""The page as one file, as a folder offline, and served: the same answers, words and accuracy, and nothing leaks."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from axe import violations
from bundle_fixtures import Trained
from drawing import jpeg
from petmood.bundle import Bundle, load
from petmood.bundle.headline import headline_sentence
from petmood.explain import explain
from petmood.jobs.export import export
from petmood.page.site import MOST_BYTES
from web.conftest import CHROMIUM, running

from .conftest import PATIENCE, answered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's"),
    pytest.mark.timeout(600),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hosted(folder: Path) -> Iterator[str]:
    """The folder behind a static server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


MAY_HOLD = """() => {
    const { prototype } = ort.InferenceSession, run = prototype.run;
    prototype.run = function (...given) {
        const reading = document.getElementById("result").getAttribute("aria-busy") === "true";
        return window.held && !reading ? new Promise(() => {}) : run.apply(this, given);
    };
}"""
"""From then on the page asks nothing more about a picture that was read, while it is held."""


def hold(page: Page, held: bool = True) -> None:
    """Of the fifty inferences that follow each answer, the page does one for each word with the driver."""
    page.evaluate("(held) => { window.held = held; }", held)


@pytest.fixture(scope="module")
def alone(browser: Browser, single_file: Path) -> Iterator[Page]:
    """The single file, opened as a double click does; fails on an error in it or any request."""
    wrong: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # what a test tries to send is reported here too, although it is blocked
    known = ("file:", "blob:", "data:", "http://127.0.0.1:9/")
    page.on("request", lambda r: None if r.url.startswith(known) else wrong.append(r.url))
    page.goto(single_file.as_uri())
    page.locator('body[data-ready="yes"]').wait_for(timeout=PATIENCE)
    page.evaluate(MAY_HOLD)
    yield page
    page.close()
    assert wrong == []


@pytest.fixture(scope="module")
def pictures(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    photo = trained.data / trained.manifest.records[trained.manifest.photos_in_split("test")[0]].path

    def save(name: str, image: Image.Image, **options: Any) -> Path:
        image.save(folder / name, **options)
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
        "grey": save("grey.jpg", wide.convert("L")),
        "clear": save("clear.png", clear),
        "palette": save("palette.png", wide.convert("P")),
        "tall": save("tall.png", wide.resize((240, 700))),
        "tiny and dark": save("tiny.png", wide.resize((40, 30)).point(lambda v: v // 8)),
        "no pet": save("page.png", Image.new("RGB", (400, 300), "white")),
        "turned": save("turned.jpg", wide, exif=turned, quality=95),
        "large": save("large.jpg", wide.resize((2400, 1500), Image.Resampling.BICUBIC), quality=95),
    }


def read(page: Page, picture: Path) -> dict[str, Any]:
    before = int(page.evaluate("document.body.dataset.answers || 0"))
    page.set_input_files("#file", picture)
    return answered(page, before + 1)


def agree(page: Page, found: dict[str, Any], bundle: Bundle, picture: Path, tolerance: float = 1e-3) -> None:
    """The reading in the page and its words are those of the bundle in Python, which the command prints."""
    (own,) = bundle.predict(picture)
    expected = own.model_dump(mode="json")
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=tolerance)
    assert found["species_probabilities"] == pytest.approx(expected["species_probabilities"], abs=tolerance)
    assert found["pet"] == pytest.approx(expected["pet"], abs=tolerance)
    for key in ("width", "height", "verdict", "mood", "prediction_set", "coverage", "species", "cautions"):
        assert found[key] == expected[key], key
    assert page.inner_text("#sentence") == own.sentence
    assert page.locator("#cautions li").all_inner_texts() == [caution.message for caution in own.cautions]


SAME = ["photo", "drawn", "grey", "clear", "palette", "tall", "tiny and dark", "no pet"]


def test_one_file_answers_as_the_command_does(
    alone: Page, trained: Trained, pictures: dict[str, Path], single_file: Path
) -> None:
    for name in SAME:
        agree(alone, read(alone, pictures[name]), trained.bundle, pictures[name])
        hold(alone)  # the second picture ends what is still asked about the first
    assert single_file.stat().st_size < MOST_BYTES


def test_turned_and_large_jpegs_are_hardly_different(alone: Page, trained: Trained, pictures: dict[str, Path]) -> None:
    # browsers decode a turned JPEG in another order, and petmood decodes a large one at a fraction of its size
    hold(alone)
    for name in ("turned", "large"):
        found, (own,) = read(alone, pictures[name]), trained.bundle.predict(pictures[name])
        assert (found["width"], found["height"]) == (own.width, own.height)
        assert found["probabilities"] == pytest.approx(own.probabilities, abs=0.05)


def test_what_takes_many_inferences_is_the_same_too_and_axe_finds_nothing_then(
    alone: Page, trained: Trained, pictures: dict[str, Path]
) -> None:
    hold(alone, held=False)
    read(alone, pictures["photo"])
    alone.locator("#views input[value=occlusion]:enabled").wait_for(state="attached", timeout=PATIENCE)
    own = explain(trained.bundle, trained.bundle.prepare(pictures["photo"]))
    assert own.background is not None
    assert alone.inner_text("#leaning") == own.background.sentence
    assert alone.inner_text("#alike").startswith("The 5 training photos most like it are labelled ")
    assert violations(alone) == []


def test_no_request_can_leave_the_file(alone: Page) -> None:
    policy = alone.get_attribute("meta[http-equiv]", "content") or ""
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    blocked = "fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.name)"
    heard = """new Promise((resolve) => {
        const tell = (event) => resolve(event.effectiveDirective);
        document.addEventListener('securitypolicyviolation', tell, { once: true });
        navigator.sendBeacon('http://127.0.0.1:9/', 'x');
    })"""
    assert alone.evaluate(blocked) == "TypeError"
    assert alone.evaluate(heard) == "connect-src"


def test_what_is_no_picture_is_told_and_the_last_answer_is_gone(
    alone: Page, pictures: dict[str, Path], tmp_path: Path
) -> None:
    hold(alone)
    for name, expected in (("notes.jpg", "is not a picture"), ("IMG_1.HEIC", "Most Compatible")):
        assert read(alone, pictures["photo"])["mood"]
        assert alone.is_hidden("#problem")
        (tmp_path / name).write_text("no picture")
        alone.set_input_files("#file", tmp_path / name)
        alone.locator(f"#problem:has-text('{expected}')").wait_for(timeout=PATIENCE)
        assert alone.is_hidden("#result")


def test_every_page_and_the_card_show_one_accuracy(
    alone: Page, browser: Browser, trained: Trained, address: str
) -> None:
    expected = headline_sentence(trained.bundle.description)
    assert f"n = {max(e.n for e in trained.bundle.description.evaluation)}" in expected
    served = browser.new_page()
    served.goto(address)
    shown = [re.sub(r"\s+", " ", page.inner_text("#accuracy")) for page in (alone, served)]
    served.close()
    assert shown[0] == shown[1]
    assert expected in shown[0]
    assert expected in (trained.path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_folder_is_an_app_that_works_offline(
    browser: Browser, hosted: str, trained: Trained, pictures: dict[str, Path]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(hosted)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.locator('body[data-ready="yes"]').wait_for(timeout=PATIENCE)
    context.set_offline(True)
    page.reload()
    agree(page, read(page, pictures["photo"]), trained.bundle, pictures["photo"])
    manifest = page.evaluate("caches.match('manifest.webmanifest').then((kept) => kept.json())")
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    assert "connect-src" not in (page.get_attribute("meta[http-equiv]", "content") or "")
    context.close()


def test_other_pages_use_the_module_in_a_folder_and_of_a_server(
    browser: Browser, hosted: str, folder: Path, trained: Trained, pictures: dict[str, Path]
) -> None:
    (folder / "other.html").write_text("<!doctype html><title>other</title>")
    page = browser.new_page()
    page.goto(f"{hosted}other.html")
    given = {"photo": list(pictures["photo"].read_bytes())}
    use = """async ({ photo, module, open, at }) => {
        const model = await (await import(module))[open](at);
        const file = new File([Uint8Array.from(photo)], "a.jpg");
        const why = await model.explain(file, { box: { x: 0, y: 0, width: 1, height: 1 } });
        return [await model.predict(file), why, model.accuracy, model.classes];
    }"""
    (own,) = trained.bundle.predict(pictures["photo"])
    with running(trained.bundle, cors_origins=(hosted.rstrip("/"),)) as server:
        ways = [
            {"module": f"{hosted}petmood.js", "open": "load", "at": hosted},
            {"module": f"{server}/static/petmood.js", "open": "connect", "at": server},
        ]
        for way in ways:
            answer, why, accuracy, classes = page.evaluate(use, {**given, **way})
            assert answer["probabilities"] == pytest.approx(own.probabilities, abs=1e-3)
            assert (answer["sentence"], answer["source"]) == (own.sentence, "a.jpg")
            assert why["prediction"] == {**answer, "box": {"x": 0, "y": 0, "width": 1, "height": 1}}
            assert np.shape(why["cam"]) == (7, 7)
            assert accuracy == headline_sentence(trained.bundle.description)
            assert tuple(classes) == trained.bundle.classes
    page.close()


def test_the_types_name_every_key_of_an_answer(trained: Trained, pictures: dict[str, Path], folder: Path) -> None:
    types = (folder / "petmood.d.ts").read_text(encoding="utf-8")
    (own,) = trained.bundle.predict(pictures["photo"])
    body = types.split("export interface Prediction {")[1].split("\n}")[0]
    assert set(re.findall(r"^  (\w+):", body, re.M)) == {*own.model_dump(), "headline", "sentence"}


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("model", ["pets", "trained on drawn pictures"])
def test_server_command_and_browser_agree_on_the_photos_of_test(
    browser: Browser, real_data: Path, tmp_path: Path, model: str, trained: Trained
) -> None:
    path = Path("pets") if model == "pets" else trained.path
    bundle, photos = load(path), sorted((real_data / "test").rglob("*.jpg"))
    assert len(photos) == 38
    export(path, tmp_path / "page.html", "web", single=True)
    with running(bundle) as served:
        for url in ((tmp_path / "page.html").as_uri(), served):
            page = browser.new_page()
            page.goto(url)
            for photo in photos:
                agree(page, read(page, photo), bundle, photo)
            page.close()


@pytest.mark.slow
def test_equal_bundles_make_equal_files(trained: Trained, single_file: Path, tmp_path: Path) -> None:
    export(trained.path, tmp_path / "again.html", "web", single=True)
    assert (tmp_path / "again.html").read_bytes() == single_file.read_bytes()
    facts = json.loads(re.findall(r'id="facts">(.*?)</script>', single_file.read_text(encoding="utf-8"), re.S)[0])
    assert facts["host"]["kind"] == "browser"
