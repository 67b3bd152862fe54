"""Animals found in photos of scenes: the command, Python, the API and the page give each the same box and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle_fixtures import Trained
from command import Petmood
from detectors import CELLS, COLOURS, save_detector, scene
from petmood.detection import Detector, open_detector
from web.conftest import CHROMIUM, held_back, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"wide.png": (497, 331), "tall.png": (236, 355), "small.png": (61, 40), "large.jpg": (2600, 1700)}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_detector(tmp_path_factory.mktemp("detector") / "finder.onnx")


@pytest.fixture(scope="module")
def detector(finder: Path) -> Detector:
    return open_detector(f"onnx:{finder}")


@pytest.fixture(scope="module")
def finding(trained: Trained, detector: Detector) -> Iterator[str]:
    with running(trained.bundle, detector) as found:
        yield found


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photos with two animals and a car, of noisy colours so that each part reads differently; and one with none."""
    home = tmp_path_factory.mktemp("scenes")
    noise = np.random.default_rng(0)
    found = {}
    for name, size in SIZES.items():
        cells = (CELLS, 4) if size[0] > size[1] else (4, CELLS)
        path = scene(home / f"{name}.png", size, {(1, 1): "dog", (3, 2): "cat", (0, 3): "car"}, cells)
        pixels = np.asarray(Image.open(path)).astype(int) + noise.integers(-25, 26, (size[1], size[0], 3))
        found[name] = home / name
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(found[name], quality=95)
    Image.new("RGB", (200, 120), (128, 128, 128)).save(home / "empty.png")
    return found | {"empty.png": home / "empty.png"}


def post(address: str, path: str, photo: Path, **query: Any) -> httpx.Response:
    files = {"images": (str(photo), photo.read_bytes())}
    return httpx.post(f"{address}{path}", files=files, params=query, timeout=60)


@pytest.mark.parametrize("name", SIZES)
def test_command_python_and_api_agree_on_each_animal(
    name: str,
    petmood: Petmood,
    trained: Trained,
    detector: Detector,
    finder: Path,
    finding: str,
    scenes: dict[str, Path],
) -> None:
    photo = scenes[name]
    code, out, _ = petmood("predict", trained.path, photo, "--json", "--faces", "--detector", f"onnx:{finder}")
    assert code == 0
    command = json.loads(out)["predictions"]
    assert {one["box"]["label"] for one in command} == {"dog", "cat"}
    python = list(trained.bundle.stream(trained.bundle.prepare_animals(photo, detector)))
    assert [one.model_dump(mode="json") for one in python] == command  # type: ignore[union-attr]
    api = post(finding, "/v1/predict", photo, faces=True).json()["predictions"]
    explained = post(finding, "/v1/explain", photo, faces=True, maps="cam", background=False).json()["explanations"]
    for one, other, why in zip(command, api, explained, strict=True):
        assert other["box"] == one["box"] == why["prediction"]["box"]
        assert other["probabilities"] == pytest.approx(one["probabilities"], abs=1e-6)
        assert (other["width"], other["height"]) == (one["width"], one["height"])
    (found,) = post(finding, "/v1/detect", photo).json()["pictures"]
    assert found["boxes"] == [one["box"] for one in command]
    assert (found["width"], found["height"]) == SIZES[name]


def test_the_part_that_is_read_is_the_animal_alone(trained: Trained, detector: Detector, tmp_path: Path) -> None:
    photo = scene(tmp_path / "exact.png", (480, 480), {(2, 3): "dog"})
    (found,) = trained.bundle.prepare_animals(photo, detector)
    assert (found.width, found.height) == (80, 80)
    assert (found.pixels == np.array(COLOURS["dog"])).all()


def test_without_faces_or_an_animal_the_whole_picture_is_read(
    petmood: Petmood, trained: Trained, finder: Path, finding: str, scenes: dict[str, Path]
) -> None:
    whole = post(finding, "/v1/predict", scenes["wide.png"]).json()["predictions"]
    assert [one["box"] for one in whole] == [None]
    _, out, _ = petmood("predict", trained.path, scenes["empty.png"], "--json", "--detector", f"onnx:{finder}")
    (command,) = json.loads(out)["predictions"]
    (api,) = post(finding, "/v1/predict", scenes["empty.png"], faces=True).json()["predictions"]
    for one in (command, api):
        assert one["box"] is None
        assert "undetected" in {caution["code"] for caution in one["cautions"]}
    (plain,) = trained.bundle.predict(scenes["empty.png"])
    assert command["probabilities"] == plain.probabilities


