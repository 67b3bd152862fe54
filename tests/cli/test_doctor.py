from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Petmood
from petmood.errors import EXTRAS
from petmood.jobs import doctor


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.doctor, "__defaults__", (0.01,))


def test_a_machine_that_can_work(petmood: Petmood) -> None:
    done = petmood("doctor", "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["problems"]) == (0, [])
    assert facts["speed"] > 0
    assert facts["cores"] >= 1
    assert facts["weights"]["efficientnet-lite0"]
    assert set(facts["extras"]) == set(EXTRAS)
    told = petmood("doctor")
    assert told.returncode == 0
    assert max(map(len, told.stdout.splitlines())) <= 120
    for name in ("petmood", "Python", "Processor", "Speed", "Cache", "Weights", *EXTRAS):
        assert name in told.stdout


def test_what_is_missing_is_named_with_the_line_that_adds_it(petmood: Petmood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.jobs.doctor.is_there", lambda package: package != "fastapi")
    facts = json.loads(petmood("doctor", "--json").stdout)
    assert [name for name, extra in facts["extras"].items() if not extra["installed"]] == ["web"]
    assert "[web]" in facts["extras"]["web"]["install"]
    told = petmood("doctor")
    assert (told.returncode, facts["extras"]["web"]["install"] in told.stdout) == (0, True)


def test_a_cache_that_cannot_be_is_a_problem(petmood: Petmood, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "file" / "below"))
    done = petmood("doctor")
    assert done.returncode == 1
    assert "set PETMOOD_CACHE" in done.stdout
    assert "Traceback" not in done.stderr
