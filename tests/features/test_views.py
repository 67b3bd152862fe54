"""Views do what their names say: mirrors, sizes, crops and poolings, cached by content."""

from __future__ import annotations

import numpy as np
import pytest

from petmood.errors import ConfigError
from petmood.features.views import POOLINGS, View, pool_map


def local_map() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, 60, 7, 7)).astype(np.float32)


def test_maximum_and_spread_are_over_places() -> None:
    found = local_map()
    np.testing.assert_allclose(pool_map(found, "max"), found.max(axis=(2, 3)))
    np.testing.assert_allclose(pool_map(found, "spread"), found.std(axis=(2, 3)), rtol=1e-5)


def test_parts_keep_places_and_cover_the_map() -> None:
    found = np.zeros((1, 60, 7, 7), dtype=np.float32)
    found[0, 5, 0, 0] = 16.0
    parts = pool_map(found, "parts").reshape(9, 60)
    assert parts[0, 5] == 1.0  # the mean over 4 by 4 places
    assert parts[8].sum() == 0
    for row in range(7):
        for column in range(7):
            one = np.zeros((1, 60, 7, 7), dtype=np.float32)
            one[0, 0, row, column] = 1.0
            assert pool_map(one, "parts").sum() > 0


def test_second_order_sees_how_channels_go_together_and_not_where() -> None:
    found = local_map()
    moved = found[:, :, ::-1, ::-1].copy()
    np.testing.assert_allclose(pool_map(found, "second-order"), pool_map(moved, "second-order"), atol=1e-5)
    # the same values of each channel at places of its own: means and spreads stay, covariances do not
    shuffled = found.copy().reshape(2, 60, 49)
    rng = np.random.default_rng(1)
    for channel in range(60):
        shuffled[:, channel] = shuffled[:, channel, rng.permutation(49)]
    assert np.abs(pool_map(found, "second-order") - pool_map(shuffled.reshape(2, 60, 7, 7), "second-order")).max() > 0.1


def test_names_tell_views_apart() -> None:
    views = {
        View("b", pooling, size, mirror)
        for pooling in POOLINGS
        for size in (None, 288)
        for mirror in ("none", "average")
    }
    assert len({view.name for view in views}) == len(views)


@pytest.mark.parametrize("wrong", [{"pooling": "median"}, {"mirror": "twice"}, {"crop": 0.0}])
def test_what_is_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        View("b", **wrong)  # type: ignore[arg-type]
