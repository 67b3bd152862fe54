"""A server of the built-in model under what strangers send: odd requests, hostile pictures, crowds, mixed load."""

from __future__ import annotations

import http.client
import json
import random
import re
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from hostile_cases import Case, Result

import hostile_pictures
from drawing import jpeg

_POST = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
_PICTURE = b"Content-Type: image/jpeg\r\n"
REQUESTS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "a host that is another's": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", (421,)),
    "a host that is no host": (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", (421,)),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", (400, 421)),
    "headers of 100 KB": (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000, (431,)),
    "10,000 headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, (431,)),
    "an address of 100 KB": (b"GET /" + b"a" * 100_000, (431,)),
    "noise": (bytes(range(256)), (400,)),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400, 408)),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,)),
    "an upgrade": (
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"),
        (200, 400),
    ),
    "a path that climbs": (b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: localhost\r\n\r\n", (404,)),
    "a path of NUL": (b"GET /static/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", (404,)),
    "a path that is not Unicode": (b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", (404,)),
    "two lengths": (_POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", (400,)),
    "a length and chunks": (_POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400, 415)),
    "a length below nothing": (_POST + b"Content-Length: -1\r\n\r\n", (400,)),
    "a length without end": (_POST + _PICTURE + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n", (413,)),
    "a chunk that is not a number": (_POST + _PICTURE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
    "no body": (_POST + _PICTURE + b"Content-Length: 0\r\n\r\n", (400,)),
    "a body that is not a picture": (_POST + _PICTURE + b"Content-Length: 3\r\n\r\nabc", (422,)),
    "a kind without end": (_POST + b"Content-Type: " + b"x" * 9000 + b"\r\nContent-Length: 1\r\n\r\nx", (415,)),
    "a form without a boundary": (_POST + b"Content-Type: multipart/form-data\r\nContent-Length: 1\r\n\r\nx", (400,)),
    "a coverage that is not a number": (
        _POST.replace(b"predict", b"predict?coverage=NaN") + _PICTURE + b"Content-Length: 1\r\n\r\nx",
        (422,),
    ),
    "a coverage of noise": (
        _POST.replace(b"predict", b"predict?coverage=%ff%00") + _PICTURE + b"Content-Length: 1\r\n\r\nx",
        (422,),
    ),
    **{
        f"a form in {charset}": (
            _POST
            + f"Content-Type: multipart/form-data; boundary=x; charset={charset}\r\nContent-Length: 96\r\n\r\n".encode()
            + b'--x\r\nContent-Disposition: form-data; name="images"; filename="a\\ud800\xff.png"'.ljust(85)
            + b"\r\n\r\nx\r\n--x--",
            (400, 408, 422),
        )
        for charset in ("undefined", "unicode_escape", "utf-16", "punycode")
    },
}  # fmt: skip


def served(build: Path, load_seconds: float) -> list[Result]:
    """A server under requests of strangers, a crowd and mixed load, then told to stop."""
    words = [sys.executable, "-u", "-m", "petmood", "serve", "--port", "0", "--no-open", "--rate", "0"]
    log = (build / "serve.log").open("wb")
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout is not None
    found = re.search(r":(\d+)/", server.stdout.readline())
    port = int(found[1]) if found else 0
    requests = dict(REQUESTS)
    for kind in hostile_pictures.kinds():
        body = kind.draw(1)
        head = _POST + _PICTURE + b"Content-Length: %d\r\n\r\n" % len(body)
        requests[f"picture: {kind.name}"] = (head + body, (200, 413, 422) if body else (400,))
    results = [_asked(server, port, name, raw, codes) for name, (raw, codes) in requests.items()]
    results.append(_crowd(server, port))
    results.append(_loaded(server, port, load_seconds))
    results.append(_stopped(server, port))
    log.close()
    lines = (build / "serve.log").read_text("utf-8", "replace").splitlines()
    wrong = next((f"no JSON: {line[:200]}" for line in lines if not _is_json(line)), "")
    wrong = wrong or next((line[:300] for line in lines if '"status": 500' in line or "Traceback" in line), "")
    results.append(Result(_case("every line of the log is JSON, and no answer a 500"), 0.0, 0.0, wrong))
    return results


def _case(name: str) -> Case:
    return Case("servers", name, (), lambda root: None)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _memory(server: subprocess.Popen[str]) -> float:
    try:
        told = Path(f"/proc/{server.pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", told)
    return int(found[1]) / 1024 if found else 0.0


def _resident(server: subprocess.Popen[str]) -> float:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _say(port: int, raw: bytes, seconds: float = 60) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        heard = b""
        with suppress(ConnectionError):
            line.sendall(raw)
        try:
            while b"\r\n\r\n" not in heard and (got := line.recv(65536)):
                heard += got
        except (ConnectionError, TimeoutError):
            pass
    return heard


def _asked(server: subprocess.Popen[str], port: int, name: str, raw: bytes, codes: tuple[int, ...]) -> Result:
    start = time.monotonic()
    heard = _say(port, raw)
    seconds = time.monotonic() - start
    found = re.match(rb"HTTP/1.1 (\d+)", heard)
    wrong = "" if found and int(found[1]) in codes else f"answered {heard[:200]!r}"
    if not wrong and not _say(port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200"):
        wrong = "the server is not ready after it"
    return Result(_case(name), seconds, _memory(server), wrong)


def _crowd(server: subprocess.Popen[str], port: int) -> Result:
    """Sixty bodies of 31 MB that never end."""
    before, start = _memory(server), time.monotonic()
    lines = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(60)]
    block, size = bytes(2**20), 31 * 2**20
    left = dict.fromkeys(lines, size - 1)
    for line in lines:
        line.setblocking(False)
        head = _POST + _PICTURE + b"Content-Length: %d\r\n\r\n" % size
        line.send(head)
    while left and time.monotonic() - start < 20:
        ready = select.select([], list(left), [], 1)[1]
        for line in ready:
            try:
                left[line] -= line.send(block[: left[line]])
            except OSError:
                left[line] = 0
            if left[line] <= 0:
                del left[line]
        if not ready:
            break
    grown = _memory(server) - before
    for line in lines:
        line.close()
    ready = _say(port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200")
    wrong = f"grew by {grown:.0f} MB" if grown > 700 else "" if ready else "the server is not ready after it"
    return Result(_case("60 bodies of 31 MB that never end"), time.monotonic() - start, _memory(server), wrong)


def _loaded(server: subprocess.Popen[str], port: int, seconds: float) -> Result:
    """Eight clients send pictures of all kinds, forms, explanations, wrong and broken requests: memory stays level."""
    clients, codes, faults, sizes = 8, Counter[int](), list[str](), list[float]()
    small = [kind for kind in hostile_pictures.kinds() if not kind.large]
    odd = [raw for raw, _ in REQUESTS.values() if len(raw) < 2000]
    bodies = [kind.draw(5) for kind in small]
    photos = [jpeg(i, (100 + 150 * i, 120 + 110 * i)) for i in range(8)]
    start = time.monotonic()
    end = start + seconds

    def ask(path: str, body: bytes | None = None, kind: str = "image/jpeg") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET" if body is None else "POST", path, body, {"Content-Type": kind} if body else {})
            answer = connection.getresponse()
            said = answer.read()
            codes[answer.status] += 1
            if answer.status >= 500 and answer.status != 503:
                faults.append(f"{path}: {answer.status} {said[:200]!r}")
        finally:
            connection.close()

    def form(draw: random.Random) -> bytes:
        parts = [draw.choice(photos + bodies) for _ in range(draw.randint(1, 6))]
        head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="%d"\r\n\r\n%s\r\n'
        return b"".join(head % (i, part) for i, part in enumerate(parts)) + b"--x--\r\n"

    def client(number: int) -> None:
        draw = random.Random(number)
        while time.monotonic() < end:
            what = draw.random()
            try:
                if what < 0.5:
                    ask("/v1/predict", draw.choice(photos))
                elif what < 0.6:
                    ask("/v1/predict", draw.choice(bodies))
                elif what < 0.7:
                    ask("/v1/predict", form(draw), "multipart/form-data; boundary=x")
                elif what < 0.72:
                    ask("/v1/explain", draw.choice(photos))
                elif what < 0.8:
                    ask(draw.choice(["/", "/metrics", "/readyz", "/nowhere", "/static/app.js", "/openapi.json"]))
                elif what < 0.9:
                    _say(port, draw.choice(odd), 2)
                else:  # hang up in the middle of a body
                    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
                        line.sendall(_POST + _PICTURE + b"Content-Length: 100000\r\n\r\n" + bytes(50_000))
            except OSError as error:
                faults.append(f"no answer: {error}")

    crowd = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    for thread in crowd:
        thread.start()
    while time.monotonic() < end:
        time.sleep(0.5)
        sizes.append(_resident(server))
    for thread in crowd:
        thread.join()
    third = len(sizes) // 3
    before, after = statistics.median(sizes[third : 2 * third]), statistics.median(sizes[2 * third :])
    grown = after / before - 1
    told = ", ".join(f"{n:,} x {code}" for code, n in sorted(codes.items()))
    print(f"mixed load for {seconds:.0f} s: {told}; {before:.0f} MB, then {after:.0f} MB ({grown:+.1%})", flush=True)
    wrong = faults[0] if faults else f"memory grew by {grown:.1%}" if grown > 0.05 else ""
    name = (
        f"mixed load, 8 clients: {sum(codes.values()):,} answers, memory {grown:+.1%} from its second third to its last"
    )
    return Result(_case(name), time.monotonic() - start, max(sizes), wrong)


def _stopped(server: subprocess.Popen[str], port: int) -> Result:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(_POST + _PICTURE + b"Content-Length: 99\r\n\r\nab")
        time.sleep(0.3)
        memory, start = _memory(server), time.monotonic()
        server.send_signal(signal.SIGTERM)
        try:
            code = server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            code = -9
    seconds = time.monotonic() - start
    wrong = "" if seconds < 10 and code == 0 else f"exit code {code} after {seconds:.1f} s"
    return Result(_case("told to stop while a body does not end"), seconds, memory, wrong)
