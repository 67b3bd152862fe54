from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from petmood.threads import ahead, cores, in_streams, one_thread, shares


def test_batches_come_in_order_whoever_is_done_first() -> None:
    def slow_at_first(part: Sequence[int]) -> list[int]:
        time.sleep(0.02 if part[0] == 0 else 0)
        return [i * i for i in part]

    found = list(in_streams(range(11), slow_at_first, 4))
    assert [list(part) for part, _ in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert [value for _, values in found for value in values] == [i * i for i in range(11)]


def test_as_many_work_at_once_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.threads.cores", lambda: 3)
    together = threading.Barrier(3)

    def meet(part: Sequence[int]) -> int:
        return together.wait(timeout=30)  # breaks unless three come at once

    assert sorted(index for _, index in in_streams(range(3), meet, 1)) == [0, 1, 2]


def test_nothing_is_begun_far_ahead_of_who_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.threads.cores", lambda: 2)
    begun: list[int] = []
    stream = in_streams(range(100), lambda part: begun.append(part[0]), 1)
    for read in range(5):
        next(stream)
        assert len(begun) <= read + 4
    stream.close()
    assert len(begun) < 12


def test_an_error_reaches_who_reads_and_ends_the_rest() -> None:
    begun: list[int] = []

    def break_at_two(part: Sequence[int]) -> int:
        begun.append(part[0])
        if part[0] == 2:
            raise ValueError("two")
        return part[0]

    stream = in_streams(range(1000), break_at_two, 1)
    assert [value for _, value in islice(stream, 2)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(stream)
    assert len(begun) < 20 + 4 * cores()


def test_no_work_no_threads() -> None:
    assert list(in_streams([], len)) == []


def test_what_waits_is_bounded_by_depth() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(50):
            taken.append(i)
            yield i

    with ThreadPoolExecutor(1) as pool:
        stream = ahead(pool, abs, items(), 3)
        assert next(stream) == 0
        assert len(taken) == 3
        assert list(stream) == list(range(1, 50))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 12, 16, 17, 31, 64])
@pytest.mark.parametrize("streams", [1, 2, 3])
def test_shares_cover_all_and_end_together(n: int, streams: int) -> None:
    parts = [list(range(n))[share] for share in shares(n, streams)]
    assert [i for part in parts for i in part] == list(range(n))
    assert all(0 < len(part) <= 4 for part in parts)
    assert len({len(part) for part in parts[:-1]}) <= 1
    assert len(parts) <= streams * -(-n // (streams * 4))


def test_libraries_take_one_thread_while_it_lasts_those_loaded_since_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy  # noqa: F401 - whose BLAS takes threads

    def taken(api: str) -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == api}

    with threadpool_limits(2):
        before = taken("blas")
        with one_thread("blas"):
            assert taken("blas") == {1}
            with one_thread():
                assert taken("blas") | taken("openmp") == {1}
        assert taken("blas") == before != {1}
    looked: list[int] = []
    monkeypatch.setattr("threadpoolctl.ThreadpoolController._load_libraries", lambda self: looked.append(1))
    with one_thread(), one_thread("blas"):
        assert looked == []  # nothing was loaded since
    monkeypatch.setitem(sys.modules, "loaded since", sys)
    with one_thread():
        assert looked == [1]
