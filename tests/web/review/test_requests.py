"""Requests to the review page that no page of it sends: each is a clear refusal, and the log keeps what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from petmood.dataset import open_pictures
from petmood.labels import read_decisions
from petmood.progress import Silent
from petmood.review.photos import open_review
from petmood.web.review import store as stores
from petmood.web.review.app import create_app
from petmood.web.review.store import DecisionStore
from review_fixtures import drawn_run

HERE = "http://127.0.0.1:8427"
OWN = {"Origin": HERE, "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DecisionStore:
    return DecisionStore(open_review(drawn_run(tmp_path_factory.mktemp("odd"), 3)[0], None, Silent()))


@pytest.fixture
def client(store: DecisionStore) -> Iterator[TestClient]:
    with open_pictures(store.review.data, store.review.options) as source:
        yield TestClient(create_app(store, source), base_url=HERE, raise_server_exceptions=False)


@pytest.mark.parametrize(
    "body",
    [
        '{"photo": NaN, "action": "skip"}',
        '{"photo": Infinity, "action": "skip"}',
        '{"photo": "\\ud800", "action": "skip"}',
        '{"photo": "x", "action": "\\udfff"}',
        '{"\\ud800": 1}',
        "[" * 100_00,
        '{"photo": ' + "9" * 5000 + "}",
        '{"photo"',
        '"\x00"',
        "",
        "null",
        "\ufeff{}",
    ],
)
def test_bodies_that_json_or_this_page_cannot_hold(client: TestClient, body: str) -> None:
    answer = client.post("/api/decisions", content=body.encode(), headers=OWN)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]


@pytest.mark.parametrize("host", ["[::1", "[", "]", "a]b", "[::1]evil", "127.0.0.1.evil.example", "", "127.0.0.1:x"])
def test_hosts_and_origins_that_are_no_addresses(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 403
    answer = client.post("/api/decisions", content=b"{}", headers={**OWN, "Origin": f"http://{host}"})
    assert answer.status_code == 403


def test_a_body_without_end_is_refused(client: TestClient) -> None:
    assert client.post("/api/decisions", content=b" " * 70_000, headers=OWN).status_code == 413
    assert client.post("/api/decisions", content=iter([b"{}"]), headers=OWN).status_code == 413


def test_a_decision_that_is_not_wholly_written_is_told_and_made_whole(
    client: TestClient, store: DecisionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, labels: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    decision = {"photo": next(iter(store.review.photos)), "action": "label", "label": "happy", "time": _TIME}

    def send() -> httpx.Response:
        return client.post("/api/decisions", json=decision, headers={"Origin": HERE})

    monkeypatch.setattr(stores, "write_labels", full)
    answer = send()
    assert answer.status_code == 503
    assert "decisions.jsonl" in answer.json()["error"]
    assert len(read_decisions(store.log)) == 1
    monkeypatch.undo()
    assert send().status_code == 200  # the page sends it again with the same time
    assert len(read_decisions(store.log)) == 1
    assert "happy" in store.labels_path.read_text()


_TIME = "2030-01-31T12:00:00.000Z"
