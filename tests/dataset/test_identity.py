"""One identity, one figure: wherever a figure stands, and whichever command prints it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from needs import needs
from petmood.analyses.labels.compute import find_suspects
from petmood.analyses.leakage.compute import leakage
from petmood.analyses.species.compute import species
from petmood.bundle import load
from petmood.config import run_settings
from petmood.methods.standings import LeaderboardSettings, leaderboard
from petmood.results.base import Identity

if TYPE_CHECKING:
    from petmood.library import RunResult

needs("torch")
needs("cleanlab")
pytestmark = pytest.mark.timeout(600)

HEADLINE = "efficientnet-lite0+logistic"
SETTINGS = run_settings("quick", cnn=False, n_init=2)

Figures = dict[Identity, set[tuple[float, str]]]


def figures(facts: Any, place: str) -> Iterator[tuple[Identity, float, str]]:
    """Every accuracy that stands beside an identity, and where."""
    if isinstance(facts, dict):
        for key, of in (("identity", "accuracy"), ("reference_identity", "reference_accuracy")):
            if facts.get(key) is not None:
                value = facts.get(of, facts.get("grouped_accuracy"))
                if value is not None:
                    yield Identity.model_validate(facts[key]), value, f"{place}/{of}"
        for key, value in facts.items():
            yield from figures(value, f"{place}/{key}")
    elif isinstance(facts, list):
        for i, value in enumerate(facts):
            yield from figures(value, f"{place}[{i}]")


def gathered(*sources: tuple[str, Any]) -> Figures:
    found: Figures = defaultdict(set)
    for name, facts in sources:
        for identity, accuracy, place in figures(facts, name):
            found[identity].add((accuracy, place))
    return found


def assert_one_figure_each(found: Figures) -> None:
    for identity, values in found.items():
        accuracies = [accuracy for accuracy, _ in values]
        assert max(accuracies) - min(accuracies) < 1e-9, (identity, sorted(values))


@pytest.fixture(scope="module")
def raw(demo_run: RunResult) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo_run.folder / "results.json").read_text(encoding="utf-8"))
    return found


def test_equal_identities_have_equal_figures_all_over_results_json(raw: dict[str, Any]) -> None:
    found = gathered(("run", raw))
    assert_one_figure_each(found)
    grouped = next(
        i for i in found if i.model == HEADLINE and i.protocol == "grouped-5-fold" and i.training == "photos"
    )
    parts = {place.split("/")[1].partition("[")[0] for _, place in found[grouped]}
    assert parts >= {"models", "species", "causes", "labels"}, "the headline figure stands in many sections"


def test_identities_that_differ_say_what_differs(raw: dict[str, Any]) -> None:
    """Two figures of one section that could be taken for each other are of two identities."""
    for section in (raw["models"] + raw["baselines"], raw["leakage"]["figures"], raw["labels"]["models"]):
        identities = [Identity.model_validate(fact["identity"]) for fact in section]
        assert len(set(identities)) == len(identities)


def test_every_figure_of_a_model_carries_its_identity(raw: dict[str, Any]) -> None:
    digest = raw["dataset"].get("sha256") or raw["provenance"]["data_sha256"]
    assert digest == raw["provenance"]["data_sha256"]
    carrying = [
        *raw["models"],
        *raw["baselines"],
        *raw["labels"]["models"],
        *raw["audit"]["shortcuts"],
        raw["causes"],
        raw["calibration"],
        raw["protocols"]["repeated"],
        *raw["leakage"]["figures"],
        raw["species"]["over_species"],
        *raw["species"]["erased"],
    ]
    for fact in carrying:
        identity = fact["identity"]
        assert identity is not None, fact
        assert all(identity[name] not in ("", None) for name in ("data", "model", "training", "protocol", "seed"))
    for pair in (raw["species"]["over_species"], *raw["species"]["erased"]):
        assert pair["reference_identity"] is not None
    own = [fact for fact in carrying if fact.get("subject") != "permuted-labels"]
    assert {fact["identity"]["data"] for fact in own} == {digest}
    dealt = [f for f in raw["leakage"]["figures"] if f["subject"] == "permuted-labels"]
    assert dealt
    assert digest not in {f["identity"]["data"] for f in dealt}, "other labels are other data"


def test_a_model_figure_is_named_as_its_identity_says(raw: dict[str, Any]) -> None:
    for fact in (*raw["models"], *raw["baselines"]):
        identity = fact["identity"]
        assert (identity["model"], identity["protocol"]) == (fact["name"], fact["protocol"])
    assert {f["identity"]["training"] for f in raw["leakage"]["figures"]} == {"files"}
    headline = [m for m in raw["models"] if m["name"] == HEADLINE]
    assert {m["identity"]["training"] for m in headline} == {"photos"}


def test_run_bundle_and_every_command_agree(demo_run: RunResult, raw: dict[str, Any], demo_data: Path) -> None:
    def dumped(facts: Any) -> Any:
        return facts.model_dump(mode="json")

    board = LeaderboardSettings(only=(HEADLINE, "species"), repeats=SETTINGS.repeats)
    bundle = load(demo_run.folder / "model").description
    alone = {
        "bundle": [dumped(fact) for fact in bundle.evaluation],
        "species": dumped(species(demo_data, SETTINGS)[0]),
        "leakage": dumped(leakage(demo_data, SETTINGS)),
        "labels": dumped(find_suspects(demo_data, SETTINGS, [SETTINGS.backbone]).facts),
        "leaderboard": dumped(leaderboard(demo_data, board)),
    }
    in_run = gathered(("run", raw))
    for name, facts in alone.items():
        assert set(gathered((name, facts))) & set(in_run), f"{name} shares no figure with the run"
    assert_one_figure_each(gathered(("run", raw), *alone.items()))
    # test figures of the leaderboard have no identity of their own
    on_test = {m["name"]: m["accuracy"] for m in (*raw["models"], *raw["baselines"]) if m["protocol"].endswith("-test")}
    for method in alone["leaderboard"]["methods"]:
        assert method["test_accuracy"] == pytest.approx(on_test[method["name"]])
