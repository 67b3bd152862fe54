"""A fresh environment without a network: petmood's own wheel, and links to the packages that it asks for, no others."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NO_NETWORK = """
import socket


def here(address):
    return not isinstance(address, tuple) or str(address[0]).startswith("127.") or address[0] in ("localhost", "::1")


def only_here(plain):
    def connect(self, address):
        if here(address) and {loopback}:
            return plain(self, address)
        raise OSError("no network in this test")

    return connect


def refuse(*args, **kwargs):
    raise OSError("no network in this test")


socket.socket.connect, socket.socket.connect_ex = map(only_here, (socket.socket.connect, socket.socket.connect_ex))
if not {loopback}:
    socket.getaddrinfo = socket.create_connection = refuse
"""
"""Put into the environment as sitecustomize, which Python imports before anything else."""


def needed(lines: list[str], extras: tuple[str, ...]) -> Iterator[metadata.Distribution]:
    """The installed packages that these requirements ask for, and what those ask for; each once."""
    todo = [(Requirement(line), extras) for line in lines]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while todo:
        wanted, given = todo.pop()
        name = canonicalize_name(wanted.name)
        asked = tuple(sorted(wanted.extras))
        if (name, asked) in seen:
            continue
        if wanted.marker is not None and not any(wanted.marker.evaluate({"extra": e}) for e in ("", *given)):
            continue
        seen.add((name, asked))
        found = metadata.distribution(wanted.name)
        assert wanted.specifier.contains(found.version, prereleases=True)
        yield found
        todo += [(Requirement(line), asked) for line in found.requires or ()]


def environment(root: Path, repository: Path, *extras: str, loopback: bool = False) -> Path:
    """The interpreter of an environment with petmood and some of its extras; `bin` beside it has the command."""
    (built,) = WheelBuilder(str(repository)).build(directory=str(root), versions=["standard"])
    venv.create(root / "venv", with_pip=False, symlinks=True)
    (site,) = (root / "venv" / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    (info,) = site.glob("petmood-*.dist-info")
    for package in needed(list(metadata.Distribution.at(info).requires or ()), extras):
        for file in package.files or ():
            top = site / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__", "bin") and not top.exists():
                top.symlink_to(Path(str(package.locate_file(file.parts[0]))).resolve())
    (site / "sitecustomize.py").write_text(NO_NETWORK.format(loopback=loopback))
    python = root / "venv" / "bin" / "python"
    command = python.with_name("petmood")
    command.write_text(f"#!{python}\nimport sys\nfrom petmood.__main__ import main\nsys.exit(main())\n")
    command.chmod(0o755)
    done = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=True)
    assert done.stdout.split() == [b"%d" % n for n in sys.version_info[:2]]
    return python
