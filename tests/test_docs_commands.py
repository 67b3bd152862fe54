"""What README and docs tell to type is typed: every command of every page exists, and those of the doors are run."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from command import Petmood
from drawing import photo
from fresh import environment

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [
    ROOT / "README.md",
    *(page for room in ("start", "tutorials") for page in sorted((ROOT / "docs" / room).glob("*.md"))),
]


class Block(NamedTuple):
    """A block of code: its language, its title if it has one, its text."""

    language: str
    title: str
    text: str


class Step(NamedTuple):
    """A command of a console block, and the lines that the page shows below it."""

    command: str
    shown: str


def blocks(page: Path) -> Iterator[Block]:
    found = re.finditer(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', page.read_text(encoding="utf-8"), re.M | re.S)
    yield from (Block(one[1], one[2] or "", one[3]) for one in found)


def steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        yield Step(command.partition("  #")[0].strip(), shown.strip())


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def alike(shown: str, printed: str) -> bool:
    """Whether what a page shows was printed, wherever lines break; `...` stands for anything."""
    parts = [re.escape(" ".join(part.split())).replace(r"\ ", " ") for part in shown.split("...")]
    return re.search(".*?".join(parts), " ".join(printed.split())) is not None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    from typer.main import get_command

    from petmood.cli.main import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    for block in blocks(page):
        for step in steps(block.text) if block.language == "console" else ():
            assert not re.search(r"pip install\b.*\bpetmood\b", step.command), "petmood is installed from its sources"
            words = shlex.split(step.command.replace("[", " ").replace("]", " "))
            words = words[next((i for i, w in enumerate(words) if w.endswith("petmood")), len(words)) + 1 :]
            if not words or words[0].startswith("-") or words[0] == "COMMAND" or "docker" in step.command:
                continue
            assert words[0] in commands, step.command
            command = commands[words[0]]
            if hasattr(command, "commands"):
                assert words[1] in command.commands, step.command
                command = command.commands[words[1]]
            known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert given <= known, step.command


FAQ = [step for block in blocks(ROOT / "docs/faq.md") if block.language == "console" for step in steps(block.text)]


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the FAQ's commands stumble over."""
    root = tmp_path_factory.mktemp("trouble")

    def put(folder: str, label: str, count: int, prefix: str = "") -> None:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            photo(i + 100 * len(label)).save(root / folder / f"{prefix}{i}.jpg", quality=95)

    for label in ("happy", "Sad"):
        for batch in ("batch_a", "batch_b"):
            put(f"batches/{batch}/{label}", label, 6)
        put(f"leaky/train/{label}", label, 8)
        put(f"leaky/test/{label}", label, 3, "x")
        put(f"few/{label}", label, 2)
    put("one/happy", "happy", 5)
    put("loose", "happy", 6)
    photo(0).save(root / "photo.jpg")
    (root / "notes").mkdir()
    (root / "notes" / "a.txt").write_text("no picture")
    (root / "mine").mkdir()
    (root / "mine" / "thesis.txt").write_text("three years of work")
    (root / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (root / "labels.csv").write_text("path,label\ntrain/happy/nosuch.jpg,Sad\n")
    return root


@pytest.mark.parametrize("step", FAQ, ids=lambda step: step.command)
def test_messages_of_the_faq_are_those_of_the_command(
    step: Step, trouble: Path, petmood: Petmood, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petmood import errors

    monkeypatch.chdir(trouble)
    if "is not installed" in step.shown:
        there = errors.is_there
        monkeypatch.setattr(errors, "is_there", lambda package: package != "cleanlab" and there(package))
    if "hf:" in step.command:
        pytest.importorskip("huggingface_hub")

        def refuse(*_: object, **__: object) -> None:
            raise ConnectionError("no network in this test")

        monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    done = petmood(*shlex.split(step.command)[1:])
    assert done.returncode == 2
    assert alike(step.shown, done.stdout + done.stderr), done.stdout + done.stderr
    assert (trouble / "mine" / "thesis.txt").exists()
    assert not (trouble / "out").exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment: the core, with the extras that the doors name."""
    return environment(tmp_path_factory.mktemp("fresh"), ROOT, "web", "labels", loopback=True)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled faces that are in no other set."""
    from petmood.demo import write_demo

    out = tmp_path_factory.mktemp("others")
    write_demo(out, seed=7, size=160, photos_per_class={"Angry": 8, "happy": 8, "Other": 8, "Sad": 8})
    return out / "data"


@pytest.fixture
def desk(fresh: Path, demo_data: Path, others: Path, tmp_path: Path) -> Path:
    """A folder with what the pages take for granted: photos, one more photo, others' photos, somebody's predictions."""
    shutil.copytree(demo_data, tmp_path / "photos")
    shutil.copytree(others, tmp_path / "others")
    shutil.copy(sorted((demo_data / "test" / "happy").glob("*.jpg"))[0], tmp_path / "photo.jpg")
    (tmp_path / ".venv").symlink_to(fresh.parents[1])
    judged = sorted((demo_data / "test").rglob("*.jpg"))
    with (tmp_path / "preds.csv").open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["path", "label"])
        rows.writerows([file.relative_to(demo_data).as_posix(), "happy"] for file in judged)
    (tmp_path / "train.txt").write_text("train\n")
    wrong = sorted((demo_data / "train" / "Sad").glob("[0-9]*.jpg"))[0].relative_to(demo_data).as_posix()
    (tmp_path / "labels.csv").write_text(f"path,label\n{wrong},Angry\n")
    return tmp_path


class Shell:
    """Types the commands of a page, in one folder of one environment; servers run on until the page ends."""

    def __init__(self, python: Path, desk: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PETMOOD"))}
        cache = python.parents[2] / "cache"
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        self.there = {**kept, "PATH": path, "PETMOOD_CACHE": str(cache), "COLUMNS": "200", "BROWSER": "true"}
        self.python, self.desk, self.port = python, desk, 0
        self.server: subprocess.Popen[bytes] | None = None

    def type(self, step: Step) -> None:
        command = step.command
        if command.startswith(("docker ", "pip install")):
            return  # tests/test_release.py has both
        if command.startswith("make "):
            for stamp in ("installed-core", "installed-torch", "installed"):
                (self.python.parents[1] / stamp).touch()  # installing needs a network
            command += f" -C {shlex.quote(str(ROOT))} VENV={self.python.parents[1]} BUILD={self.desk / 'build'}"
        if re.match(r"petmood (serve|review)\b(?!.*--(json|consensus))", command):
            self.serve(command)
            return
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        done = subprocess.run(
            command, shell=True, cwd=self.desk, env=self.there, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"$ {command}\n{said[-3000:]}"
        assert "Traceback" not in said
        assert alike(step.shown, said), said

    def serve(self, command: str) -> None:
        self.close()
        self.port = free_port()
        words = [*shlex.split(command), "--port", str(self.port)]
        self.server = subprocess.Popen(words, cwd=self.desk, env=self.there, stderr=subprocess.PIPE)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
                    assert answer.status == 200
                    return
            except (urllib.error.URLError, ConnectionError):
                assert self.server.poll() is None, self.server.stderr and self.server.stderr.read().decode()
                time.sleep(0.1)
        pytest.fail(f"no answer after a minute: {command}")

    def run(self, block: Block) -> None:
        if block.language == "console":
            for step in steps(block.text):
                self.type(step)
        elif block.language == "python":
            done = subprocess.run(
                [self.python, "-c", block.text],
                cwd=self.desk,
                env=self.there,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        elif block.title:
            (self.desk / block.title).write_text(block.text, encoding="utf-8")

    def close(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            self.server.communicate(timeout=30)
            self.server = None


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform == "win32", reason="types the lines for Linux and macOS")
@pytest.mark.parametrize("page", RUN, ids=name)
def test_what_a_door_tells_to_type_works_in_a_fresh_environment(page: Path, fresh: Path, desk: Path) -> None:
    shell = Shell(fresh, desk)
    found = list(blocks(page))
    assert any(block.language == "console" for block in found)
    try:
        for block in found:
            shell.run(block)
    finally:
        shell.close()


@pytest.mark.parametrize("page", RUN[: 1 + len(list((ROOT / "docs/start").glob("*.md")))], ids=name)
def test_readme_and_doors_are_at_most_two_screens_and_doors_end_at_their_goal(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    if page.parent.name == "start":
        assert "**You are there" in text
