from __future__ import annotations

import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle_fixtures import Trained
from petmood.bundle import Answer, Bundle, Outputs
from petmood.bundle.folder import read
from petmood.explain import Explanations, explain, to_facts
from web.conftest import running


def form(paths: list[Path]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("images", (p.name, p.read_bytes(), "image/jpeg")) for p in paths]


def test_one_image_as_body_and_many_as_form_share_one_schema(
    client: httpx.Client, trained: Trained, photos: list[Path]
) -> None:
    raw = client.post("/v1/predict", content=photos[0].read_bytes(), headers={"Content-Type": "image/jpeg"})
    many = client.post("/v1/predict", files=form(photos))
    assert raw.status_code == many.status_code == 200
    answer = Answer.model_validate(many.json())
    assert [p.source for p in answer.predictions] == [p.name for p in photos]
    assert Answer.model_validate(raw.json()).predictions[0].probabilities == pytest.approx(
        answer.predictions[0].probabilities, abs=1e-5
    )
    for prediction in many.json()["predictions"]:
        assert set(prediction["probabilities"]) == set(trained.bundle.classes)
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_a_picture_in_another_field_is_refused_and_not_left_out(client: httpx.Client, photos: list[Path]) -> None:
    for name in ("image", "images[]", "file"):
        (_, other), *_ = form(photos[1:])
        answer = client.post("/v1/predict", files=[*form(photos[:1]), (name, other)])
        assert (answer.status_code, f"'{name}'" in answer.json()["error"]["got"]) == (400, True)


def test_api_and_python_agree_bit_for_bit_on_a_batch_of_one(
    client: httpx.Client, trained: Trained, photos: list[Path]
) -> None:
    for path in photos[:3]:
        sent = client.post("/v1/predict", content=path.read_bytes(), headers={"Content-Type": "image/jpeg"}).json()
        (expected,) = trained.bundle.predict(path)
        assert sent["predictions"][0]["probabilities"] == expected.probabilities
        assert sent["predictions"][0] == expected.model_dump(mode="json") | {"source": "image"}


def test_a_crowd_is_answered_and_each_gets_its_own_answer(trained: Trained, photos: list[Path]) -> None:
    expected = {p: trained.bundle.predict(p)[0].probabilities for p in photos}
    with running(trained.bundle) as address:

        def ask(path: Path) -> tuple[Path, dict[str, float]]:
            body = httpx.post(f"{address}/v1/predict", files=form([path]), timeout=60).json()
            return path, body["predictions"][0]["probabilities"]

        with ThreadPoolExecutor(16) as crowd:
            answers = list(crowd.map(ask, photos * 6))
        metrics = httpx.get(f"{address}/metrics").text
    for name, probabilities in answers:
        assert probabilities == pytest.approx(expected[name], abs=1e-5)
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert 0 < float(values["petmood_batches"]) <= len(answers)


def test_broken_images_are_named_beside_the_readable_ones(client: httpx.Client, photos: list[Path]) -> None:
    files = [*form(photos[:1]), ("images", ("böse.jpg", b"no image", "image/jpeg"))]
    body = client.post("/v1/predict", files=files).json()
    assert len(body["predictions"]) == 1
    assert body["errors"] == [{"source": "böse.jpg", "error": body["errors"][0]["error"]}]
    assert "not an image" in body["errors"][0]["error"]


def test_explanations_have_maps_neighbours_and_the_background_test(
    client: httpx.Client, trained: Trained, photos: list[Path]
) -> None:
    body = client.post("/v1/explain", files=form(photos[:1])).json()
    (found,) = Explanations.model_validate(body).explanations
    assert found.prediction == trained.bundle.predict(photos[0])[0].model_copy(update={"source": photos[0].name})
    assert np.array(found.cam).shape == (7, 7)
    assert found.occlusion is None
    assert found.background is not None
    assert found.mood == found.prediction.mood
    kept = trained.bundle.training_photos
    assert kept is not None
    assert {n.label for n in found.neighbours} <= set(kept.labels)
    distances = [n.distance for n in found.neighbours]
    assert distances == sorted(distances)


