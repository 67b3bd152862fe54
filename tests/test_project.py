"""The repository's own promises: what may stand in its files, what its modules look like, what it depends on."""

from __future__ import annotations

import ast
import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import petmood
from conftest import LONGEST
from petmood.errors import TORCH

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "petmood"
MODULES = sorted(SOURCE.rglob("*.py"))

# Home folders and mount points of somebody's machine; a path in a URL is none.
MACHINE_PATH = re.compile(r"(?<![\w./:~-])/(?:home|root|Users|work|workspace|opt|mnt|srv)/[\w.-]+")
# Where packages come from is the business of the machine that installs them.
REGISTRY = re.compile(
    r"https?://[^\s/\"']*(?:pypi|pythonhosted|npmjs|debian)|--(?:extra-)?index-url|--find-links|--trusted-host"
)

# The heavy packages that the command line must not load to say what it can do.
HEAVY = {
    "cv2",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "polars",
    "pyarrow",
    "ray",
    "scipy",
    "sklearn",
    "statsmodels",
    "torch",
    "transformers",
}

# Packages whose import name is not their own.
IMPORT_NAMES = {
    "mlflow-skinny": "mlflow",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}

# Packages that another one imports on petmood's behalf: Starlette reads no form without python-multipart, and uvicorn
# takes httptools and uvloop where it finds them.
IMPORTED_BY_OTHERS = {"python_multipart", "httptools", "uvloop"}


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(*extras: str) -> list[Requirement]:
    """What the core and some extras ask for."""
    table = project()["project"]
    named = [*table["dependencies"], *(line for e in extras for line in table["optional-dependencies"][e])]
    return [Requirement(line) for line in named]


def repository_files() -> list[Path]:
    """Every file of ours that is, or is about to be, in the repository; but for this one, which names what it bans."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    names = listing.stdout.decode("utf-8").split("\0")
    paths = [REPOSITORY / name for name in names if name]
    # minified code of others is no text of ours
    return [p for p in paths if p.is_file() and p != Path(__file__).resolve() and not p.name.endswith(".min.mjs")]


def offending_lines(paths: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}")
    return found


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of the modules that a module imports, at its top or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def computed_names(tree: ast.AST) -> Iterator[str]:
    """Patterns of module names that are put together at run time: `f"part{n}_model"` gives `part*_model`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pattern = "".join(str(v.value) if isinstance(v, ast.Constant) else "*" for v in node.values)
            if re.fullmatch(r"[a-z]\w*\*_\w+", pattern):
                yield pattern


def dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (MACHINE_PATH, "cd /home/ada/petmood", True),
        (MACHINE_PATH, "see https://example.org/home/petmood", False),
        (MACHINE_PATH, "for work/home balance", False),
        (REGISTRY, "pip install --index-url x", True),
        (REGISTRY, "https://a.pythonhosted.example/b", True),
        (REGISTRY, "apt-get install chromium", False),
    ],
)
def test_the_hygiene_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str, expected: bool) -> None:
    assert bool(pattern.search(text)) is expected


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git checkout")
@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "registry"])
def test_no_file_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    assert offending_lines(repository_files(), pattern) == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(REPOSITORY)) for path in MODULES if not (ast.get_docstring(syntax(path)) or "").strip()
    ]
    assert silent == []


def test_the_files_that_are_begun_first_are_there() -> None:
    assert [name for name in LONGEST if not (REPOSITORY / name).is_file()] == []


