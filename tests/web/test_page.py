"""The page in a real headless browser: choose, paste, take, fail, wait; by mouse, keyboard and on a phone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image

from axe import EVERY_VIEW
from bundle_fixtures import Trained
from petmood.bundle import Bundle, Neighbour, Outputs
from petmood.bundle.folder import read
from petmood.bundle.headline import counted
from petmood.cli.answers import write_json
from petmood.explain import explain
from petmood.jobs.predict import predict
from web.conftest import CHROMIUM, held_back, running, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
NewPage = Callable[..., "Page"]


@pytest.fixture
def new_page(browser: Browser, address: str) -> Iterator[NewPage]:
    """Opens the page, with any context options; fails the test on an error in the page or a request elsewhere.

    `deep`: what takes many inferences is answered too.
    """
    contexts = []
    wrong: list[str] = []

    def open_page(url: str = address, deep: bool = False, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        if not deep:
            held_back(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if _elsewhere(request.url, url) else None)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def _elsewhere(url: str, home: str) -> bool:
    return not url.startswith((home, "blob:", "data:"))


def answered(page: Page) -> str:
    """Wait for an answer and return its headline."""
    page.locator("body[data-answers]").wait_for()
    page.locator('#result[aria-busy="false"]').wait_for()
    return page.inner_text("#mood")


def test_a_chosen_photo_is_answered_with_heat_bars_and_neighbours(
    new_page: NewPage, trained: Trained, photos: list[Path]
) -> None:
    page = new_page()
    page.set_input_files("#file", photos[0])
    headline = answered(page)
    (expected,) = trained.bundle.predict(photos[0])
    assert expected.mood in headline or expected.verdict == "no-pet-face"
    shares = page.locator("#bars progress").evaluate_all("all => all.map(e => e.value)")
    assert sorted(shares) == pytest.approx(sorted(expected.probabilities.values()), abs=1e-9)
    assert page.locator("#heat").evaluate("c => c.width * c.height") > 0
    assert page.inner_text("#alike") == counted(near.label for near in neighbours_of(trained, photos[0]))
    assert page.inner_text("#where") == f"Evidence for {expected.mood}"
    assert page.is_visible("#scale")
    page.get_by_role("radio", name="Photo").check()
    assert page.is_hidden("#heat")
    assert page.is_hidden("#legend")


def neighbours_of(trained: Trained, photo: Path) -> tuple[Neighbour, ...]:
    return explain(trained.bundle, trained.bundle.prepare(photo), maps="cam", background=False).neighbours


def deepened(page: Page) -> None:
    """Wait for what takes many inferences."""
    page.locator("#views input[value=occlusion]:enabled").wait_for(state="attached")


def test_the_covering_test_and_the_background_follow_the_answer(
    new_page: NewPage, trained: Trained, photos: list[Path]
) -> None:
    page = new_page(deep=True)
    page.set_input_files("#file", photos[0])
    answered(page)
    deepened(page)
    own = explain(trained.bundle, trained.bundle.prepare(photos[0]))
    assert own.background is not None
    assert page.inner_text("#leaning") == own.background.sentence
    evidence = page.evaluate("document.querySelector('#heat').toDataURL()")
    page.get_by_role("radio", name="Evidence").focus()
    page.keyboard.press("ArrowRight")
    assert "covered" in page.inner_text("#where")
    assert page.evaluate("document.querySelector('#heat').toDataURL()") != evidence


def test_a_model_without_activation_map_shows_what_covering_tells(
    new_page: NewPage, trained: Trained, photos: list[Path]
) -> None:
    with running(Mapless(read(trained.path))) as address:
        page = new_page(address, deep=True)
        page.set_input_files("#file", photos[0])
        answered(page)
        deepened(page)
        assert page.get_by_role("radio", name="Evidence").count() == 0
        page.get_by_role("radio", name="Covering test").check()
        page.locator("#heat").wait_for()
        assert "covered" in page.inner_text("#where")
        page.context.close()


class Mapless(Bundle):
    """A bundle without a class activation map, as those of networks with dense layers are."""

    def infer(self, pixels: np.ndarray) -> Outputs:
        return replace(super().infer(pixels), cam=None)


def test_command_python_api_and_page_agree_bit_for_bit(
    new_page: NewPage, trained: Trained, photos: list[Path], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (python,) = trained.bundle.predict(photos[1])
    write_json(iter(predict(trained.bundle, [str(photos[1])])), trained.bundle)
    (command,) = json.loads(capsys.readouterr().out)["predictions"]
    sent = httpx.post(f"{address}/v1/predict", files={"images": (str(photos[1]), photos[1].read_bytes())}, timeout=60)
    (api,) = sent.json()["predictions"]
    assert command == python.model_dump(mode="json")
    assert api["probabilities"] == command["probabilities"] == python.probabilities
    page = new_page()
    page.set_input_files("#file", photos[1])
    answered(page)
    rows = page.locator("#bars li").evaluate_all(
        "all => all.map(e => [e.querySelector('.name').textContent, e.querySelector('progress').value])"
    )
    assert dict(rows) == python.probabilities


def test_earlier_photos_stay_in_this_tab_and_can_be_seen_again(new_page: NewPage, photos: list[Path]) -> None:
    page = new_page()
    page.set_input_files("#file", photos[:3])
    page.locator("#shelf li:nth-child(3)").wait_for()
    first = page.get_attribute("#photo", "src")
    page.locator("#shelf button").last.click()
    assert page.get_attribute("#photo", "src") != first
    page.reload()
    assert page.locator("#shelf li").count() == 0


def test_a_pasted_picture_is_answered(new_page: NewPage, photos: list[Path]) -> None:
    page = new_page()
    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const board = new DataTransfer();
            board.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
            window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: board }));
        }""",
        base64.b64encode(photos[0].read_bytes()).decode(),
    )
    assert answered(page)


