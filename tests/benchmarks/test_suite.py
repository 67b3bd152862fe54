from __future__ import annotations

import importlib
import json
import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def benchmarks(repository):
    """The benchmarks as modules: they lie beside the package and import each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "benchmarks"))
        yield repository / "benchmarks"
        for name in [name for name, module in sys.modules.items() if _lies_in(module, repository / "benchmarks")]:
            del sys.modules[name]


def _lies_in(module, folder):
    path = getattr(module, "__file__", None)
    return path is not None and path.startswith(str(folder))


def made(folder, *, name="training", tiny=False):
    sheet = importlib.import_module("sheet").Sheet(name, "Training", "What a step takes.", tiny)
    sheet.table("Steps", ("network", "seconds"), [("CNN 1", 0.5)])
    sheet.target("steps against the peer", 1.4, at_least=1.3, unit="x")
    sheet.target("seconds", 100, at_most=90, unit=" s")
    sheet.note("A busy machine.")
    sheet.finish(folder)
    return folder / f"{name}.json"


def test_every_benchmark_of_the_suite_names_its_options(benchmarks, capsys, monkeypatch):
    parts = importlib.import_module("suite").PARTS
    scripts = {path.stem for path in benchmarks.glob("*.py")} - {"sheet", "suite", "report"}
    assert {part.name for part in parts} <= scripts
    for name in scripts:
        if "options_of(" not in (benchmarks / f"{name}.py").read_text(encoding="utf-8"):
            continue  # what benchmarks share
        monkeypatch.setattr(sys, "argv", [name, "--help"])
        with pytest.raises(SystemExit) as left:
            importlib.import_module(name).main()
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert "--tiny" in shown
        assert "--out" in shown


def test_the_suite_keeps_within_twenty_minutes():
    assert sum(part.limit_s for part in importlib.import_module("suite").PARTS) <= 1200


def test_a_sheet_tells_what_is_met_and_what_is_not(tmp_path, capsys):
    facts = json.loads(made(tmp_path).read_text(encoding="utf-8"))
    shown = capsys.readouterr().out
    assert "| CNN 1 | 0.5 |" in shown
    assert "| steps against the peer | 1.4x | at least 1.3x | met |" in shown
    assert "| seconds | 100 s | at most 90 s | **not met** |" in shown
    assert "- A busy machine." in shown
    assert facts["machine"]["cores"] >= 1
    assert facts["targets"][0] == {
        "claim": "steps against the peer",
        "got": 1.4,
        "at_least": 1.3,
        "at_most": None,
        "unit": "x",
    }


def test_the_page_holds_targets_first_and_failures_with_their_reason(tmp_path):
    report = importlib.import_module("report")
    made(tmp_path)
    (tmp_path / "families.json").write_text(json.dumps({"name": "families", "failed": "took longer than 3 s"}))
    page = report.page(report.load(tmp_path))
    assert page.index("| training | seconds |") < min(page.index("## families"), page.index("## Training"))
    assert "**failed: took longer than 3 s**" in page


def test_a_trial_run_says_that_its_figures_mean_nothing(tmp_path, capsys):
    made(tmp_path, tiny=True)
    assert "figures mean nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "limit", "reason"),
    [
        ("raise SystemExit('no such data')", 20, "no such data"),
        ("import time; time.sleep(60)", 1, "took longer than 1 s"),
        ("pass", 20, "it wrote no sheet"),
    ],
)
def test_a_part_that_fails_is_written_down_with_its_reason(tmp_path, monkeypatch, script, limit, reason):
    suite = importlib.import_module("suite")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "broken.py").write_text(script)
    monkeypatch.setattr(suite, "REPOSITORY", tmp_path)
    suite.run_part(suite.Part("broken", limit), tmp_path, tiny=True)
    assert json.loads((tmp_path / "broken.json").read_text()) == {"name": "broken", "failed": reason}


def test_what_a_part_found_before_it_was_cut_short_is_kept(tmp_path, monkeypatch):
    suite = importlib.import_module("suite")
    (tmp_path / "benchmarks").mkdir()
    facts = {"name": "broken", "notes": []}
    script = f"import json; open(r'{tmp_path}/broken.json', 'w').write({json.dumps(facts)!r}); raise SystemExit('lost')"
    (tmp_path / "benchmarks" / "broken.py").write_text(script)
    monkeypatch.setattr(suite, "REPOSITORY", tmp_path)
    suite.run_part(suite.Part("broken", 20), tmp_path, tiny=True)
    (note,) = json.loads((tmp_path / "broken.json").read_text())["notes"]
    assert "lost" in note


def test_parts_that_are_not_measured_again_stay_on_the_page(tmp_path):
    report = importlib.import_module("report")
    for name in ("training", "families"):
        made(tmp_path, name=name)
    before = report.page(report.load(tmp_path))
    (tmp_path / "training.json").unlink()
    after = report.page(report.load(tmp_path), before)
    assert report.measured_before(after, set()) == report.measured_before(before, set())
    assert after.index("*families.py") < after.index("*training.py")
