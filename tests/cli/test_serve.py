from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from bundle_fixtures import Trained
from needs import needs

needs("fastapi")


def start(*args: object) -> subprocess.Popen[str]:
    code = "from petmood.cli.main import run; run()"
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, "serve", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_the_command_serves_until_it_is_told_to_stop(trained: Trained) -> None:
    picture = (trained.data / trained.manifest.records[0].path).read_bytes()
    with start(trained.path, "--port", "0", "--host", "0.0.0.0") as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r":(\d+)/", line)
        assert found, line
        url = f"http://127.0.0.1:{found[1]}"
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(transport=transport, timeout=60) as client:
            sent = client.post(f"{url}/v1/predict", content=picture, headers={"Content-Type": "image/jpeg"})
        assert sent.status_code == 200
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    lines = [json.loads(line) for line in errors.splitlines()]  # the web server's own among them
    assert lines[0]["level"] == "warning"
    assert lines[0]["event"].startswith("listening on 0.0.0.0: anyone who can reach this machine")
    assert '"event": "request", "method": "POST", "path": "/v1/predict", "status": 200' in errors
    assert "Traceback" not in errors
    assert server.returncode == 0


def test_a_missing_bundle_is_one_line(tmp_path: Path) -> None:
    with start(tmp_path / "nowhere") as server:
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 2
    assert len([line for line in errors.splitlines() if line]) == 1


def test_without_the_extra_it_is_named(trained: Trained, tmp_path: Path) -> None:
    # a package of that name that cannot be found any more: what a plain installation looks like
    absent = "import sys; sys.modules['uvicorn'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(absent)
    code = "import sitecustomize; from petmood.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(trained.path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert done.returncode == 2
    assert "Serving a bundle needs the package 'uvicorn'" in done.stderr
    assert "[web]" in done.stderr
    assert "Traceback" not in done.stderr