def test_the_camera_takes_a_picture(new_page: NewPage, address: str) -> None:
    page = new_page(permissions=["camera"])
    page.click("#camera")
    page.locator("#viewfinder[open]").wait_for()
    until(page, "document.querySelector('#finder').videoWidth > 0")
    page.click("#shoot")
    assert answered(page)
    assert page.evaluate("document.querySelector('#viewfinder').open") is False


def test_everything_works_by_keyboard(new_page: NewPage, photos: list[Path]) -> None:
    page = new_page()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert "choose" in reached
    assert "camera" in reached
    # The browser's own file dialogue is not the page's, and drivers miss it at times: what the page does is to click
    # the file input while the user's key press still allows it to.
    page.evaluate(
        """() => document.querySelector("#file").addEventListener("click", (event) => {
            event.preventDefault();
            window.dialogueAsked = navigator.userActivation.isActive;
        })"""
    )
    page.focus("#choose")
    page.keyboard.press("Enter")
    until(page, "window.dialogueAsked === true")
    page.set_input_files("#file", photos[0])
    assert answered(page)
    assert page.evaluate("document.activeElement.id") == "mood"
    assert page.get_attribute("#say", "aria-live") == "polite"
    assert page.inner_text("#say").startswith(page.inner_text("#mood"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("broken.jpg", b"no picture", "No image could be read"),
        ("notes.txt", b"hello", "That is not a picture"),
        ("a.heic", b"x", "Most Compatible"),
    ],
)
def test_a_bad_file_is_told_and_the_page_goes_on(
    new_page: NewPage, photos: list[Path], tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    page = new_page()
    bad = tmp_path / name
    bad.write_bytes(content)
    page.set_input_files("#file", bad)
    page.wait_for_selector("#problem:visible")
    assert expected in page.inner_text("#problem")
    page.set_input_files("#file", photos[0])
    assert answered(page)
    assert page.is_hidden("#problem")


def test_a_huge_file_is_refused_before_it_is_sent(
    new_page: NewPage, trained: Trained, browser: Browser, tmp_path: Path
) -> None:
    big = tmp_path / "big.jpg"
    big.write_bytes(bytes(2**20 + 1))
    with running(trained.bundle, max_body_mb=1) as small:
        page = new_page(small)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        page.set_input_files("#file", big)
        page.wait_for_selector("#problem:visible")
        assert "limit is 1 MB" in page.inner_text("#problem")
        assert "POST" not in sent
        page.context.close()


def test_a_slow_answer_shows_that_it_is_awaited(new_page: NewPage, photos: list[Path]) -> None:
    page = new_page()
    held: list[Route] = []
    page.route("**/v1/explain?*", lambda route: route.continue_() if held else held.append(route))
    page.set_input_files("#file", photos[0])
    page.wait_for_selector("#wait:visible")
    assert page.get_attribute("#result", "aria-busy") == "true"
    assert page.inner_text("#stage") in ("Sending…", "Reading…")
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    assert answered(page)


def test_a_server_that_is_gone_is_told(new_page: NewPage, photos: list[Path]) -> None:
    page = new_page()
    page.set_input_files("#file", photos[1])
    answered(page)
    page.route("**/v1/explain?*", lambda route: route.abort())
    page.set_input_files("#file", photos[0])
    page.wait_for_selector("#problem:visible")
    assert "cannot be reached" in page.inner_text("#problem")
    # an older answer must not stand where the new one was awaited
    assert page.is_hidden("#result")


def test_a_photo_is_sent_as_the_few_pixels_that_are_read(
    new_page: NewPage, trained: Trained, photos: list[Path], tmp_path: Path
) -> None:
    picture = Image.open(photos[0]).convert("RGB").resize((1500, 1000))
    picture.save(tmp_path / "large.png", compress_level=1)
    page = new_page()
    with page.expect_request("**/v1/explain?*") as asked:
        page.set_input_files("#file", tmp_path / "large.png")
    answered(page)
    assert asked.value.sizes()["requestBodySize"] < 250_000 < (tmp_path / "large.png").stat().st_size
    (own,) = trained.bundle.predict(tmp_path / "large.png")
    reading = json.loads(page.evaluate("document.body.dataset.reading"))
    assert reading == own.model_dump(mode="json") | {"source": "large.png"}


def test_a_token_can_be_given(new_page: NewPage, trained: Trained, photos: list[Path]) -> None:
    with running(trained.bundle, token="correct horse") as guarded:
        page = new_page(guarded)
        page.set_input_files("#file", photos[0])
        page.wait_for_selector("#problem:visible")
        assert "token" in page.inner_text("#problem")
        page.fill("#token", "correct horse")
        page.set_input_files("#file", photos[0])
        assert answered(page)
        page.context.close()


@pytest.mark.parametrize(("width", "scheme"), EVERY_VIEW)
def test_it_fits_any_screen_in_light_and_dark(new_page: NewPage, photos: list[Path], scheme: str, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.set_input_files("#file", photos[0])
    answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 390:  # the answer has the first screen, above what stays at the bottom
        low = page.evaluate("document.querySelector('#bars').getBoundingClientRect().bottom")
        assert 0 < low <= page.evaluate("document.querySelector('#drop').getBoundingClientRect().top")
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)"
    )
    assert (red + green + blue < 200) == (scheme == "dark")


def test_the_page_is_light_to_load(new_page: NewPage) -> None:
    page = new_page()
    sizes = page.evaluate("performance.getEntriesByType('resource').map(r => r.decodedBodySize)")
    assert sum(sizes) < 120_000
    assert len(sizes) <= 3