@pytest.mark.parametrize(
    ("maps", "background"), [("cam", "false"), ("occlusion", "true"), ("both", "true"), ("auto", "false")]
)
def test_the_api_explains_as_python_does(
    client: httpx.Client, trained: Trained, photos: list[Path], maps: str, background: str
) -> None:
    params = {"maps": maps, "background": background}
    body = client.post("/v1/explain", files=form(photos[:1]), params=params).json()
    (found,) = Explanations.model_validate(body).explanations
    own = explain(trained.bundle, trained.bundle.prepare(photos[0]), maps=maps, background=background == "true")  # type: ignore[arg-type]
    expected = to_facts(trained.bundle, own)
    assert found.prediction.probabilities == expected.prediction.probabilities
    assert found.cam == expected.cam
    assert (found.occlusion is None) == (expected.occlusion is None)
    if expected.occlusion is not None:  # other batches: the last digits of float32 may differ
        np.testing.assert_allclose(found.occlusion, expected.occlusion, atol=1e-5)
    assert (found.background is None) == (expected.background is None)
    if expected.background is not None and found.background is not None:
        assert found.background.reliance == pytest.approx(expected.background.reliance, abs=1e-3)
        assert found.background.sentence == expected.background.sentence


class Gated(Bundle):
    """A bundle whose explanations stop at a gate: the copies of a picture come in parts of more than one."""

    def __init__(self, path: Path) -> None:
        super().__init__(read(path))
        self.gate, self.reached = threading.Event(), threading.Event()
        self.parts = 0

    def infer(self, pixels: np.ndarray) -> Outputs:
        if len(pixels) > 1:
            self.parts += 1
            self.reached.set()
            assert self.gate.wait(30)
        return super().infer(pixels)


def test_a_prediction_overtakes_an_explanation(trained: Trained, photos: list[Path]) -> None:
    bundle = Gated(trained.path)
    with running(bundle) as address, ThreadPoolExecutor(2) as pool:
        slow = pool.submit(httpx.post, f"{address}/v1/explain?maps=occlusion", files=form(photos[:1]), timeout=60)
        assert bundle.reached.wait(30)
        quick = pool.submit(httpx.post, f"{address}/v1/predict", files=form(photos[1:2]), timeout=60)
        deadline = time.monotonic() + 30
        while "petmood_pending_pictures 1.0" not in httpx.get(f"{address}/metrics").text:
            assert time.monotonic() < deadline  # the event loop answers, and the prediction waits for its turn
        begun = bundle.parts
        bundle.gate.set()
        assert quick.result().status_code == slow.result().status_code == 200
    assert begun == 1  # one part was before the prediction, the others were not asked for yet
    assert bundle.parts == 7


def test_too_many_explanations_are_turned_away(trained: Trained, photos: list[Path]) -> None:
    with running(trained.bundle, explain_queue=2) as address:
        refused = httpx.post(f"{address}/v1/explain", files=form(photos[:3]), timeout=60)
        taken = httpx.post(f"{address}/v1/explain?maps=cam", files=form(photos[:2]), timeout=60)
    assert (refused.status_code, taken.status_code) == (503, 200)
    assert "3 more" in refused.json()["error"]["got"]
    assert refused.headers["retry-after"]


def test_an_explanation_that_nobody_waits_for_is_given_up(trained: Trained, photos: list[Path]) -> None:
    bundle = Gated(trained.path)
    with running(bundle) as address:
        data = photos[0].read_bytes()
        head = f"POST /v1/explain?maps=occlusion HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
        with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=30) as client:
            client.sendall(f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + data)
            assert bundle.reached.wait(30)
        bundle.gate.set()
        # the server goes on with the part under way, sees that the connection is closed, and takes the next request
        assert httpx.post(f"{address}/v1/explain?maps=cam", files=form(photos[:1]), timeout=60).status_code == 200
    assert bundle.parts <= 2


