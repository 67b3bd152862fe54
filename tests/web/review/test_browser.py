"""The review page in a real browser: keys decide, and nothing decided is lost."""

from __future__ import annotations

import csv
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axe import EVERY_VIEW, violations
from petmood.cluster.naming import Grouping
from petmood.dataset import open_pictures
from petmood.jobs.cluster_naming import read_names, save_groups
from petmood.labels import read_decisions
from petmood.review.photos import Queue, open_review
from review_fixtures import MOODS, SUSPECT, drawn_run
from web.conftest import until

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from petmood.web.connections import Server as Serving  # noqa: E402 - these need the extra
from petmood.web.connections import configured  # noqa: E402
from petmood.web.review.app import create_app  # noqa: E402
from petmood.web.review.server import listening  # noqa: E402
from petmood.web.review.store import DecisionStore  # noqa: E402

READY = "body[data-ready=yes][data-saved=yes]"
SOURCE = Path(__file__).resolve().parents[3] / "src"


class Reached:
    """A review page on a port of this machine, whatever process answers there."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def within(store: DecisionStore, port: int = 0) -> Iterator[Reached]:
    """The page of a review served by this process, which takes a moment, where starting a command takes seconds."""
    with listening(port) as listener, open_pictures(store.review.data, store.review.options) as source:
        server = Serving(configured(create_app(store, source)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Reached(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)


class Server(Reached):
    """`petmood review` as a user starts it; `kill` is kill -9."""

    def __init__(self, run: Path, *options: str) -> None:
        super().__init__(free_port())
        self.command = ["review", str(run), "--no-open", *options]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        program = "from petmood.cli.main import run; run()"
        arguments = [sys.executable, "-c", program, *self.command, "--port", str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment)
        assert self.process.stderr
        for line in self.process.stderr:
            if line.startswith("Review: "):
                return self
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stderr
            self.process.stderr.close()
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return drawn_run(tmp_path)[0]


@pytest.fixture
def server(run: Path) -> Iterator[Server]:
    """The command, for tests that kill it."""
    made = Server(run).start()
    yield made
    made.kill()


@pytest.fixture
def served(run: Path) -> Iterator[Reached]:
    with within(DecisionStore(open_review(run))) as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """A server for tests that do not mind what others decide."""
    with within(DecisionStore(open_review(drawn_run(tmp_path_factory.mktemp("shared"))[0]))) as found:
        yield found


def opened(context: Any, server: Reached, queue: str = "all") -> Any:
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page raised {error}"))
    page.goto(f"{server.address}#{queue}")
    page.wait_for_selector(READY)
    return page


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def standing(page: Any) -> dict[str, str]:
    """Path -> what the page says stands."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...page.decided].map(([id, d]) => [page.state.photos[id].path, worded(d)]))"
    )
    return found


def labels(run: Path, name: str = "labels.csv") -> dict[str, str]:
    with (run / name).open(encoding="utf-8") as handle:
        return {row["path"]: row["label"] for row in csv.DictReader(handle)}


def test_twenty_photos_by_keyboard_outlive_undo_reload_and_a_killed_server(
    run: Path, server: Server, context: Any
) -> None:
    page = opened(context, server)
    page.check("#reveal")
    order = page.evaluate("page.queue.photos.map((id) => page.state.photos[id].path)")
    assert order[0] == SUSPECT
    press(page, *"1234567890"[:3], "a", "h", "s", "x", " ", "Enter", *"12312312312")  # 20 decisions
    page.wait_for_selector(READY)
    twenty = standing(page)
    assert len(twenty) == 20
    assert [twenty[path] for path in order[:8]] == [
        "Angry", "happy", "Sad", "Angry", "happy", "Sad", "not a pet", "skipped",
    ]  # fmt: skip
    assert twenty[order[8]] == order[8].split("/")[1]

    press(page, "u", "u")
    page.wait_for_selector(READY)
    expect = {path: label for path, label in twenty.items() if path not in order[18:20]}
    until(page, "page.pending.length === 0 && page.decided.size === 18")
    page.reload()
    page.wait_for_selector(READY)
    assert standing(page) == expect

    server.kill()
    press(page, "2", "3")  # decided while nobody listens
    page.wait_for_selector("#trouble:not([hidden])")
    assert "start petmood review again" in page.inner_text("#trouble")
    server.start()
    page.wait_for_selector(READY)
    page.reload()
    page.wait_for_selector(READY)
    final = {**expect, order[18]: "happy", order[19]: "Sad"}
    assert standing(page) == final
    assert page.inner_text("#count") == "19 of 24 decided, 1 skipped"
    assert labels(run) == {
        path: "not-a-pet" if label == "not a pet" else label for path, label in final.items() if label != "skipped"
    }
    assert len(read_decisions(run / "decisions.jsonl")) == 24  # 22 labels, 2 taken back, none twice


