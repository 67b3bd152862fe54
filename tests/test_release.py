"""What is handed to others: versions from tags, archives that are the same when built again, a container, forms."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")

checkout = pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git checkout")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints, without anything that tells it where the repository is."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GIT_", "SETUPTOOLS_SCM"))}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "no version found" not in done.stderr, done.stderr
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the files that git knows or is about to know, without git."""
    names = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=REPOSITORY).split("\0")
    for name in names:
        if name and (REPOSITORY / name).is_file():
            target = tmp_path / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)
    return tmp_path / "source"


def version(folder: Path) -> str:
    return run(sys.executable, "-m", "hatchling", "version", cwd=folder)


def commit(folder: Path) -> None:
    run(*GIT, "add", "-A", cwd=folder)
    run(*GIT, "commit", "-q", "-m", "x", "--allow-empty", cwd=folder)


@checkout
def test_the_version_is_that_of_the_newest_tag(source: Path, tmp_path: Path) -> None:
    assert version(source) == "0.1.0.dev0"  # a bare copy
    run("git", "init", "-q", cwd=source)
    commit(source)
    assert re.fullmatch(r"0\.1\.0\.dev\d+\+g[0-9a-f]+", version(source))  # a clone without tags
    run("git", "tag", "v0.3.0", cwd=source)
    run("git", "tag", "ready-for-lunch", cwd=source)  # no version
    assert version(source) == "0.3.0"
    (tmp_path / "archive").mkdir()
    run("git", "archive", "-o", tmp_path / "archive.tar", "HEAD", cwd=source)
    commit(source)
    assert re.fullmatch(r"0\.3\.1\.dev1\+g[0-9a-f]+", version(source))
    with tarfile.open(tmp_path / "archive.tar") as archive:
        archive.extractall(tmp_path / "archive", filter="data")
    assert version(tmp_path / "archive") == "0.3.0"  # what a forge offers to download


@checkout
@pytest.mark.slow
def test_archives_built_twice_are_the_same_and_one_makes_the_other(source: Path, tmp_path: Path) -> None:
    run("git", "init", "-q", cwd=source)
    commit(source)
    run("git", "tag", "v0.3.0", cwd=source)
    for name in ("a", "b"):
        build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / name)
        run(*build, cwd=source, SOURCE_DATE_EPOCH="1700000000")
    built = sorted((tmp_path / "a").iterdir())
    assert [path.name for path in built] == ["petmood-0.3.0-py3-none-any.whl", "petmood-0.3.0.tar.gz"]
    for path in built:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    # `build` makes the wheel from the source archive, which has no git: what tests need is in there, too
    with tarfile.open(built[1]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "docs/figures.json", ".github/workflows/ci.yml", ".dockerignore", "LICENSE"} <= inside
    with zipfile.ZipFile(built[0]) as wheel:
        (metadata,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
        assert "Version: 0.3.0" in wheel.read(metadata).decode()


OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_COMPILE": "1"}
"""pip takes the project alone, built by the tools that are installed here; see `others`."""


def others(environment: Path) -> None:
    """Let a new environment import what it would have fetched."""
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


@checkout
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="types the lines for Linux and macOS")
def test_the_lines_of_the_install_page_install_a_shallow_clone_without_tags(source: Path, tmp_path: Path) -> None:
    run("git", "init", "-q", cwd=source)
    commit(source)
    run("git", "clone", "-q", "--depth", "1", "--no-tags", source.as_uri(), tmp_path / "clone", cwd=tmp_path)
    page = (source / "docs" / "install.md").read_text(encoding="utf-8")
    block = re.search(r"^```console\n(.+?)^```", page, re.M | re.S)
    assert block is not None
    first, *rest = (line.removeprefix("$ ") for line in block[1].splitlines())
    run("sh", "-ec", first.replace("python3", shlex.quote(sys.executable)), cwd=tmp_path / "clone")
    others(tmp_path / "clone" / ".venv")
    said = run("sh", "-ec", "\n".join(rest), cwd=tmp_path / "clone", **OFFLINE)
    assert re.search(r"petmood\W+0\.1\.0\.dev1\+g[0-9a-f]+", said)
    place = run(".venv/bin/python", "-c", "import petmood; print(petmood.__file__)", cwd=tmp_path / "clone")
    assert Path(place).is_relative_to(tmp_path / "clone" / ".venv")


