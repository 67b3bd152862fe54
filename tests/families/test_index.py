from __future__ import annotations

import numpy as np
import pytest

from petmood.families import index as module
from petmood.families.index import NearestIndex
from petmood.records import FloatArray


def drawn(n: int, seed: int, dim: int = 128) -> FloatArray:
    """Unit vectors in clumps, as features are, most of whose spread lies along a few directions."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(0).normal(size=(dim, dim)) * np.exp(-np.arange(dim) / 20)[:, None]
    centres = np.random.default_rng(1).normal(size=(n // 8 + 1, dim))
    vectors = (centres[rng.integers(0, len(centres), n)] + 0.5 * rng.normal(size=(n, dim))) @ axes
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def built(vectors: FloatArray, parts: int = 3) -> NearestIndex:
    made = NearestIndex(len(vectors), vectors.shape[1])
    for part in np.array_split(vectors, parts):
        made.add(part)
    return made


def test_among_few_the_nearest_are_exact() -> None:
    held, asked = drawn(900, 2), drawn(50, 3)
    rows, squared = built(held).nearest(asked, 5)
    true = ((asked[:, None] - held) ** 2).sum(axis=2)
    assert np.array_equal(rows, np.argsort(true, axis=1)[:, :5])
    assert np.allclose(squared, np.sort(true, axis=1)[:, :5], atol=1e-5)


def test_among_many_nearly_all_are_found_at_their_distance() -> None:
    held, asked = drawn(6_000, 2), drawn(300, 3)
    rows, squared = built(held).nearest(asked, 6)
    true = 2 - 2 * asked @ held.T
    nearest = np.argsort(true, axis=1)[:, :6]
    assert (nearest[:, :, None] == rows[:, None, :]).any(axis=2).mean() > 0.85
    assert np.abs(np.take_along_axis(true, rows, axis=1) - squared).max() < 0.05
    assert (np.diff(squared, axis=1) >= 0).all()
    assert all(len(set(row)) == 6 for row in rows.tolist())


@pytest.mark.parametrize("n", [3, 5_000])
def test_a_vector_finds_itself_whatever_the_number_of_threads(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    held = drawn(n, 4)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(module, "cores", lambda threads=threads: threads)
        found.append(built(held).nearest(held, 2))
    assert (found[0][0][:, 0] == np.arange(n)).mean() > 0.99
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])


def test_fewer_than_asked_for_are_filled_up() -> None:
    empty = NearestIndex(5_000, 128)
    rows, squared = empty.nearest(drawn(4, 5), 3)
    assert (rows == -1).all()
    assert np.isinf(squared).all()
    rows, squared = built(drawn(2, 6), 1).nearest(drawn(4, 5), 3)
    assert (rows[:, :2] >= 0).all()
    assert (rows[:, 2] == -1).all()
    assert np.isinf(squared[:, 2]).all()


def test_equal_vectors_fill_one_list_and_are_found() -> None:
    held = np.repeat(drawn(1, 7), 5_000, axis=0)
    rows, squared = built(held).nearest(held[:3], 4)
    assert all(len(set(row)) == 4 for row in rows.tolist())
    assert squared.max() < 0.01
