from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.errors import ConfigError

pytest.importorskip("fastapi")

from petmood.web.connections import is_loopback
from petmood.web.guard import RateLimit
from petmood.web.server import bind
from petmood.web.settings import ServerSettings


def test_a_burst_is_allowed_then_a_steady_rate() -> None:
    now = [0.0]
    limit = RateLimit(60, clock=lambda: now[0])
    assert [limit.take("a") for _ in range(60)] == [0.0] * 60
    assert limit.take("a") == pytest.approx(1.0)
    assert limit.take("b") == 0.0
    now[0] += 1.0
    assert limit.take("a") == 0.0
    assert limit.take("a") > 0


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 120))
def test_no_pattern_of_requests_beats_the_rate(waits: list[float], per_minute: int) -> None:
    now = [0.0]
    limit = RateLimit(per_minute, clock=lambda: now[0])
    granted = 0
    for wait in waits:
        now[0] += wait
        granted += limit.take("a") == 0.0
    assert granted <= per_minute + now[0] * per_minute / 60 + 1e-6


def test_no_limit_and_forgetting() -> None:
    assert all(RateLimit(0).take("a") == 0.0 for _ in range(1000))
    limit = RateLimit(1)
    for i in range(10_050):
        limit.take(str(i))
    assert len(limit._buckets) == 10_000


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("pets", False),
    ],
)
def test_who_can_reach_an_address(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_small_answers_are_sent_without_delay() -> None:
    async def delayed() -> int:
        with bind("127.0.0.1", 0) as listener:
            waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                waiting.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            async with await asyncio.start_server(connected, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                found = await waiting
                writer.close()
                return found

    # else each answer on a kept connection waits 40 ms for the client's acknowledgement of the part before
    assert asyncio.run(delayed())


def test_a_taken_port_is_told() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(ConfigError, match="cannot listen"):
            bind("127.0.0.1", taken.getsockname()[1])


def test_settings_do_not_show_their_token() -> None:
    assert "hunter22" not in repr(ServerSettings(token="hunter22"))
    with pytest.raises(ConfigError, match="'token' is not shown") as refused:
        ServerSettings.create({"token": "hunter2"})
    assert refused.value.__cause__ is None
