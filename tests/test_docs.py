"""The documentation keeps up with the code: every fact, setting, module and page that exists is in it."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import pkgutil
import re
from pathlib import Path

import pytest

from petmood import config, errors, results

DOCS = Path(__file__).resolve().parents[1] / "docs"
SOURCE = DOCS.parent / "src" / "petmood"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def fact_types() -> list[type[results.Fact]]:
    for module in pkgutil.iter_modules(results.__path__, "petmood.results."):
        importlib.import_module(module.name)
    kinds = {*results.Fact.__subclasses__(), *results.Marked.__subclasses__()} - {results.Marked}
    # bundles, shards and tests have facts of their own, which no results hold
    places = ("petmood.results.", "petmood.analyses.")
    return sorted((k for k in kinds if k.__module__.startswith(places)), key=lambda fact: fact.__name__)


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.__name__)
def test_every_key_of_the_results_is_documented(fact: type[results.Fact]) -> None:
    words = set(re.findall(r"`([a-z_0-9]+)", page("reference/results.md")))
    keys = {field.alias or name for name, field in fact.model_fields.items()}
    assert keys
    assert keys - words == set()


def test_the_documented_version_of_the_results_is_the_present_one() -> None:
    assert f"version of this format, now `{results.SCHEMA_VERSION}`" in page("reference/results.md")


def test_the_table_of_settings_has_every_setting_with_its_defaults() -> None:
    presets = [config.run_settings(name) for name in ("quick", "full")]
    shown = {True: "yes", False: "no"}
    expected = []
    for name in config.RunSettings.model_fields:
        if name == "preset":
            continue
        values = [getattr(settings, name) for settings in presets]
        cells = [shown[v] if isinstance(v, bool) else f"`{v}`" if isinstance(v, str) else str(v) for v in values]
        expected.append((f"`{name}`", *cells))
    rows = re.findall(r"^\| (`\w+`) \| (\S+) \| (\S+) \|", page("reference/python.md"), re.M)
    assert rows == expected


def test_every_error_is_documented() -> None:
    names = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert "PetmoodError" in names
    assert {name for name in names if f"{name}`" not in page("reference/python.md")} == set()


def test_the_picture_of_the_architecture_shows_every_module() -> None:
    parts = {path.stem for path in SOURCE.glob("*.py")} | {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    drawn = set(re.findall(r"^    (\w+)(?:\.py|/)", page("architecture.md"), re.M))
    assert parts - {"__init__"} == drawn


def test_the_navigation_has_every_page_and_architecture_every_decision() -> None:
    listed = re.findall(r": (\S+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    linked = re.findall(r"^\d+\. \[.+\]\((decisions/\S+\.md)\)$", page("architecture.md"), re.M)
    assert not [name for name in listed if name.startswith("decisions/")], "decisions stand outside the main menu"
    written = [*DOCS.rglob("*.md"), *(path.with_suffix(".md") for path in DOCS.rglob("*.ipynb"))]
    pages = sorted(path.relative_to(DOCS).as_posix() for path in written)
    assert sorted([*listed, *linked]) == pages


def test_the_tables_of_options_are_those_of_the_command_line() -> None:
    spec = importlib.util.spec_from_file_location("command_line", DOCS / "command_line.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = page("reference/cli.md")
    assert made.written(text) == text, "make reference"
    assert {name for name, _, _ in made.commands()} <= set(re.findall(r"<!-- options: (.+) -->", text))


def test_every_command_has_its_section() -> None:
    from typer.main import get_command

    from petmood.cli.main import app

    shown = {name for name, command in get_command(app).commands.items() if not command.hidden}  # type: ignore[attr-defined]
    assert shown == set(re.findall(r"^## petmood (\S+)$", page("reference/cli.md"), re.M))


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_no_column_of_a_table_is_without_a_name(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    heads = [above for above, line in itertools.pairwise(lines) if re.fullmatch(r"\|(?: ?:?-+:? ?\|)+", line)]
    assert [head for head in heads if not all(cell.strip() for cell in head.strip("|").split("|"))] == []
