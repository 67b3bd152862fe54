"""A hub of models on this machine: the few requests by which its library makes, fills, lists and reads a repository."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub(ThreadingHTTPServer):
    """Repositories by name, each its files by name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def hub() -> Iterator[Hub]:
    made = Hub()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()


def commit_of(files: dict[str, bytes]) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for name in sorted(files):
        digest.update(name.encode() + files[name])
    return digest.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class _Requests(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, value: Any, code: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _missing(self) -> None:
        self._answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.add(self.headers.get("Authorization"))
        path = self.path.split("?")[0]
        if path == "/api/repos/create":
            asked = json.loads(raw)
            name = "/".join(part for part in (asked.get("organization"), asked["name"]) if part)
            self.server.repositories.setdefault(name, {})
            if asked.get("private") or asked.get("visibility") == "private":
                self.server.private.add(name)
            self._answer({"url": f"{self.server.address}/{name}"})
            return
        if path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
            return
        owner, model, action = path.removeprefix("/api/models/").split("/")[:3]
        name = f"{owner}/{model}"
        files = self.server.repositories.get(name)
        if files is None:
            self._missing()
        elif action == "preupload":
            asked = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(raw)["files"]
            ]
            self._answer({"files": asked})
        elif action == "commit":
            for line in raw.splitlines():
                said = json.loads(line)
                if said["key"] == "file":
                    files[said["value"]["path"]] = base64.b64decode(said["value"]["content"])
            commit = commit_of(files)
            self._answer({"commitOid": commit, "commitUrl": f"{self.server.address}/{name}/commit/{commit}"})
        else:
            self._answer({}, 404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        parts = path.removeprefix("/api/models/").strip("/").split("/")
        name = "/".join(parts[:2])
        files = self.server.repositories.get(name)
        if files is None:
            self._missing()
            return
        commit = commit_of(files)
        if path.startswith("/api/models/") and len(parts) > 2 and parts[2] == "tree":
            self._answer(
                [
                    {"type": "file", "path": n, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                    for n, d in files.items()
                ]
            )
        elif path.startswith("/api/models/"):
            listed = [{"rfilename": file} for file in files]
            self._answer({"id": name, "modelId": name, "sha": commit, "siblings": listed, "private": False, "tags": []})
        elif parts[2] == "resolve" and (found := files.get("/".join(parts[4:]))) is not None:
            self._answer(found, ETag=f'"{_digest(found)}"', X_Repo_Commit=commit)
        else:
            self._answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
