"""The core alone does the main job: a built wheel in a fresh environment, without extras and without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fresh import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="links to the installed packages need rights on Windows"),
]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The interpreter of an environment that holds petmood's wheel and the packages of its core, no others."""
    return environment(tmp_path_factory.mktemp("core"), repository)


def petmood(core: Path, *args: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """The command in that environment, with a cache of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PETMOOD"))}
    done = subprocess.run(
        [core, "-m", "petmood", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=core.parents[2],
        env={**environment, "PETMOOD_CACHE": str(core.parents[2] / "cache"), "COLUMNS": "200"},
    )
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def drawn(core: Path) -> Path:
    """The demo set, drawn by that environment."""
    petmood(core, "demo-data", "demo")
    return core.parents[2] / "demo" / "data"


def test_the_environment_is_the_core_s_and_has_no_network(core: Path) -> None:
    program = (
        "import importlib.util as u, json, socket, petmood\n"
        "try:\n"
        "    socket.create_connection(('127.0.0.1', 9))\n"
        "except OSError as error:\n"
        "    print(json.dumps([petmood.__file__, str(error), [p for p in "
        "('torch', 'cleanlab', 'ray', 'fastapi', 'transformers', 'pytest') if u.find_spec(p)]]))\n"
    )
    done = subprocess.run([core, "-I", "-c", program], capture_output=True, text=True, check=True, cwd=core.parents[2])
    place, refusal, others = json.loads(done.stdout)
    assert Path(place).is_relative_to(core.parents[1])
    assert refusal == "no network in this test"
    assert others == []


def test_run_does_all_but_the_networks_and_says_how_to_add_them(core: Path, drawn: Path) -> None:
    done = petmood(core, "run", drawn, "--out", "run")
    said = " ".join(done.stdout.split())
    assert said.count("Left out: ") == 2
    assert "Left out: the study's CNN. To add it: pip install torch==" in said
    out = core.parents[2] / "run"
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["environment"]["left_out"] == ["train", "labels"]
    assert "cnn1" not in {model["name"] for model in results["models"]}
    assert results["models"]
    assert results["species"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "extra <code>train</code>" in page
    photo = next(drawn.rglob("*.jpg"))
    assert '"probabilities"' in petmood(core, "predict", out / "model", photo, "--json").stdout


def test_a_photo_is_read_at_once_and_models_are_judged_and_compared(core: Path, drawn: Path) -> None:
    photos = sorted(drawn.rglob("*.jpg"))
    at_once = json.loads(petmood(core, "predict", photos[0], "--json").stdout)
    assert sum(at_once["predictions"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    petmood(core, "train", drawn, "--out", "head")
    found = json.loads(petmood(core, "evaluate", "head", drawn, "--json").stdout)
    assert found["overlap"]["own"]
    sides = json.loads(petmood(core, "compare", "head", "head", "--json").stdout)["subjects"]
    assert [side["kind"] for side in sides] == ["bundle", "bundle"]


def test_audit_needs_no_extra(core: Path, drawn: Path) -> None:
    assert petmood(core, "audit", drawn).stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "DATA", "--out", "x", "--model", "cnn1"), "train"),
        (("labels", "DATA"), "labels"),
        (("serve", "MODEL"), "web"),
    ],
)
def test_what_needs_an_extra_names_it(core: Path, drawn: Path, arguments: tuple[str, ...], extra: str) -> None:
    given = [str(drawn) if word == "DATA" else word for word in arguments]
    done = petmood(core, *given, expect=2)
    assert "pip install " in done.stderr
    assert f"[{extra}]" in done.stderr


@pytest.mark.realdata
def test_the_main_job_runs_on_the_real_photos(core: Path, real_data: Path) -> None:
    assert "370 photos" in petmood(core, "audit", real_data).stdout
    done = petmood(core, "run", real_data, "--out", "real")
    assert "Left out: the study's CNN" in done.stdout
    model = core.parents[2] / "real" / "model"
    found = json.loads(petmood(core, "evaluate", "pets", real_data, "--json").stdout)
    assert found["overlap"]["own"], "it is what the built-in model learnt from"
    sides = json.loads(petmood(core, "compare", model, "pets", "--json").stdout)["subjects"]
    assert len(sides) == 2
