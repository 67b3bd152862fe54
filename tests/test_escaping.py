"""Names of any kind -> parts of paths, terminal lines, Markdown, CSV and logs that they cannot break out of."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown import Markdown

from drawing import jpeg, write_tree
from petmood.cli.console import Guarded, console
from petmood.errors import PetmoodError
from petmood.escaping import csv_cell, from_csv_cell, markdown, one_line, path_component, register_plain, terminal
from petmood.jobs.export_data import export_data
from petmood.labels import write_labels
from petmood.report.leaderboard import markdown as as_page
from petmood.results.methods import LeaderboardFacts
from petmood.tables import read_rows
from petmood.web.logs import JsonLines

HOSTILE = [
    "", ".", "..", "...", "/", "/etc/passwd", "../../x", "a/b", "a\\b", "C:\\x", "C:", "con", "CON.txt",
    "nul ", "lpt1.jpg", "a.", "a ", "a\x00b", "a\nb", "a\rb", "\x1b[2J", "\x9b31m", "=1+1", "+1", "-1",
    "@SUM(A1)", "\t=1", "'=1", "''=1", "[bold]x[/]", "[/]", "<script>alert(1)</script>", "![x](http://a.b)",
    "| a | b |", "`x`", "# x", "www.a.b", "\udcff\udc80", "\ud800", "\u202egpj.exe", "\u200b", "x" * 255,
    "x" * 256, "\U0001f436" * 100, "e\u0301", "%2F", "%", "a%2Fb", "~", "-", "CON",
]  # fmt: skip

names = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=300))


@given(names)
def test_a_path_component_is_one_name_that_every_system_takes(text: str) -> None:
    name = path_component(text)
    assert 0 < len(name.encode()) <= 255
    assert name[0] != "."  # a class whose folder is hidden would be lost when it is read again
    assert not set(name) & set('/\\<>:"|?*\0')
    assert name.isprintable() or not any(unicodedata.category(c) == "Cc" and ord(c) < 128 for c in name)
    assert name[-1] not in ". "
    assert name.split(".")[0].strip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    assert "%" in name or path_component(name) == name


@given(names, names)
@example("a/b", "a%2Fb")
@example("x" * 256, "x" * 257)
@example("\ud800", "\\ud800")
def test_different_texts_are_different_names(a: str, b: str) -> None:
    if unicodedata.normalize("NFC", a) != unicodedata.normalize("NFC", b):
        same = path_component(a) == path_component(b)
        # what somebody wrote in escaped form already is the one thing that cannot be told apart
        assert not same or "%" in a + b or "\\" in a + b


@pytest.mark.parametrize("name", ["happy", "Sad", "a b.jpg", "été", "x.y.z.png", "(1)", "100%", "a'b", "~x", "-x"])
def test_usual_names_stay(name: str) -> None:
    assert path_component(name) == name


@given(names)
def test_a_terminal_gets_no_command(text: str) -> None:
    for made in (terminal(text), one_line(text)):
        made.encode()
        assert not any(
            unicodedata.category(c) in ("Cc", "Cs", "Cf") and c not in "\n\t\xad" for c in made if ord(c) < 0x600
        )
    assert "\n" not in one_line(text)
    # JSON stays JSON of the same meaning
    assert json.loads(terminal(json.dumps(text, ensure_ascii=False))) == text


@given(names)
def test_a_console_draws_names_as_they_are(text: str) -> None:
    from rich.table import Table

    stream = io.StringIO()
    out = console()
    out.file = Guarded(stream)  # type: ignore[assignment]
    out.width = 2000
    table = Table("name")
    table.add_row(one_line(text))
    out.print(table)
    out.print(one_line(text), soft_wrap=True)
    shown = stream.getvalue()
    assert "\x1b" not in shown
    assert "\r" not in shown
    if text in ("[bold]x[/]", "[/]"):
        assert shown.count(text) == 2


@given(names)
def test_a_cell_is_no_formula_and_reads_back(text: str) -> None:
    cell = csv_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_csv_cell(cell) == text


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
        st.sampled_from(["=a", "-b", "c"]),
    )
)
def test_labels_survive_the_round_trip(tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    write_labels(path, labels)
    assert dict(values for _, values in read_rows(path, ("path", "label"))) == labels
    with path.open(encoding="utf-8", newline="") as handle:
        assert not any(cell[:1] in "=+-@\t\r" and cell for row in csv.reader(handle) for cell in row)


@given(names)
def test_markdown_shows_names_as_they_are(text: str) -> None:
    made = markdown(text)
    page = Markdown(extensions=["tables"]).convert(f"| a | b |\n|---|---|\n| {made} | x |\n")
    assert page.count("<td>") == 2
    for tag in ("<script", "<a ", "<img", "<em", "<strong", "<code", "<h1"):
        assert tag not in page


@given(names)
def test_a_leaderboard_shows_names_as_they_are(text: str) -> None:
    found = LeaderboardFacts(data=text, data_sha256="0" * 64, classes=(text, "b"), folds=5, seed=1, methods=())
    made = as_page(found)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", made)
    page = Markdown(extensions=["tables"]).convert(made)
    for tag in ("<script", "<a ", "<img", "<em"):
        assert tag not in page


@given(names)
def test_a_log_line_is_one_line_of_json(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, text.replace("%", "%%"), (), None)
    record.facts = {"name": text}
    line = JsonLines().format(record)
    line.encode()
    assert "\n" not in line
    assert json.loads(line)["name"] == text


@pytest.mark.parametrize("label", [*HOSTILE[1:20], "\x1b[2J", "CON", "x" * 300, "=1"])
def test_no_label_leads_outside_the_copy(tmp_path: Path, label: str) -> None:
    data = write_tree(tmp_path / "data", {f"{c}/{i}.jpg": jpeg(i + 10 * (c == "b")) for c in "ab" for i in range(3)})
    labels = tmp_path / "labels.csv"
    with labels.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("path", "label"), ("a/0.jpg", label)])
    before = set(tmp_path.rglob("*"))
    with suppress(PetmoodError):  # or it is refused, in one line
        export_data(data, tmp_path / "out", labels)
    new = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(tmp_path / "out") for path in new)
    assert not (tmp_path.parent / "x").exists()


def test_a_terminal_without_our_typography_shows_it_plainly() -> None:
    text = "72.1\u202f% (49.1\u201363.0\u202f%), \u221253.4 points, \u201chappy\u201d, \u5371"
    shown = text.encode("ascii", register_plain()).decode("ascii")
    assert shown == '72.1 % (49.1-63.0 %), -53.4 points, "happy", \\u5371'
    assert text.encode("cp1252", register_plain()).decode("cp1252").startswith("72.1 % (49.1\u2013")
