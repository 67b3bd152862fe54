from __future__ import annotations

import numpy as np
import pytest

from petmood.errors import DataError, ModelError
from petmood.training.baseline import ThumbnailNeighbour


def thumbnails(n: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, 8 * 8 * 3)).astype(np.float32)


def test_it_knows_a_picture_again_brighter_and_in_the_mirror() -> None:
    seen = thumbnails(20)
    names = np.array([f"c{i % 4}" for i in range(20)])
    model = ThumbnailNeighbour().fit(seen, names)
    mirrored = seen.reshape(20, 8, 8, 3)[:, :, ::-1].reshape(20, -1)
    for again in (seen, 0.5 * seen + 0.2, mirrored):
        found = model.predict_proba(again)
        assert np.array_equal(model.classes_[found.argmax(axis=1)], names)
        assert np.array_equal(found.sum(axis=1), np.ones(20))


def test_a_flat_picture_is_no_error() -> None:
    model = ThumbnailNeighbour().fit(thumbnails(4), np.array(["a", "b", "a", "b"]))
    assert np.isfinite(model.predict_proba(np.zeros((1, 192), dtype=np.float32))).all()


def test_what_is_no_thumbnail_is_refused() -> None:
    with pytest.raises(DataError, match="square RGB"):
        ThumbnailNeighbour().fit(np.ones((2, 5)), np.array(["a", "b"]))
    with pytest.raises(ModelError, match="Call fit first"):
        ThumbnailNeighbour().predict_proba(thumbnails(1))
