"""Every figure of README and docs was printed by a command, and equal identities have equal figures."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from petmood.results.base import Identity

ROOT = Path(__file__).resolve().parents[1]


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("documentation_figures", ROOT / "docs" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FIGURES = loaded()
REGISTRY: list[dict[str, Any]] = json.loads(FIGURES.REGISTRY.read_text(encoding="utf-8"))
PRINTED = ("command", "place", "value", "low", "high", "n", "identity")


def test_every_figure_of_the_pages_was_printed_by_a_command_and_stands_as_printed() -> None:
    on_pages = Counter((page, one.text) for page, text in FIGURES.pages().items() for one in FIGURES.shown(page, text))
    known = Counter((entry["page"], entry["text"]) for entry in REGISTRY)
    assert len(known) > 25
    assert on_pages == known, "run docs/figures.py after a figure or a page has changed"
    for entry in REGISTRY:
        [one] = FIGURES.shown(entry["page"], entry["text"])
        assert FIGURES.agrees(one, FIGURES.Printed(**{name: entry[name] for name in PRINTED})), entry
        assert entry["command"] in (*FIGURES.COMMANDS, FIGURES.BUILT_IN)


def test_a_figure_that_was_changed_by_hand_does_not_agree() -> None:
    for entry in REGISTRY:
        printed = FIGURES.Printed(**{name: entry[name] for name in PRINTED})
        [one] = FIGURES.shown(entry["page"], entry["text"])
        digit = "1" if one.value[-1] != "1" else "2"
        changed = FIGURES.Shown(one.page, one.text, one.value[:-1] + digit, one.low, one.high)
        assert not FIGURES.agrees(changed, printed), entry


def test_equal_identities_have_equal_figures_on_all_pages() -> None:
    found = defaultdict(set)
    for entry in REGISTRY:
        if entry["identity"] is not None:
            identity = Identity.model_validate(entry["identity"])
            measure = entry["place"].rpartition("/")[2].replace("reference_", "")
            found[identity, measure].add((entry["value"], entry["low"], entry["high"]))
    assert len(found) >= 8
    assert all(len(values) == 1 for values in found.values()), found


ROWS = [
    line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("|") and " to 0." in line
]


@pytest.mark.parametrize("line", ROWS)
def test_rows_of_the_readme_name_model_protocol_and_n(line: str) -> None:
    text = next(FIGURES.shown("README.md", line)).text
    entry = next(e for e in REGISTRY if (e["page"], e["text"]) == ("README.md", text))
    named = {"grouped 5-fold": "grouped-5-fold", "official test": "official-test", "random 5-fold": "random-5-fold"}
    assert entry["identity"]["protocol"] == next(code for text, code in named.items() if text in line)
    n = re.search(r"\| ([\d,]+) (photos|files) \|", line)
    assert n is not None
    assert int(n[1].replace(",", "")) == entry["n"]
    assert entry["identity"]["model"] in {
        "efficientnet-lite0+logistic",
        "efficientnet-lite0+logistic-c1",
        "species",
        "majority",
    }


def test_figures_of_the_built_in_model_are_those_of_its_description() -> None:
    ours = {figure.place: figure.value for figure in FIGURES.built_in()}
    assert len(ours) > 5
    for entry in REGISTRY:
        if entry["command"] == FIGURES.BUILT_IN:
            assert ours[entry["place"]] == entry["value"]


def test_rounded_figures_of_the_concepts_are_those_that_commands_printed() -> None:
    readme = [entry["value"] for entry in REGISTRY if entry["page"] == "README.md"]
    rounded = {f"{100 * value:.0f} %" for value in readme}
    for page in ("docs/start/trust.md", "docs/concepts/leakage.md"):
        said = re.findall(r"\b\d\d %", (ROOT / page).read_text("utf-8"))
        assert set(said) - {"95 %"} == {"96 %", "92 %", "45 %"} <= rounded, page
    travel = (ROOT / "docs/travel.md").read_text("utf-8")
    held = [float(v) for v in re.findall(r"by grouped folds \|[^|]+\| (0\.\d+) ", travel)]
    low, high = (round(100 * value) for value in (min(held), max(held)))
    assert f"held for {low} to {high} %" in " ".join((ROOT / "docs/concepts/sureness.md").read_text("utf-8").split())