def _png_bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (12000, 12000)).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.mark.parametrize(
    ("send", "status", "what"),
    [
        ({"content": b"", "headers": {"Content-Type": "image/jpeg"}}, 400, "no image in the request"),
        ({"content": b"text", "headers": {"Content-Type": "image/png"}}, 422, "no image could be read"),
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 415, "this kind of body"),
        ({"content": b"x"}, 415, "this kind of body"),
        ({"files": {"picture": b"x"}}, 400, "no image in the request"),
        ({"files": [("images", ("a", b"x"))] * 65}, 400, "the form cannot be read"),
        ({"content": b"broken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, ""),
        ({"content": _png_bomb(), "headers": {"Content-Type": "image/png"}}, 422, "no image could be read"),
        ({"params": {"coverage": "2"}, "content": b"x", "headers": {"Content-Type": "image/png"}}, 422, "coverage"),
        ({"params": {"coverage": "0.123"}, "content": b"x", "headers": {"Content-Type": "image/png"}}, 422, "coverage"),
    ],
)
def test_wrong_requests_say_what_got_and_next(
    client: httpx.Client, send: dict[str, object], status: int, what: str
) -> None:
    answer = client.post("/v1/predict", **send)  # type: ignore[arg-type]
    assert answer.status_code == status
    error = answer.json()["error"]
    assert what in error["what"]
    assert error["got"]
    assert error["next"]


def test_unknown_paths_and_methods_are_json_too(client: httpx.Client) -> None:
    assert client.get("/nowhere").json()["error"]["what"] == "Not Found"
    wrong = client.get("/v1/predict")
    assert (wrong.status_code, wrong.json()["error"]["what"]) == (405, "Method Not Allowed")


def test_large_bodies_are_refused_whether_announced_or_not(trained: Trained) -> None:
    big = bytes(2 * 2**20)
    with running(trained.bundle, max_body_mb=1) as address:
        announced = httpx.post(f"{address}/v1/predict", content=big, headers={"Content-Type": "image/jpeg"})

        def pieces() -> object:
            for start in range(0, len(big), 2**16):
                yield big[start : start + 2**16]

        chunked = httpx.post(f"{address}/v1/predict", content=pieces(), headers={"Content-Type": "image/jpeg"})  # type: ignore[arg-type]
    assert announced.status_code == chunked.status_code == 413
    assert "1 MiB" in chunked.json()["error"]["what"]


def test_a_client_that_never_finishes_is_let_go(trained: Trained) -> None:
    with running(trained.bundle, read_timeout=0.3) as address:
        port = int(address.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(
                b"POST /v1/predict HTTP/1.1\r\nHost: [::1]\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nab"
            )
            assert b" 408 " in slow.recv(4096)
        assert httpx.get(f"{address}/healthz").json() == {"status": "ok"}


def test_a_token_is_asked_for_where_one_is_set(trained: Trained, photos: list[Path]) -> None:
    with running(trained.bundle, token="correct horse") as address:
        url, files = f"{address}/v1/predict", form(photos[:1])
        assert httpx.post(url, files=files).status_code == 401
        wrong = httpx.post(url, files=files, headers={"Authorization": "Bearer battery staple"})
        assert wrong.status_code == 401
        assert "wrong token" in wrong.json()["error"]["got"]
        assert wrong.headers["www-authenticate"] == "Bearer"
        right = httpx.post(url, files=files, headers={"Authorization": "Bearer correct horse"}, timeout=30)
        assert right.status_code == 200
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_one_address_cannot_take_all(trained: Trained) -> None:
    with running(trained.bundle, requests_per_minute=3) as address:
        answers = [
            httpx.post(f"{address}/v1/predict", content=b"x", headers={"Content-Type": "image/png"}) for _ in range(5)
        ]
    assert [a.status_code for a in answers] == [422, 422, 422, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_health_readiness_metrics_and_description(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert 'petmood_requests_total{path="/healthz",status="200"}' in client.get("/metrics").text
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/predict", "/v1/explain", "/v1/detect", "/healthz", "/readyz", "/metrics"} == set(paths)


def test_requests_under_way_are_answered_at_shutdown(trained: Trained, photos: list[Path]) -> None:
    codes: list[int] = []
    with running(trained.bundle) as address:

        def ask() -> None:
            codes.append(httpx.post(f"{address}/v1/predict", files=form(photos * 5), timeout=60).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        deadline = time.monotonic() + 20
        while "petmood_pending_pictures 0.0" in httpx.get(f"{address}/metrics").text and asking.is_alive():
            assert time.monotonic() < deadline
    asking.join(30)
    assert codes == [200]


def test_logs_are_json_without_names_or_contents(
    address: str, photos: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    import json
    import logging

    from petmood.web.logs import LOGGER, JsonLines

    with caplog.at_level(logging.INFO, logger=LOGGER.name):
        httpx.post(f"{address}/v1/predict", files=[("images", ("secret-name.jpg", photos[0].read_bytes()))], timeout=60)
        deadline = time.monotonic() + 10
        while not caplog.records:
            assert time.monotonic() < deadline
    line = JsonLines().format(caplog.records[-1])
    facts = json.loads(line)
    assert (facts["event"], facts["path"], facts["status"]) == ("request", "/v1/predict", 200)
    assert "secret-name" not in line