def test_what_has_no_detector_says_what_to_do(
    petmood: Petmood, trained: Trained, address: str, scenes: dict[str, Path]
) -> None:
    for option in (["--faces"], ["--animals", "dog"]):
        code, _, err = petmood("predict", trained.path, scenes["wide.png"], *option)
        assert code == 2
        assert "--detector onnx:FILE" in err
        assert err.count("\n") == 1
    for path in ("/v1/predict", "/v1/explain", "/v1/detect"):
        refused = post(address, path, scenes["wide.png"], faces=True)
        assert refused.status_code == 422
        assert "petmood serve --detector" in refused.json()["error"]["next"]


def test_a_table_and_the_text_name_each_animal(
    petmood: Petmood, trained: Trained, finder: Path, scenes: dict[str, Path], tmp_path: Path
) -> None:
    photo, option = scenes["wide.png"], ["--detector", f"onnx:{finder}", "--animals", "cat, car"]
    _, out, _ = petmood("predict", trained.path, photo, *option, "--csv")
    assert sorted(line.rsplit(" ", 1)[1] for line in out.splitlines()[1:]) == ["car", "cat"]
    _, out, _ = petmood("predict", trained.path, photo, *option)
    assert len(out.splitlines()) == 2
    assert ", cat at 0.50 0.50 (0.17 x 0.25):" in out
    petmood("predict", trained.path, photo, *option, "--explain", tmp_path / "why", "--maps", "cam")
    assert len(list((tmp_path / "why").glob("*.png"))) == 2


def test_a_detector_that_fails_later_is_one_line(trained: Trained, detector: Detector, scenes: dict[str, Path]) -> None:
    class Failing(Detector):
        def find(self, picture: Any) -> Any:
            from petmood.errors import ModelError

            raise ModelError("the detector fails.")

    broken = Failing(detector.name, detector._session, detector.reading, detector._layout)
    with running(trained.bundle, broken) as address:
        for path in ("/v1/predict", "/v1/detect"):
            answer = post(address, path, scenes["small.png"], faces=True)
            assert answer.status_code == 422
            assert answer.json()["error"]["got"] == "the detector fails."


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
def test_the_page_reads_the_whole_photo_where_the_detector_fails(page: Page, scenes: dict[str, Path]) -> None:
    refused = {"what": "no image could be read", "got": "the detector fails", "next": "Try another."}
    page.route("**/v1/detect", lambda route: route.fulfill(status=422, json={"error": refused}))
    page.set_input_files("#file", scenes["wide.png"])
    page.locator('#result[aria-busy="false"] #bars li').first.wait_for()
    assert "the detector fails" in page.inner_text("#problem")
    assert page.locator(".box").count() == 0


@pytest.fixture
def page(browser: Browser, finding: str) -> Iterator[Page]:
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 844})
    held_back(context)
    opened = context.new_page()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(finding)
    yield opened
    context.close()
    assert wrong == []


def readings(page: Page) -> list[dict[str, Any]]:
    """What the page shows of each box, chosen by keyboard from the list of answers."""
    buttons = page.locator("#subjects button")
    page.locator("#subjects button:has-text('…')").wait_for(state="detached")
    found = []
    for number in range(1, buttons.count()):
        buttons.nth(number).focus()
        page.keyboard.press("Enter")
        assert buttons.nth(number).get_attribute("aria-pressed") == "true"
        found.append(json.loads(page.evaluate("document.body.dataset.reading")))
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
@pytest.mark.parametrize("name", ["wide.png", "large.jpg"])
def test_the_page_draws_the_boxes_and_answers_each_as_the_api_does(
    name: str, page: Page, finding: str, scenes: dict[str, Path]
) -> None:
    assert "to find the animals" in page.inner_text(".promise")
    page.set_input_files("#file", scenes[name])
    page.locator('#result[aria-busy="false"] .box').nth(1).wait_for()
    shown = readings(page)
    api = post(finding, "/v1/predict", scenes[name], faces=True).json()["predictions"]
    assert len(shown) == len(api) == 2
    for one, other in zip(shown, api, strict=True):
        assert one["box"]["label"] == other["box"]["label"]
        for side in ("x", "y", "width", "height"):
            assert one["box"][side] == pytest.approx(other["box"][side], abs=1e-3)
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-3)
        assert (one["verdict"], one["cautions"]) == (other["verdict"], other["cautions"])
    boxes = page.locator(".box")
    assert "dog" in (boxes.nth([one["box"]["label"] for one in api].index("dog")).get_attribute("aria-label") or "")
    boxes.nth(0).focus()
    page.keyboard.press("Delete")
    assert page.locator("#subjects button").count() == 2


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
def test_the_page_says_where_no_animal_was_found(page: Page, scenes: dict[str, Path]) -> None:
    page.set_input_files("#file", scenes["empty.png"])
    page.locator('#result[aria-busy="false"] #cautions li').first.wait_for()
    assert "found no animal" in page.inner_text("#cautions")
    assert page.locator(".box").count() == 0