def test_nothing_is_pickled() -> None:
    banned_modules = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
    banned_calls = {"torch.save", "torch.load", "np.load"}
    safe_keywords = {("weights_only", True), ("allow_pickle", False)}
    found = []
    for path in MODULES:
        tree, name = syntax(path), path.relative_to(REPOSITORY)
        found += [f"{name}: import {m}" for m in imported(tree) if m.partition(".")[0] in banned_modules]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and dotted(node.func) in banned_calls:
                said = {(k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
                if not said & safe_keywords:
                    found.append(f"{name}:{node.lineno}: {dotted(node.func)}")
    assert found == []


def test_help_loads_no_heavy_package() -> None:
    program = (
        "import sys\n"
        "from petmood.cli.main import run\n"
        "sys.argv = ['petmood', '--help']\n"
        "try:\n"
        "    run()\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
    )
    assert done.returncode == 0, done.stderr
    help_text, _, loaded = done.stdout.rpartition("LOADED")
    assert "run" in help_text
    assert "petmood" in loaded.split()
    # numpy alone doubles the time until the help stands
    assert (HEAVY | {"numpy", "pydantic"}) & set(loaded.split()) == set()


def test_the_version_is_that_of_the_installed_package_and_none_in_the_changelog_is_newer() -> None:
    try:
        expected = metadata.version("petmood")
    except metadata.PackageNotFoundError:
        expected = "0.0.0+source"
    assert petmood.__version__ == expected
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^]]+)\]", changes, re.M)
    assert headings[0] == "Unreleased"
    assert all(len(part.splitlines()) < 120 for part in re.split(r"^## ", changes, flags=re.M)), (
        "short: what users notice"
    )
    released = [Version(heading) for heading in headings[1:]]
    assert released == sorted(released, reverse=True)


def test_constraints_pin_every_direct_dependency_within_its_bounds() -> None:
    lines = (REPOSITORY / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
    assert all(len(pin.specifier) == 1 and str(pin.specifier).startswith("==") for pin in pins)
    assert all(Version(version).local is None for version in versions.values())
    for wanted in [
        *requirements("train", "backbones", "hub", "labels", "data", "tables", "scale", "web", "dev"),
        *map(Requirement, project()["build-system"]["requires"]),
    ]:
        version = versions.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} has no pin"
        assert wanted.specifier.contains(version), f"{wanted} does not admit its pin {version}"


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    trees = [syntax(path) for path in MODULES]
    used = {name.partition(".")[0] for tree in trees for name in imported(tree)}
    third_party = used - set(sys.stdlib_module_names) - {"petmood"}
    declared = {
        IMPORT_NAMES.get(r.name, r.name.replace("-", "_"))
        for r in requirements("train", "backbones", "hub", "labels", "data", "tables", "scale", "tracking", "web")
    }
    assert sorted(third_party - declared) == [], "imported, but not declared in pyproject.toml"
    patterns = [pattern for tree in trees for pattern in computed_names(tree)]
    computed = {name for name in declared if any(fnmatchcase(name, pattern) for pattern in patterns)}
    assert sorted(declared - third_party - computed - IMPORTED_BY_OTHERS) == [], (
        "declared in pyproject.toml, but never imported"
    )


def test_make_help_lists_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.+)$", makefile, re.M)[1].split())  # type: ignore[index]
    shown = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert targets == {line.split()[1] for line in shown.splitlines() if line.startswith("make ")}


def planned(target: str, venv: Path) -> list[str]:
    """The lines of `make TARGET` that install something, on a machine without an environment yet."""
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", f"PYTHON={sys.executable}", f"VENV={venv}", target],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if "pip install" in line and "--upgrade pip" not in line]
    return list(dict.fromkeys(lines))  # a make within make tells again what the one around it did


def test_make_demo_installs_the_core_and_torch_and_make_test_the_rest(tmp_path: Path) -> None:
    pins = f"-c {Path('requirements') / 'constraints.txt'}"
    core, torch = planned("demo", tmp_path / "venv")
    assert torch.endswith(f"{pins} {TORCH}")
    assert core.endswith(" -e .")
    assert pins in core
    *before, beside, all_of_them = planned("test", tmp_path / "venv")
    assert before == [core, torch]
    optional = project()["project"]["optional-dependencies"]
    assert named_extras(all_of_them) == set(optional)
    assert not {r.name for name in named_extras(beside) for r in requirements(name)} & {"torch", "transformers"}
    assert pins in beside
    assert pins in all_of_them


def named_extras(line: str) -> set[str]:
    found = re.search(r"-e '\.\[(.+)\]'$", line)
    assert found, line
    return set(found[1].split(","))


def test_make_refuses_an_old_python_with_a_clear_line(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo Python 3.9.1; exit 0; }\nexit 1\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "venv"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "petmood needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.1" in done.stderr
    assert not (tmp_path / "venv").exists()