def test_a_suspect_is_shown_with_its_neighbours_and_nothing_comes_from_elsewhere(shared: Reached, context: Any) -> None:
    hosts: set[str] = set()
    context.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else "data"))
    page = opened(context, shared, "suspects")
    page.check("#reveal")
    assert page.inner_text("#given").split() == ["Labelled", "Sad"]
    assert page.inner_text("#why").startswith("5 of 6 models read happy")
    assert [text.split()[-1] for text in page.locator("#beside h3").all_inner_texts()] == ["Sad", "happy"]
    until(
        page, "[...document.querySelectorAll('#stage img')].every((image) => image.complete && image.naturalWidth > 0)"
    )
    assert page.evaluate("document.getElementById('photo').naturalWidth") == 96
    press(page, "h")
    page.wait_for_selector("#summary[open]")
    assert "All of “Suspect labels” decided" in page.inner_text("#summary")
    assert "label changed" in page.inner_text("#tally")
    assert hosts <= {f"127.0.0.1:{shared.port}", "data"}
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_is_told_before_one_decides_and_what_is_skipped_comes_again(
    run: Path, served: Reached, context: Any
) -> None:
    page = opened(context, served)
    assert page.locator("#given").inner_text() == "Its label is hidden until you decide."
    assert [page.inner_text(f"#{part}") for part in ("why", "path", "beside")] == ["", "", ""]
    assert page.is_disabled("#keep")
    press(page, "Enter")
    assert "hidden" in page.inner_text("#last")
    press(page, "h")
    told = page.inner_text("#last").split()
    assert told[:4] == ["Last:", "Sad", "→", "happy"]
    assert "5 of 6 models read happy" in page.inner_text("#last")
    press(page, "ArrowLeft")
    assert page.inner_text("#given").split() == ["Labelled", "Sad", "→", "you", "said", "happy"]
    press(page, "ArrowRight", " ", *"12312312312312312312", " ", "3")
    page.locator("#summary[open]").wait_for()
    assert page.inner_text("#summary-title") == "All of “All photos” seen"
    page.click("#again")
    assert page.inner_text("#count") == "22 of 24 decided, 2 skipped"
    press(page, "1", "1")
    page.locator("#summary[open]").wait_for()
    assert page.inner_text("#summary-title") == "All of “All photos” decided"
    page.wait_for_selector(READY)
    page.click("#close-summary")
    page.check("#reveal")
    page.reload()
    page.wait_for_selector(READY)
    assert page.is_checked("#reveal")
    assert len(labels(run)) == 24


def test_two_tabs_lose_nothing(run: Path, served: Reached, context: Any) -> None:
    one, two = opened(context, served), opened(context, served)
    for _ in range(6):
        one.keyboard.press("1")
        two.keyboard.press("ArrowRight")
    for _ in range(6):
        two.keyboard.press("2")
        one.keyboard.press("3")
    for page in (one, two):
        page.wait_for_selector(READY)
    assert len(read_decisions(run / "decisions.jsonl")) == 18
    one.reload()
    one.wait_for_selector(READY)
    found = standing(one)
    assert len(found) >= 12
    assert labels(run) == found


def test_a_second_reader_labels_blind_and_agreement_is_shown_at_the_end(run: Path, context: Any) -> None:
    with within(DecisionStore(open_review(run))) as served:
        page = opened(context, served)
        press(page, *"123123123123")
        page.wait_for_selector(READY)
        first = standing(page)
        page.close()

    second = Server(run, "--reader", "anna", "--blind").start()
    try:
        told = second.ask("GET", "/api/state")[1].decode()
        assert not any(word in told for word in ("train/", "5 of 6", "given", "Suspect"))
        page = opened(context, second, "others")
        assert page.locator("#given").inner_text() == ""
        assert page.evaluate("page.queue.photos.length") == 12
        assert page.evaluate("page.agreementHidden")
        press(page, *"123" * 4)
        page.wait_for_selector("#summary[open] #agreement table")
        rows = page.locator("#agreement tbody th").all_inner_texts()
        assert "first and anna" in rows
        assert page.locator("#agreement tbody tr").count() == 3
        assert len(labels(run, "labels-anna.csv")) == 12
        assert labels(run) == first
    finally:
        second.kill()


