"""What docs/use-in-your-app.md tells app developers, run as it stands there against a real server; and the API page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axe import OF_COLOURS, violations
from bundle_fixtures import Trained
from web.conftest import CHROMIUM, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = "http://127.0.0.1:8000"
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")


def snippet(repository: Path, language: str, address: str) -> str:
    """The block of one language that asks a server from anywhere."""
    text = (repository / "docs" / "use-in-your-app.md").read_text(encoding="utf-8")
    section = text.split("## The API from anywhere")[1].split("\n## ")[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
    assert HERE in block
    return str(block).replace(HERE, address)


@pytest.fixture
def folder(tmp_path: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(photos[0], tmp_path / "cat.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_curl(repository: Path, address: str, folder: Path, trained: Trained) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    line = snippet(repository, "console", address).removeprefix("$ ")
    told = subprocess.run(line, shell=True, cwd=folder, capture_output=True, check=True, timeout=60)
    (found,) = json.loads(told.stdout)["predictions"]
    assert found["mood"] == trained.bundle.predict(folder / "cat.jpg")[0].mood


def test_python(
    repository: Path, address: str, folder: Path, trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(snippet(repository, "python", address), {})
    assert capsys.readouterr().out.strip() == trained.bundle.predict(folder / "cat.jpg")[0].mood


@needs_browser
def test_javascript(repository: Path, address: str, folder: Path, trained: Trained, browser: Browser) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    given = list((folder / "cat.jpg").read_bytes())
    use = "const file = new File([Uint8Array.from(given)], 'cat.jpg', { type: 'image/jpeg' });"
    page.evaluate(f"async (given) => {{ {use} {snippet(repository, 'js', address)} }}", given)
    page.close()
    assert said == [trained.bundle.predict(folder / "cat.jpg")[0].mood]


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain"])
def test_who_looks_before_sending_is_told_what_may_be_asked(client: httpx.Client, path: str) -> None:
    for method in ("HEAD", "OPTIONS"):
        told = client.request(method, path)
        assert told.status_code == 204
        assert told.content == b""
        assert {"POST", "OPTIONS"} <= set(told.headers["Allow"].split(", "))
    assert client.get(path).status_code == 405
    assert path in client.get("/openapi.json").json()["paths"]
    assert set(client.get("/openapi.json").json()["paths"][path]) == {"post"}


def opened(browser: Browser, address: str, **options: Any) -> Page:
    page = browser.new_page(reduced_motion="reduce", **options)
    page.on("pageerror", lambda error: pytest.fail(f"the page raised {error}"))
    page.goto(f"{address}/api")
    return page


@needs_browser
def test_the_api_page_sends_what_its_line_for_a_terminal_says(
    browser: Browser, address: str, photos: list[Path], trained: Trained
) -> None:
    page = opened(browser, address, color_scheme="light", viewport={"width": 390, "height": 844})
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    form = page.locator("form:has(h2:text('/v1/predict'))")
    form.locator("input[type=file]").set_input_files(photos[0])
    form.get_by_label("coverage").fill("0.9")
    assert form.locator("pre").first.inner_text() == (
        f"curl -s -F 'images=@{photos[0].name}' '{address}/v1/predict?coverage=0.9'"
    )
    form.get_by_role("button", name="Send").click()
    form.locator("[role=status]:has-text('200')").wait_for()
    told = json.loads(form.locator("pre").last.inner_text())
    assert told["predictions"][0]["probabilities"] == trained.bundle.predict(photos[0])[0].probabilities
    assert hosts == {address.split("/")[2]}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")  # the same names and structure in other colours
    assert violations(page, **OF_COLOURS) == []
    page.close()


@needs_browser
def test_the_api_page_asks_for_the_token(browser: Browser, trained: Trained) -> None:
    with running(trained.bundle, token="correct horse") as guarded:
        page = opened(browser, guarded)
        page.locator("#operations:has-text('asks for its token')").wait_for()
        page.fill("#token", "correct horse")
        page.press("#token", "Tab")
        page.locator("form:has(h2:text('/v1/explain'))").wait_for()
        assert "Bearer TOKEN" in page.locator("form pre").first.inner_text()
        page.close()
