"""Boxes, the live view, videos and the diary in a real browser; and that nothing keeps anybody from using them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from axe import EVERY_VIEW, violations
from bundle_fixtures import Trained
from hostile_pictures import HEIC
from web.conftest import CHROMIUM, held_back, until

from .conftest import PATIENCE, answered, call

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's"),
    pytest.mark.timeout(400),
]
NewPage = Callable[..., "Page"]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def new_page(browser: Browser, address: str) -> Iterator[NewPage]:
    contexts = []
    wrong: list[str] = []

    def open_page(url: str = address, deep: bool = False, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        if not deep:
            held_back(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def scene(photos: list[Path], tmp_path: Path) -> Path:
    """Two pictures side by side in one, without loss."""
    left, right = (Image.open(path).convert("RGB").resize((240, 240)) for path in photos[:2])
    whole = Image.new("RGB", (640, 360), "grey")
    whole.paste(left, (40, 60))
    whole.paste(right, (360, 60))
    whole.save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


def crop(scene: Path, box: dict[str, float]) -> bytes:
    """The part of a picture that the page reads for a box."""
    whole = Image.open(scene)
    left, top = round(box["x"] * whole.width), round(box["y"] * whole.height)
    right, bottom = left + round(box["width"] * whole.width), top + round(box["height"] * whole.height)
    out = io.BytesIO()
    whole.crop((left, top, right, bottom)).save(out, "PNG")
    return out.getvalue()


def box_on(page: Page, number: int) -> dict[str, float]:
    shares = (
        page.locator(".box")
        .nth(number)
        .evaluate("b => ['left', 'top', 'width', 'height'].map(s => parseFloat(b.style[s]) / 100)")
    )
    return dict(zip(("x", "y", "width", "height"), shares, strict=True))


def agrees(page: Page, found: dict[str, Any], trained: Trained, scene: Path, number: int) -> None:
    (own,) = trained.bundle.predict(crop(scene, box_on(page, number)))
    assert (found["width"], found["height"]) == (own.width, own.height)
    assert found["probabilities"] == pytest.approx(own.probabilities, abs=1e-5)
    assert page.inner_text("#sentence") == own.sentence


def test_boxes_are_drawn_by_mouse_and_each_gets_its_answer(new_page: NewPage, trained: Trained, scene: Path) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.set_input_files("#file", scene)
    answered(page)
    for count, (left, right) in ((2, (0.05, 0.45)), (3, (0.55, 0.95))):
        page.click("#draw")
        assert page.get_attribute("#draw", "aria-pressed") == "true"
        page.locator("#boxes").scroll_into_view_if_needed()
        area = page.locator("#boxes").bounding_box()
        assert area is not None
        page.mouse.move(area["x"] + left * area["width"], area["y"] + 0.15 * area["height"])
        page.mouse.down()
        page.mouse.move(area["x"] + right * area["width"], area["y"] + 0.85 * area["height"], steps=3)
        page.mouse.up()
        agrees(page, answered(page, count), trained, scene, count - 2)
    names = page.locator("#subjects li b").all_inner_texts()
    assert names == ["All", "1", "2"]
    page.locator("#subjects button").first.click()
    (whole,) = trained.bundle.predict(scene)
    assert page.inner_text("#sentence") == whole.sentence


def test_a_box_is_suggested_moved_resized_and_removed_by_keys(new_page: NewPage, trained: Trained, scene: Path) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.set_input_files("#file", scene)
    answered(page)
    page.focus("#suggest")
    page.keyboard.press("Enter")
    answered(page, 2)
    before = box_on(page, 0)
    assert "box" in page.evaluate("document.activeElement.className")
    for count, key in enumerate(("ArrowLeft", "ArrowUp", "Shift+ArrowLeft", "-"), start=3):
        page.keyboard.press(key)
        agrees(page, answered(page, count), trained, scene, 0)
    after = box_on(page, 0)
    assert after["width"] == pytest.approx(max(0.06, before["width"] - 0.06), abs=0.03)
    assert after != before
    page.keyboard.press("Delete")
    assert page.locator(".box").count() == 0
    assert page.is_hidden("#subjects")


def test_a_newer_photo_ends_what_is_still_asked_about_an_older_one(new_page: NewPage, photos: list[Path]) -> None:
    page, ended, asked = new_page(), [], "**/v1/explain?maps=occlusion*"
    page.route(asked, lambda route: None)  # no answer comes
    page.on("requestfailed", lambda request: ended.append(request.url))
    with page.expect_request(asked):
        page.set_input_files("#file", photos[0])
    page.set_input_files("#file", photos[1])
    answered(page, 2)
    assert len(ended) == 1


def test_what_the_browser_cannot_open_the_server_reads(new_page: NewPage, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "IMG_0001.HEIC").write_bytes(HEIC)
    page = new_page()
    page.set_input_files("#file", tmp_path / "IMG_0001.HEIC")
    found, (own,) = answered(page), trained.bundle.predict(tmp_path / "IMG_0001.HEIC")
    assert (found["width"], found["height"]) == (own.width, own.height)
    assert found["probabilities"] == pytest.approx(own.probabilities, abs=1e-5)
    assert page.is_hidden("#keep")  # there is no picture to keep


def touch(client: CDPSession, kind: str, x: float, y: float) -> None:
    points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
    client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_boxes_are_drawn_and_moved_by_finger_on_a_phone(new_page: NewPage, trained: Trained, scene: Path) -> None:
    page = new_page(**PHONE)
    page.set_input_files("#file", scene)
    answered(page)
    page.tap("#draw")
    area = page.locator("#boxes").bounding_box()
    assert area is not None
    client = page.context.new_cdp_session(page)  # one for all: a session knows its own touches alone

    def drag(a: tuple[float, float], b: tuple[float, float]) -> None:
        for kind, (x, y) in (
            ("touchStart", a),
            ("touchMove", ((a[0] + b[0]) / 2, b[1])),
            ("touchMove", b),
            ("touchEnd", b),
        ):
            touch(client, kind, area["x"] + x * area["width"], area["y"] + y * area["height"])

    scrolled = page.evaluate("scrollY")
    drag((0.1, 0.2), (0.4, 0.8))
    agrees(page, answered(page, 2), trained, scene, 0)
    before = box_on(page, 0)
    area = page.locator("#boxes").bounding_box()
    drag((0.25, 0.5), (0.65, 0.5))
    agrees(page, answered(page, 3), trained, scene, 0)
    assert box_on(page, 0)["x"] == pytest.approx(before["x"] + 0.4, abs=0.02)
    assert page.evaluate("scrollY") == scrolled


def test_the_camera_is_read_live_without_a_queue(new_page: NewPage, address: str) -> None:
    page = new_page(f"{address}/#live", permissions=["camera"])
    asked: list[int] = []
    under_way = [0]

    def begin(request: Any) -> None:
        if "v1/predict" in request.url:
            under_way[0] += 1
            asked.append(under_way[0])

    def end(request: Any) -> None:
        under_way[0] -= "v1/predict" in request.url

    page.on("request", begin)
    page.on("requestfinished", end)
    page.click("#start")
    until(page, "Number(document.body.dataset.live || 0) >= 4")
    assert "frames a second read" in page.inner_text("#rate")
    assert page.locator("#live-bars .range").count() == page.locator("#live-bars li").count() > 0
    assert max(asked) == 1
    page.click("#stop")
    assert page.evaluate("document.querySelector('#video').srcObject") is None


FILM = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const pen = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" }), parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const over = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.start();
    for (let i = 0; i < 16; i++) {
        pen.fillStyle = `hsl(${20 * i} 80% 50%)`;
        pen.fillRect(0, 0, 160, 120);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    recorder.stop();
    await over;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def test_a_video_becomes_a_timeline(new_page: NewPage, address: str, trained: Trained, tmp_path: Path) -> None:
    page = new_page(f"{address}/#live")
    (tmp_path / "film.webm").write_bytes(base64.b64decode(page.evaluate(FILM)))
    page.set_input_files("#video-file", tmp_path / "film.webm")
    page.locator("body[data-film]").wait_for()
    assert page.locator(".lane").count() == len(trained.bundle.classes)
    assert page.inner_text("#film-says").startswith("At ")
    first = page.evaluate("document.querySelector('#video').currentTime")
    page.focus("#scrub")
    page.keyboard.press("End")
    until(page, f"document.querySelector('#video').currentTime > {first}")
    (tmp_path / "film.mp4").write_text("no video")
    page.set_input_files("#video-file", tmp_path / "film.mp4")
    page.locator("#live-problem:has-text('is no video')").wait_for()


def test_the_diary_keeps_compares_exports_imports_and_deletes(
    new_page: NewPage, photos: list[Path], tmp_path: Path
) -> None:
    page = new_page()
    for count, photo in enumerate(photos[:2], start=1):
        page.set_input_files("#file", photo)
        answered(page, count)
        page.fill("#pet", "Möhre <b>")
        page.click("#keep button")
        page.locator("#kept:has-text('Kept in this browser')").wait_for()
    page.click("#to-diary")
    page.locator(".entry").nth(1).wait_for()
    with page.expect_download() as kept:
        page.click("#export")
    kept.value.save_as(tmp_path / "diary.json")
    saved = json.loads((tmp_path / "diary.json").read_text(encoding="utf-8"))
    assert [entry["pet"] for entry in saved["entries"]] == ["Möhre <b>", "Möhre <b>"]
    page.reload()
    page.locator(".entry").nth(1).wait_for()
    page.locator(".entry button").first.click()
    until(page, "document.querySelectorAll('.entry').length === 1")
    page.click("#delete")
    page.click("#sure button[value=no]")
    assert page.locator(".entry").count() == 1
    page.click("#delete")
    page.click("#sure button[value=yes]")
    page.locator(".empty").wait_for()
    page.set_input_files("#diary-file", tmp_path / "diary.json")
    page.locator(".entry").nth(1).wait_for()
    (tmp_path / "other.json").write_text('{"format": "petmood-diary-1", "entries": [{"pet": 3}]}')
    page.set_input_files("#diary-file", tmp_path / "other.json")
    page.locator("#diary-problem:visible").wait_for()
    assert page.locator(".entry").count() == 2


def test_what_another_tab_deletes_is_gone_here_too(new_page: NewPage, address: str, photos: list[Path]) -> None:
    page = new_page()
    page.set_input_files("#file", photos[0])
    answered(page)
    page.fill("#pet", "Nala")
    page.click("#keep button")
    page.locator("#kept:has-text('Kept in this browser')").wait_for()
    other = page.context.new_page()
    other.goto(f"{address}/#diary")
    other.click(".entry button")
    other.locator(".empty").wait_for()
    page.click("#to-diary")
    page.locator(".empty").wait_for()


def test_a_full_storage_is_told(new_page: NewPage, address: str, tmp_path: Path) -> None:
    page = new_page(f"{address}/#diary")
    entry = {
        "pet": "Nala",
        "sentence": "",
        "mood": "Sad",
        "verdict": "sure",
        "at": "2026-01-02",
        "probabilities": {"Sad": 1},
    }
    entry["picture"] = "data:image/jpeg;base64," + 1_000_000 * "A"
    (tmp_path / "large.json").write_text(json.dumps({"format": "petmood-diary-1", "entries": [entry]}))
    client = page.context.new_cdp_session(page)
    client.send("Storage.overrideQuotaForOrigin", {"origin": address, "quotaSize": 1})
    page.set_input_files("#diary-file", tmp_path / "large.json")
    page.locator("#diary-problem:has-text('The storage of this browser is full')").wait_for()


def readings(values: list[float]) -> list[dict[str, float]]:
    return [{"a": value, "b": 1 - value} for value in values]


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ([0.5], "first", "The first photo"),
        ([0.5, 0.9], "few", "No change shown: 1 earlier photo"),
        ([0.5, 0.52, 0.48, 0.51, 0.49, 0.5, 0.53, 0.47, 0.5, 0.5], "same", "No change shown: "),
        ([0.5, 0.52, 0.48, 0.51, 0.49, 0.5, 0.53, 0.47, 0.5, 0.95], "differs", "none of 9 earlier photos"),
    ],
)
def test_the_newest_is_held_against_the_pets_own_earlier_ones(
    blank: Page, values: list[float], code: str, words: str
) -> None:
    found = call(blank, "compare", "((c) => [c.code, m.comparedWords(c)])(m.compared(given))", readings(values))
    assert found[0] == code
    assert words in found[1]


def test_a_pet_that_does_not_change_is_seldom_said_to(blank: Page) -> None:
    # the rank of the newest among draws of one kind is uniform: a difference is claimed once in ten such diaries
    import numpy as np

    rng = np.random.default_rng(4)
    diaries = [readings(rng.beta(2, 3, 10).tolist()) for _ in range(600)]
    codes = call(blank, "compare", "given.map((all) => m.compared(all).code)", diaries)
    assert 0.06 < codes.count("differs") / len(codes) < 0.14


def test_frames_are_joined_over_seconds_with_their_range(blank: Page) -> None:
    told = call(
        blank,
        "smooth",
        """(() => {
            const s = new m.Smoother(1000);
            const frame = (a, verdict = "not-sure") => ({ verdict, probabilities: { a, b: 1 - a } });
            s.add(frame(0.0), 0);
            for (let i = 0; i <= 10; i++) s.add(frame(0.6 + i / 100), 2000 + 50 * i);
            return s.add(frame(0.1, "no-pet-face"), 2600);
        })()""",
    )
    assert told["n"] == 12  # the first frame is too old, the last shows no face and does not count
    assert told["classes"][0] == pytest.approx({"name": "a", "mean": 0.65, "low": 0.61, "high": 0.69})
    assert told["steady"] is True
    assert told["face"] == pytest.approx(11 / 12)


def test_a_suggested_box_lies_around_the_brightest_region(blank: Page) -> None:
    values = [[0.0] * 8 for _ in range(6)]
    for row, column, value in ((1, 5, 1.0), (1, 6, 0.8), (2, 5, 0.7), (4, 1, 0.9)):
        values[row][column] = value
    box = call(blank, "boxes", "m.suggested(given)", values)
    assert box == pytest.approx({"x": 4.5 / 8, "y": 0.5 / 6, "width": 3 / 8, "height": 3 / 6})
    assert call(blank, "boxes", "m.suggested(null)") == pytest.approx({"x": 0.2, "y": 0.2, "width": 0.6, "height": 0.6})


@pytest.mark.parametrize(("width", "scheme"), EVERY_VIEW)
def test_axe_finds_nothing_on_any_view(new_page: NewPage, photos: list[Path], width: int, scheme: str) -> None:
    options: dict[str, Any] = PHONE if width == 390 else {"viewport": {"width": 1280, "height": 900}}
    page = new_page(deep=True, **options, color_scheme=scheme, permissions=["camera"], reduced_motion="reduce")

    def nothing(where: str, within: str | None = None) -> None:
        assert [(where, *found) for found in violations(page, within)] == []

    nothing("empty")
    page.set_input_files("#file", photos[0])
    answered(page)
    page.locator("#views input[value=occlusion]:enabled").wait_for(state="attached")
    nothing("answer")
    page.click("#suggest")
    answered(page, 2)
    nothing("box")
    page.fill("#pet", "Bello")
    page.click("#keep button")
    page.locator("#kept:not(:empty)").wait_for()
    page.click("#camera")
    page.locator("#viewfinder[open]").wait_for()
    nothing("viewfinder", "#viewfinder")
    page.click("#cancel")
    page.click("#to-diary")
    page.locator(".entry").wait_for()
    nothing("diary")
    page.click("#delete")
    nothing("sure", "#sure")
    page.click("#sure button[value=no]")
    page.click("#to-live")
    nothing("live")
    page.click("#start")
    until(page, "Number(document.body.dataset.live || 0) >= 1")
    page.click("#stop")
    nothing("stopped")