def test_clusters_are_named_by_keyboard_and_the_names_outlive_undo_reload_and_another_server(
    tmp_path: Path, context: Any
) -> None:
    run, manifest = drawn_run(tmp_path)
    photos = manifest.subset(manifest.photo_index)
    which = np.arange(len(photos)) % 4
    sure = np.linspace(1, 0, len(photos))
    save_groups(run, photos, Grouping("kmeans", 4, which, sure, {}), "drawn", 0)

    def said() -> list[str]:
        ids = page.evaluate("page.queue.photos")
        return [page.evaluate(f"page.decided.has('{i}') ? worded(page.decided.get('{i}')) : ''") for i in ids]

    with within(DecisionStore(open_review(run))) as server:
        page = opened(context, server, "clusters")
        assert page.inner_text("#sheet h2") == "Cluster 1, 6 photos"
        assert page.locator("#sheet .given").count() == 0
        page.check("#reveal")
        assert page.inner_text("#sheet .given").split()[0] == "Labelled"
        until(page, "[...document.querySelectorAll('.faces img')].every((i) => i.complete && i.naturalWidth > 0)")
        assert page.locator(".faces img").count() == 6
        press(page, "2", "a", "x")
        page.fill("#name", "calm, at rest")
        page.keyboard.press("Enter")
        page.wait_for_selector("#summary[open]")
        assert "petmood name-clusters" in page.inner_text("#use")
        page.click("#close-summary")
        page.wait_for_selector(READY)
        assert said() == ["happy", "Angry", "not a pet", "calm, at rest"]
        press(page, "u")
        until(page, "page.pending.length === 0 && page.decided.size === 3")
        page.reload()
        page.wait_for_selector(READY)
        assert said() == ["happy", "Angry", "not a pet", ""]
        assert page.inner_text("#sheet h2") == "Cluster 4, 6 photos"
        assert read_names(run / "names.csv", 4) == {0: "happy", 1: "Angry", 2: "not-a-pet", 3: ""}

    press(page, "s")  # decided while nobody listens
    page.wait_for_selector("#trouble:not([hidden])")
    with within(DecisionStore(open_review(run)), server.port):
        page.wait_for_selector(READY)
        assert read_names(run / "names.csv", 4)[3] == "Sad"
        assert not (run / "labels.csv").exists()  # no photo was decided about
        page.click("#close-summary")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def mapped(store: DecisionStore, queues: int = 70) -> DecisionStore:
    """A review with a place for each photo, and a list of more photos than a page of it has."""
    photos = list(store.review.photos)
    places = {photo: (i % 6 / 5, i // 6 / 3) for i, photo in enumerate(photos)}
    many = Queue("many", "Many", tuple(photos[i % len(photos)] for i in range(queues)))
    review = replace(store.review, layout=lambda: ("t-SNE", places), queues=(*store.review.queues, many))
    return DecisionStore(review, store.reader)


@pytest.fixture(scope="module")
def charted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a review with a map."""
    run, _ = drawn_run(tmp_path_factory.mktemp("charted"))
    for reader in ("anna", "ben", "cleo"):
        store = DecisionStore(open_review(run), reader)
        for i, photo in enumerate(list(store.review.photos)[:12]):
            store.decide(photo, "label", MOODS[i % 3 if i or reader != "cleo" else 1])
    with within(mapped(DecisionStore(open_review(run)))) as served:
        yield served.address


def charted_page(context: Any, address: str, where: str) -> Any:
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page raised {error}"))
    page.goto(f"{address}#{where}")
    page.wait_for_selector(READY)
    return page


def test_a_lasso_and_keys_choose_photos_on_the_map_for_a_list(context: Any, charted: str) -> None:
    page = charted_page(context, charted, "all/map")
    page.locator("#legend button").first.wait_for()
    box = page.locator("#plane").bounding_box()
    corners = [(0.15, 0.0), (0.3, 0.0), (0.3, 0.99), (0.0, 0.99), (0.0, 0.0)]  # round the first two of six columns
    points = [(box["x"] + x * box["width"] + 2, box["y"] + y * box["height"] + 2) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    assert page.inner_text("#chosen-count") == "8 photos chosen"
    ids = page.evaluate("Object.keys(map.places)")
    assert set(page.evaluate("[...map.chosen]")) == {photo for i, photo in enumerate(ids) if i % 6 < 2}
    page.hover("#plane", position={"x": box["width"] / 2, "y": 5})
    page.mouse.move(box["x"] + 18, box["y"] + 18)
    until(page, "!document.querySelector('#tip').hidden && document.querySelector('#tip-photo').naturalWidth > 0")
    assert "not decided" in page.inner_text("#tip-says")
    assert "labelled" not in page.inner_text("#tip-says")  # nothing is told before one decides
    page.select_option("#colour", "given")
    assert page.locator("#legend button").all_inner_texts()[0].startswith("hidden until you decide")

    page.click("#clear-chosen")
    assert page.evaluate("document.activeElement.id") == "plane"
    page.mouse.move(0, 0)
    press(page, "ArrowRight", "ArrowRight", " ")
    assert page.inner_text("#map-says").endswith("chosen")
    first = page.evaluate("map.cursor")
    press(page, "ArrowDown", " ")
    assert page.evaluate("map.chosen.size") == 2
    assert page.evaluate("map.cursor") != first
    press(page, "Enter")
    assert page.evaluate("[page.view, current() === map.cursor]") == ["photo", True]
    page.click("#to-map")
    page.click("#review-chosen")
    assert page.evaluate("[page.view, page.queue.id, page.queue.photos.length]") == ["photo", "chosen", 2]
    page.reload()
    page.wait_for_selector(READY)
    assert page.evaluate("[page.queue.id, page.queue.photos.length]") == ["chosen", 2]


def test_a_list_has_pages_and_opens_its_photos(context: Any, charted: str) -> None:
    page = charted_page(context, charted, "many/list")
    assert page.inner_text("#tiles-title") == "Many, page 1 of 2"
    assert page.locator(".tiles li").count() == 60
    page.get_by_role("button", name="Next page").click()
    assert page.locator(".tiles li").count() == 10
    assert page.evaluate("document.activeElement.id") == "tiles-title"
    page.locator(".tiles button").nth(3).click()
    assert page.evaluate("[page.view, page.at]") == ["photo", 63]


def test_three_readers_have_an_alpha_and_a_consensus(context: Any, charted: str) -> None:
    page = charted_page(context, charted, "all")
    page.click("#open-summary")
    assert "All 3 readers: Krippendorff’s alpha 0." in page.inner_text("#alpha")
    assert "12 photos that two or more read; 11 unanimous" in page.inner_text("#alpha")
    page.get_by_role("button", name="Write consensus.csv").click()
    page.locator("#agreed pre").wait_for()
    assert "consensus.csv --out NEW" in page.inner_text("#agreed")


@pytest.mark.parametrize(("width", "scheme"), EVERY_VIEW)
def test_axe_finds_nothing_on_any_view(browser: Any, charted: str, scheme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    for where in ("all", "many/list", "all/map"):
        page = charted_page(context, charted, where)
        if where == "all":
            page.check("#reveal")
        if where == "all/map":
            page.locator("#legend button").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [(where, *found) for found in violations(page)] == []
        if where == "all":
            page.click("#open-summary")
            assert violations(page, "#summary") == []  # what lies behind it was looked at
        page.close()
    context.close()


def test_requests_that_are_not_the_pages_own_are_refused(shared: Reached) -> None:
    def decided() -> dict[str, str]:
        return {d["photo"]: d["label"] for d in json.loads(shared.ask("GET", "/api/decisions")[1])["decisions"]}

    photo = json.loads(shared.ask("GET", "/api/state")[1])["queues"][-1]["photos"][-1]
    own = {"Origin": shared.address.rstrip("/"), "Content-Type": "application/json"}
    good = {"photo": photo, "action": "label", "label": "happy"}
    before = decided()
    assert shared.ask("POST", "/api/decisions", good, **{**own, "Origin": "https://elsewhere.example"})[0] == 403
    assert shared.ask("POST", "/api/decisions", good, Origin=own["Origin"])[0] == 403
    assert shared.ask("GET", "/api/state", Host="rebound.example")[0] == 403
    assert shared.ask("POST", "/api/decisions", {**good, "label": "smug"}, **own)[0] == 422
    assert shared.ask("POST", "/api/decisions", {**good, "photo": "../../x"}, **own)[0] == 422
    assert shared.ask("GET", "/photo/0.jpg")[0] == 404
    assert decided() == before
    assert shared.ask("POST", "/api/decisions", good, **own)[0] == 200
    assert decided() == {**before, photo: "happy"}
