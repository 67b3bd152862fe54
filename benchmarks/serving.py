"""`petmood serve` on this machine: pictures a second and latency at 1 and 16 clients, beside bare ONNX Runtime.

    python benchmarks/serving.py [--data DATA] [--model BUNDLE] [--seconds S]

Clients send one JPEG a request over kept connections on the loopback address, from a process of their own. Bare means
the same bundle and the same files in this process: decode, then infer, one picture at a time for latency and 16 at a
time for throughput. Server and bare take turns.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sheet import Sheet, data_or_demo, fresh_cache, options_of

from petmood.bundle import Bundle, load

CLIENTS = 16


@contextmanager
def served(model: Path) -> Iterator[int]:
    """A server in a process of its own; its port."""
    code = "from petmood.cli.main import run; run()"
    command = [sys.executable, "-c", code, "serve", str(model), "--port", "0", "--rate", "0"]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
        try:
            yield port_of(process, told)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def port_of(process: subprocess.Popen[bytes], told: object) -> int:
    """The port that a server says it listens on, once it answers."""
    for _ in range(600):
        told.seek(0)  # type: ignore[attr-defined]
        text = told.read()  # type: ignore[attr-defined]
        found = re.search(r"http://127\.0\.0\.1:(\d+)", text)
        if process.poll() is not None:
            raise SystemExit(f"petmood serve ended: {text[-300:]}")
        if found:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return int(found[1])
            except OSError:
                pass
        time.sleep(0.1)
    raise SystemExit("petmood serve did not answer within a minute")


def clients(port: int, files: Sequence[str], count: int, seconds: float) -> list[float]:
    """Seconds of each request that `count` clients sent within a time."""
    requests = [request_of(Path(path).read_bytes(), port) for path in files]
    took: list[float] = []
    end = time.perf_counter() + seconds

    def work(first: int) -> None:
        at = first
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() < end:
                start = time.perf_counter()
                connection.sendall(requests[at % len(requests)])
                answer = whole_answer(connection)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"the server answered {answer[:200]!r}")
                took.append(time.perf_counter() - start)
                at += count

    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def request_of(picture: bytes, port: int) -> bytes:
    """What a client sends, made beforehand: on a machine that they share, its work would count against the server."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: image/jpeg\r\n"
    return f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture


def whole_answer(connection: socket.socket) -> bytes:
    """An answer with its body, whose length its head tells."""
    got = b""
    while True:
        part = connection.recv(65536)
        if not part:
            raise SystemExit(f"the server hung up after {got[:200]!r}")
        got += part
        head, found, body = got.partition(b"\r\n\r\n")
        if found and len(body) >= int(re.search(rb"(?i)content-length: *(\d+)", head)[1]):
            return got


def load_from_outside(port: int, files: Sequence[Path], count: int, seconds: float) -> list[float]:
    """`clients` in a process of its own, so that clients and bare inference share no interpreter."""
    order = json.dumps({"port": port, "files": [str(path) for path in files], "count": count, "seconds": seconds})
    done = subprocess.run(
        [sys.executable, __file__, "--client", order], capture_output=True, text=True, check=True, env=os.environ
    )
    found: list[float] = json.loads(done.stdout)
    return found


def bare(bundle: Bundle, files: Sequence[Path], batch: int, seconds: float) -> list[float]:
    """Seconds of each batch: decode, then infer, in this thread."""
    pictures = [path.read_bytes() for path in files]
    took, at, end = [], 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        pixels = [bundle.prepare(pictures[(at + i) % len(pictures)]).pixels for i in range(batch)]
        bundle.infer(np.stack(pixels))
        took.append(time.perf_counter() - start)
        at += batch
    return took


def main() -> None:
    """Measure, and write the sheet."""
    if sys.argv[1:2] == ["--client"]:
        print(json.dumps(clients(**json.loads(sys.argv[2]))))
        return
    parser = options_of(__doc__, data=True)
    parser.add_argument("--model", type=Path, help="a bundle to serve (default: one trained on the data)")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="turns of server and bare")
    options = parser.parse_args()
    seconds, rounds = (0.5, 1) if options.tiny else (options.seconds, options.rounds)
    with tempfile.TemporaryDirectory() as work:
        scratch = Path(work)
        fresh_cache(scratch)
        data, called = data_or_demo(options.data, scratch)
        model = options.model or scratch / "model"
        if options.model is None:
            from petmood.config import run_settings
            from petmood.jobs.train import train

            train(data, model, "head", run_settings("quick"))
        files = sorted(path for path in data.rglob("*.jpg"))[:256]
        sheet = Sheet(
            "serving",
            "Serving a bundle",
            f"{rounds} turns of {seconds:g} s each, one JPEG of {called} a request over loopback.",
            options.tiny,
        )
        bundle = load(model)
        alone: list[float] = []
        bare_alone: list[float] = []
        busy: list[float] = []
        rates: list[float] = []
        bare_rates: list[float] = []
        with served(model) as port:
            load_from_outside(port, files, CLIENTS, seconds / 4)
            for _ in range(rounds):
                alone += load_from_outside(port, files, 1, seconds)
                bare_alone += bare(bundle, files, 1, seconds)
                took = load_from_outside(port, files, CLIENTS, seconds)
                rates.append(len(took) / seconds)
                busy += took
                batches = bare(bundle, files, CLIENTS, seconds)
                bare_rates.append(CLIENTS * len(batches) / sum(batches))
        rows = [
            ("served, 1 client", alone, f"{1 / statistics.mean(alone):.0f}"),
            ("bare, one at a time", bare_alone, f"{1 / statistics.mean(bare_alone):.0f}"),
            (f"served, {CLIENTS} clients", busy, f"{statistics.median(rates):.0f}"),
            (f"bare, batches of {CLIENTS}", [], f"{statistics.median(bare_rates):.0f}"),
        ]
        sheet.table(
            "",
            ("kind", "n", "pictures/s", "p50, ms", "p99, ms"),
            [(name, len(t) or "-", rate, *(percentiles(t) if t else ("-", "-"))) for name, t, rate in rows],
        )
        sheet.target(
            f"throughput at {CLIENTS} clients / bare",
            statistics.median(a / b for a, b in zip(rates, bare_rates, strict=True)),
            at_least=0.95,
        )
        sheet.target(
            "median latency at 1 client / bare", statistics.median(alone) / statistics.median(bare_alone), at_most=1.15
        )
        sheet.note("Clients, server and bare inference share the machine's cores; the clients' work counts against it.")
        sheet.finish(options.out)


def percentiles(seconds: Sequence[float]) -> tuple[str, str]:
    """The 50th and the 99th percentile in milliseconds."""
    return tuple(f"{1000 * value:.1f}" for value in np.percentile(seconds, (50, 99)))


if __name__ == "__main__":
    main()
