"""Pictures without a pet, which each training looks at, are drawn once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from petmood.build import pet_rule


@pytest.fixture(scope="package", autouse=True)
def drawn_once() -> Iterator[None]:
    """The same seed draws the same pictures: drawing them takes longer than all else of a training on tiny networks."""
    draw = pet_rule.drawn_pixels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pet_rule, "drawn_pixels", cache(lambda size: tuple(draw(size))))
        yield
