from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from drawing import photo
from petmood.families import index as module
from petmood.families.index import (
    DIM,
    DISTANCE,
    FAR,
    NONE,
    PROBES,
    Codes,
    Grid,
    Keys,
    NearestIndex,
    encode,
    encode_thumbnail,
    flat,
    mirrored_codes,
    squared_distances,
    turned_thumbnails,
)
from petmood.families.local import find_local_features, mirrored, quarter_turns, thumbnail, unit


def drawn(n: int, seed: int) -> Codes:
    """Codes in clumps, as features are, with most of their spread along the first axes of each half."""
    rng = np.random.default_rng(seed)
    power = np.tile(25 * np.exp(-np.arange(32) / 10), 2)
    centres = np.random.default_rng(1).normal(size=(n // 8 + 1, 64))
    return np.clip(
        (centres[rng.integers(0, len(centres), n)] + 0.4 * rng.normal(size=(n, 64))) * power, -127, 127
    ).astype(np.int8)


def built(codes: Codes, n: int, kind: str = "voters") -> NearestIndex:
    return NearestIndex(Grid(kind, n), np.arange(len(codes)), codes, np.arange(1, len(codes) + 1))


def true(held: Codes, asked: Codes, k: int) -> tuple[Codes, Codes]:
    x, y = asked.astype(np.float64), held.astype(np.float64)
    apart = ((x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T).astype(int)
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(apart, order, axis=1)


def owners(keys: Keys) -> Keys:
    return np.where(keys == NONE, -1, keys & 0xFFFFFFFF)


def test_among_few_the_nearest_are_exact() -> None:
    held, asked = drawn(900, 2), drawn(50, 3)
    keys = built(held, 28).nearest(asked, 5)
    rows, apart = true(held, asked, 5)
    assert np.array_equal(owners(keys), rows)
    assert np.array_equal(keys >> DISTANCE, apart)


@pytest.mark.parametrize("n", [1_000, 10_000])
def test_among_many_most_are_found_at_their_distance(n: int) -> None:
    held, asked = drawn(6_000, 2), drawn(300, 3)
    keys = built(held, n).nearest(asked, 6)
    rows, _ = true(held, asked, 6)
    assert (rows[:, :, None] == owners(keys)[:, None, :]).any(axis=2).mean() > 0.6
    found = keys != NONE
    assert np.array_equal(
        (keys >> DISTANCE)[found],
        np.take_along_axis(squared_distances(asked, held), np.maximum(owners(keys), 0), axis=1)[found],
    )
    assert all(len(set(row)) == len(row) for row in (r[r >= 0].tolist() for r in owners(keys)))


@pytest.mark.parametrize("n", [28, 1_000])
def test_what_a_query_finds_of_a_part_is_what_it_finds_of_the_whole(n: int) -> None:
    held, asked = drawn(3_000, 2), drawn(200, 3)
    whole = built(held, n).nearest(asked, 64)
    half = built(held[::2], n).nearest(asked, 8)
    for row in range(len(asked)):
        of_whole = [key for key in whole[row][whole[row] != NONE].tolist() if key % 2**32 % 2 == 0][:8]
        of_half = [(key >> 32 << 32) + 2 * (key % 2**32) for key in half[row][half[row] != NONE].tolist()]
        assert of_half[: len(of_whole)] == of_whole


def test_a_code_finds_itself_whatever_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    held = drawn(5_000, 4)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(module, "cores", lambda threads=threads: threads)
        found.append(built(held, 1_000).nearest(held, 3))
    assert (owners(found[0])[:, 0] == np.arange(len(held))).all()
    assert np.array_equal(found[0], found[1])


def test_fewer_than_asked_for_are_filled_up() -> None:
    assert (built(drawn(0, 5), 1_000).nearest(drawn(4, 5), 3) == NONE).all()
    keys = built(drawn(2, 6), 2).nearest(drawn(2, 6), 3)
    assert (keys[:, 0] != NONE).all()
    assert (keys[:, 2] == NONE).all()


def test_equal_codes_fill_one_cell_and_are_found_in_order_even_of_many() -> None:
    held = np.repeat(drawn(1, 7), 70_000, axis=0)
    keys = built(held, 3_000).nearest(held[:3], 4)
    assert np.array_equal(owners(keys), np.tile(np.arange(4), (3, 1)))


def test_the_code_of_a_mirrored_descriptor_is_the_mirrored_code() -> None:
    descriptors = np.random.default_rng(1).integers(0, 120, (500, 128), dtype=np.uint8)
    apart = encode(mirrored(descriptors)).astype(int) - mirrored_codes(encode(descriptors))
    assert np.abs(apart).max() <= 1


def test_distances_of_codes_are_those_of_the_descriptors() -> None:
    found = find_local_features(photo(3)).descriptors
    true_ones = ((unit(found)[:, None] - unit(found)[None]) ** 2).sum(axis=2)
    told = squared_distances(encode(found), encode(found)) * (0.45 / 127) ** 2
    assert np.corrcoef(true_ones.ravel(), told.ravel())[0, 1] > 0.98


def test_turned_thumbnails_are_codes_of_turned_pictures() -> None:
    small = thumbnail(np.asarray(photo(2, (90, 60)).convert("L")))
    sides = {flat(encode_thumbnail(np.ascontiguousarray(side))[None]).tobytes() for side in quarter_turns(small)}
    turned = turned_thumbnails(encode_thumbnail(small))
    assert {one.tobytes() for one in flat(turned)} == sides
    assert np.array_equal(turned[1], encode_thumbnail(np.ascontiguousarray(small[:, ::-1])))
    assert FAR > squared_distances(flat(turned[:1]), flat(-turned[:1])).max() > 0.95 * 4 * 127**2


def test_many_may_look_at_once_in_little_memory() -> None:
    codes = drawn(4_000, 9)
    index = NearestIndex(Grid("voters", 2_000), np.arange(len(codes)), codes, np.arange(1, len(codes) + 1))
    peaks = []
    for n in (5_000, 20_000):
        queries = np.resize(codes, (n, DIM))
        tracemalloc.start()
        index.nearest(queries, 6)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # of each query a distance and a place for each probe, its own numbers, and little beside them
    assert peaks[1] - peaks[0] < 15_000 * (3.5 * PROBES * 6 * (2 + 4) + 2 * 4 * DIM)
