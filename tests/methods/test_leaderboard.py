"""A leaderboard's figures are those of its predictions; it resumes, says what it lacks and renders as Markdown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from petmood.cli.main import app
from petmood.errors import ConfigError
from petmood.methods import reading as bench
from petmood.methods.standings import LeaderboardSettings, Runs, leaderboard
from petmood.report.leaderboard import markdown
from petmood.results.methods import LeaderboardFacts

ONLY = ("species", "efficientnet-lite0+logistic", "lite0-knn", "mobilenet-mirror-logistic", "both-outside-0.1")

SETTINGS = LeaderboardSettings(only=ONLY, repeats=2)


@pytest.fixture(scope="module")
def facts(demo_data: Path) -> LeaderboardFacts:
    pytest.importorskip("torch")
    return leaderboard(demo_data, SETTINGS)


def test_methods_are_ranked_with_intervals_around_their_scores(facts: LeaderboardFacts) -> None:
    assert {m.name for m in facts.methods} == set(ONLY[:3])
    scores = [m.grouped_accuracy for m in facts.methods]
    assert scores == sorted(scores, reverse=True)
    for method in facts.methods:
        assert method.grouped_accuracy_ci[0] <= method.grouped_accuracy <= method.grouped_accuracy_ci[1]
        assert method.test_accuracy_ci[0] <= method.test_accuracy <= method.test_accuracy_ci[1]
        assert method.repeats == 2
        assert f"--only {method.name}" in method.command


def test_what_is_lacking_is_said(facts: LeaderboardFacts) -> None:
    reasons = {left.name: left.reason for left in facts.left_out}
    assert "--use mobilenet=" in reasons["mobilenet-mirror-logistic"]
    assert "--extra" in reasons["both-outside-0.1"]


def test_references_are_compared_with_and_not_with_themselves(facts: LeaderboardFacts) -> None:
    rows = {m.name: m for m in facts.methods}
    assert rows["species"].vs_species is None
    other = rows["efficientnet-lite0+logistic"]
    assert other.vs_species == pytest.approx(other.grouped_accuracy - rows["species"].grouped_accuracy)
    assert other.vs_species_ci is not None
    assert other.vs_species_ci[0] <= other.vs_species <= other.vs_species_ci[1]


def test_the_choice_is_worth_at_most_a_hair_more_than_it_seems(facts: LeaderboardFacts) -> None:
    assert facts.choice is not None
    assert facts.choice.winner == facts.methods[0].name
    assert facts.choice.apparent == pytest.approx(facts.methods[0].grouped_accuracy)
    assert facts.choice.corrected <= facts.choice.apparent + 0.02


def test_a_second_run_fits_nothing_and_says_the_same(
    demo_data: Path, facts: LeaderboardFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(bench, "cross_fit", refuse)
    assert leaderboard(demo_data, SETTINGS) == facts


def test_markdown_has_every_method_and_command(facts: LeaderboardFacts) -> None:
    page = markdown(facts)
    assert page.endswith("\n")
    for method in facts.methods:
        assert f"| `{method.name}` | {method.grouped_accuracy:.3f}" in page
        assert method.command in page
    assert "Not run" in page


def test_the_command_prints_the_facts_as_json(demo_data: Path, facts: LeaderboardFacts, tmp_path: Path) -> None:
    arguments = ["leaderboard", str(demo_data), "--repeats", "2", "--json", "--out", str(tmp_path / "l.md")]
    result = CliRunner().invoke(app, [*arguments, "--only", "species", "--only", "efficientnet-lite0+logistic"])
    assert result.exit_code == 0, result.output
    found = LeaderboardFacts.model_validate_json(result.stdout)
    by_name = {m.name: m.grouped_accuracy for m in facts.methods}
    assert {m.name: m.grouped_accuracy for m in found.methods} == {
        name: by_name[name] for name in ("species", "efficientnet-lite0+logistic")
    }
    assert "# Leaderboard" in (tmp_path / "l.md").read_text(encoding="utf-8")


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="repeats"):
        LeaderboardSettings(repeats=0)


def test_hits_are_shares_of_repeats() -> None:
    probabilities = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.3, 0.7]]])
    runs = Runs(np.arange(2), probabilities, np.arange(0), np.zeros((0, 2)), 0.0, 3)
    assert runs.hits(np.array([0, 1])).tolist() == [0.5, 1.0]
