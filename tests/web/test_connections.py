"""What strangers send to a server over bare connections: each gets an answer, and nobody else notices."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle_fixtures import Trained

pytest.importorskip("fastapi")

from petmood.web import connections
from petmood.web.connections import host_name
from web.conftest import running

PICTURE = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def strict(trained: Trained) -> Iterator[str]:
    """A server with a token, small limits and a proxy that is believed."""
    with running(
        trained.bundle,
        token="correct horse",
        max_body_mb=1,
        max_inflight_mb=2,
        allowed_hosts=("pets.example",),
        wrong_tokens_per_minute=3,
        trusted_proxies=("127.0.0.1",),
        read_timeout=3,
    ) as found:
        yield found


def say(address: str, *parts: bytes) -> bytes:
    """What a server answers to bytes on a connection until it closes it or the answer has ended."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        heard = b""
        with suppress(ConnectionError):
            for part in parts:
                line.sendall(part)
        try:
            while not re.search(rb"\r\n\r\n.+", heard, re.DOTALL) and (got := line.recv(65536)):
                heard += got
        except ConnectionError:  # what it still sent was not wanted
            pass
        return heard


@given(st.text(max_size=30))
def test_no_host_header_is_too_odd(text: str) -> None:
    found = host_name(text)
    assert found is None or re.fullmatch(r"[a-z0-9._:-]*", found)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("[::1", None), ("[::1]:80", "::1"), ("LOCALHOST:1", "localhost"), ("a.example.", "a.example"), ("a@b", None)],
)
def test_names_of_hosts(header: str, expected: str | None) -> None:
    assert host_name(header) == expected


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("[::1]", 200),
        ("127.0.0.2", 200),
        ("PETS.example:80", 200),
        ("rebound.example", 421),
        ("pets.example.evil", 421),
        ("192.0.2.7", 421),
        ("[::1", 421),
        ("127.0.0.1@evil.example", 421),
        ("", 421),
    ],
)
def test_names_that_are_not_the_servers_are_refused(strict: str, host: str, status: int) -> None:
    answer = httpx.get(f"{strict}/facts.json", headers={"Host": host})
    assert answer.status_code == status
    if status != 200:
        assert "--allow-host" in answer.json()["error"]["next"]


def test_what_tells_of_use_needs_the_token(strict: str) -> None:
    for path in ("/metrics", "/openapi.json"):
        assert httpx.get(strict + path).status_code == 401
        assert httpx.get(strict + path, headers={"Authorization": "Bearer correct horse"}).status_code == 200


def test_tokens_cannot_be_guessed_on_end_and_the_proxys_word_counts(strict: str) -> None:
    def guess(token: str, client: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": client}
        return httpx.get(f"{strict}/metrics", headers=headers).status_code

    assert [guess(f"try {i}", "192.0.2.1") for i in range(5)] == [401, 401, 401, 429, 429]
    assert guess("correct horse", "192.0.2.1") == 429  # who guesses on is not told that this one was right
    assert guess("correct horse", "192.0.2.2") == 200


def test_forwarded_addresses_of_others_are_not_believed(trained: Trained) -> None:
    with running(trained.bundle, requests_per_minute=2) as address:
        codes = [
            httpx.post(f"{address}/v1/predict", content=b"x", headers={**PICTURE, "X-Forwarded-For": f"192.0.2.{i}"})
            for i in range(3)
        ]
    assert [answer.status_code for answer in codes] == [422, 422, 429]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((b"GET / HTTP/1.1\r\n", b"X: " + b"a" * 100_000), 431),
        ((b"GET /", b"a" * 100_000), 431),
        ((b"GET / HTTP/1.1\r\n", *[b"X%d: y\r\n" % i for i in range(9000)]), 431),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a greeting of TLS\r\n\r\n",), 400),
        ((b"NONSENSE\r\n\r\n",), 400),
        ((b"CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",), 400),
        ((b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",), 400),
        ((b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",), 400),
        ((b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), 400),
    ],
)
def test_bytes_that_are_no_request(strict: str, parts: tuple[bytes, ...], status: int) -> None:
    heard = say(strict, *parts)
    assert heard.startswith(b"HTTP/1.1 %d" % status), heard[:300]
    assert "error" in json.loads(heard.partition(b"\r\n\r\n")[2])


def test_headers_that_do_not_end_are_let_go(strict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
        assert say(strict, begun).startswith(b"HTTP/1.1 408")


def test_bodies_under_way_are_bounded_together(strict: str) -> None:
    head = (
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer correct horse\r\n"
        b"X-Forwarded-For: 192.0.2.9\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n"
    )
    answers: list[bytes] = []
    asking = [threading.Thread(target=lambda: answers.append(say(strict, head, bytes(900_000)))) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(30)
    codes = sorted(int(answer.split()[1]) for answer in answers if answer)
    assert 408 in codes  # two fit and never end
    assert 503 in codes
    assert set(codes) <= {408, 503}
    sent = httpx.post(
        f"{strict}/v1/predict", content=b"x", headers={**PICTURE, "Authorization": "Bearer correct horse"}
    )
    assert sent.status_code == 422  # what they held is free again


def test_a_client_that_hangs_up_is_no_fault_of_the_server(trained: Trained, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), running(trained.bundle) as address:
        host, port = address.removeprefix("http://").split(":")
        for kind in (b"image/png", b"multipart/form-data; boundary=x"):
            with socket.create_connection((host, int(port)), timeout=20) as line:
                line.sendall(
                    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    + kind
                    + b"\r\nContent-Length: 99\r\n\r\n--x\r\n"
                )
                time.sleep(0.1)
        deadline = time.monotonic() + 20
        while 'status="499"} 2.0' not in httpx.get(f"{address}/metrics").text:
            assert time.monotonic() < deadline
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("charset", ["undefined", "unicode_escape", "utf-7", "punycode", "utf-16", "rot13"])
def test_forms_in_odd_encodings_are_answered(strict: str, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a\\ud800\xff.png"\r\n\r\nx\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}".encode()
    headers = {b"Content-Type": kind, b"Authorization": b"Bearer correct horse"}
    answer = httpx.post(f"{strict}/v1/predict", content=body, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["next"]


def test_a_server_ends_in_time_whatever_works_in_it(trained: Trained, tmp_path: Path) -> None:
    # a thread that nobody can end, and requests whose bodies never come
    code = (
        "import threading, time\n"
        "from petmood.web import connections\n"
        "connections.GRACE_SECONDS, connections.END_SECONDS = 1, 3.0\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "from petmood.cli.main import run; run()"
    )
    words = [sys.executable, "-u", "-c", code, "serve", str(trained.path), "--port", "0", "--no-open"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        found = re.search(r":(\d+)/", server.stdout.readline())
        assert found
        ended = threading.Timer(60, server.kill)
        ended.start()
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=60) as line:
            line.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heard = b""
            while not heard.endswith(b"}"):
                heard += line.recv(4096)
            assert b" 200 " in heard
            line.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n")
            line.sendall(b"Content-Length: 99\r\n\r\n")
            time.sleep(0.5)
            server.send_signal(signal.SIGTERM)
            assert b" 503 " in line.recv(4096)
        _, errors = server.communicate()
        ended.cancel()
    assert server.returncode == 1
    assert all(json.loads(line) for line in errors.splitlines())