def test_what_the_gate_checks_is_what_commits_and_pushes_check() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    stages = re.search(r"^check:.*\n\t@for stage in (.+?); do", makefile, re.M)
    assert stages is not None
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["entry"] for repo in hooks for hook in repo["hooks"]] == [f"make {s}" for s in stages[1].split()]
    assert "make check" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_the_matrix_names_the_pythons_that_the_package_names() -> None:
    job = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["check"]
    said = [c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"]]
    assert job["strategy"]["matrix"]["python"] == [v for v in said if re.fullmatch(r"3\.\d+", v)]
    assert PROJECT["project"]["requires-python"] == f">={job['strategy']['matrix']['python'][0]}"
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == "make check"


def test_issue_templates_are_forms() -> None:
    forms = sorted((REPOSITORY / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert len(forms) == 3
    for form in forms:
        facts = yaml.safe_load(form.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(facts), form.name
        ids = [part["id"] for part in facts["body"]]
        assert len(set(ids)) == len(ids) > 0


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions, one a line, since none of them is continued."""
    for line in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def context(root: Path) -> Path:
    """What an engine would be sent: the files that .dockerignore lets through."""
    wanted = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in (line[1:] for line in wanted if line.startswith("!")):
        source, target = REPOSITORY / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return root


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="runs the steps of a Linux image")
def test_the_dockerfile_s_steps_make_a_server_that_answers(tmp_path: Path) -> None:
    """Each step in a folder that stands for the root, offline: what it would fetch are the packages installed here."""
    root, given = tmp_path / "root", context(tmp_path / "context")
    root.mkdir()
    state: dict[str, str] = {}
    work, user, start, check = root, "", [], []

    def inside(text: str) -> str:
        """Absolute paths of the image, and its variables, as they are here."""
        for name, value in state.items():
            text = text.replace(f"${name}", value)
        return re.sub(r"(?<![\w.:/*])/(?=(venv|source|data|var)\b)", f"{root}/", text)

    for word, rest in instructions():
        if word == "FROM":
            assert re.fullmatch(r"python:3\.\d+-slim( AS \w+)?", rest)
            assert user == ""
        elif word in ("ARG", "ENV"):
            name, _, value = rest.partition("=")
            state[name] = inside(value.replace("$PATH", os.environ["PATH"]))
        elif word == "WORKDIR":
            work = Path(inside(rest))
            work.mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            *sources, target = rest.split()
            if sources[0].startswith("--from="):
                assert Path(inside(sources[1])).exists()  # the second stage shares this root with the first
                continue
            for name in sources:
                assert (given / name).exists(), f"COPY {name}: not in the context"
                place = work / target / Path(name).name if target.endswith("/") else work / target
                place.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (given / name).is_dir() else shutil.copy)(given / name, place)
        elif word == "RUN":
            command = inside(rest).replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv", 1)
            run("sh", "-ec", command, cwd=work, **state, **OFFLINE)
            if "-m venv" in rest:
                others(root / "venv")
        elif word == "USER":
            user = rest
        elif word == "HEALTHCHECK":
            check = yaml.safe_load(rest.removeprefix("CMD "))
        elif word in ("ENTRYPOINT", "CMD"):
            start += yaml.safe_load(rest)
        else:
            assert word == "EXPOSE", f"this test does not know {word}"

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a user by number, and not the superuser"
    port = free_port()
    assert start[start.index("--port") + 1] == "8000"
    start[start.index("--port") + 1] = str(port)
    program = run(root / "venv/bin/python", "-c", "import petmood; print(petmood.__file__)", cwd=root)
    assert Path(program).is_relative_to(root), "the image's own petmood, not that of this machine"
    there = {**os.environ, **state, "PYTHONPATH": ""}
    with subprocess.Popen(start, cwd=work, env=there, stderr=subprocess.PIPE) as server:
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    assert server.poll() is None, server.stderr and server.stderr.read().decode()
                    time.sleep(0.1)
            asked = [part.replace("8000", str(port)) for part in check]
            run(root / "venv/bin" / asked[0], *asked[1:], cwd=work)
        finally:
            server.terminate()
            server.communicate(timeout=30)
