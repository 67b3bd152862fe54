"""Packages that not everybody installs: imported by the first test that uses one, not by all that collect."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest


class _Late:
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # asked by pytest, of all that a file has
            raise AttributeError(attribute)
        return getattr(pytest.importorskip(self._name), attribute)


def needs(name: str) -> Any:
    """The module of a package; where it is not installed, the tests of the file that calls this are skipped."""
    if find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)
    return _Late(name)
