"""The public functions are not hidden by a package of their name, whatever was imported before."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import petmood


@pytest.mark.parametrize("name", [name for name in petmood.__all__ if not name.startswith("_")])
def test_no_package_bears_the_name_of_a_public_function(name: str) -> None:
    assert callable(getattr(petmood, name))
    assert find_spec(f"petmood.{name}") is None
