"""The functions of the package stay callable whatever of its packages was imported before."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import petmood
from petmood.errors import PetmoodError


@pytest.mark.parametrize("name", ["audit", "evaluate", "train"])
def test_a_function_is_not_hidden_by_the_package_of_its_name(name: str, tmp_path: Path) -> None:
    package = import_module(f"petmood.{name}")
    absent = tmp_path / "absent"
    arguments = {"audit": (absent,), "evaluate": (None, absent), "train": (absent, tmp_path / "model")}[name]
    for _ in range(2):
        with pytest.raises(PetmoodError):
            getattr(petmood, name)(*arguments)
    assert import_module(f"petmood.{name}") is package
