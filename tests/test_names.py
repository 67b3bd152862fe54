"""The public functions are not hidden by a package of their name, whatever was imported before."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

import petmood


@pytest.mark.parametrize("name", [name for name in petmood.__all__ if not name.startswith("_")])
def test_no_package_bears_the_name_of_a_public_function(name: str) -> None:
    assert callable(getattr(petmood, name))
    assert find_spec(f"petmood.{name}") is None


def test_no_two_modules_have_a_class_of_one_name() -> None:
    where: dict[str, set[str]] = {}
    sources = Path(petmood.__file__).parent
    for file in sources.rglob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, set()).add(file.relative_to(sources).as_posix())
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
