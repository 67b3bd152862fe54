"""Schemathesis throws generated requests at the description; the server may refuse, but never breaks its own word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from needs import needs

schemathesis = needs("schemathesis")


@pytest.fixture(scope="module")
def description(address: str) -> Any:
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/v1/predict", "positive"),
        ("/v1/predict", "negative"),
        ("/v1/explain", "positive"),
        ("/v1/explain", "negative"),
        ("/healthz", "positive"),
        ("/readyz", "positive"),
        ("/metrics", "positive"),
    ],
)
def test_the_server_keeps_its_description(description: Any, path: str, mode: str) -> None:
    (operation,) = [found.ok() for found in description.get_all_operations() if found.ok().path == path]
    answered: list[int] = []

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def check(case: Any) -> None:
        answer = case.call()
        answered.append(answer.status_code)
        # a form of random bytes is described rightly and still holds no picture: a refusal is no broken promise
        case.validate_response(answer, excluded_checks=[schemathesis.checks.positive_data_acceptance])

    check()
    assert answered
    assert max(answered) < 500
