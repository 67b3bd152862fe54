"""What a person reads of the command line: help without developers' notation, groups, completion, errors of words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.main import get_command

from command import Petmood
from petmood.cli.layout import Row, rows
from petmood.cli.main import COMMANDS, app

QUOTED = re.compile(r"'[^']*'")
NOTATION = re.compile(r"<\w|\[default|\[required|[{}]|\b(str|bool|int|float|None)\b|list\[|\(\d+\)|[a-z]_")
PLACEHOLDER = re.compile(
    r"|(onnx:|hub:)?[A-Z][A-Z=:/.,a-z]*(\.onnx)?|\[[A-Z]+\]( [A-Z.]+)?"
    r"|[A-Z]+ \[OTHERS\]\.\.\.|([a-z0-9-]+\|)+[a-z0-9-]+"
)


def commands() -> Iterator[tuple[str, ...]]:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", {})
        yield from [(name, inner) for inner in below] or [(name,)]


def shown(words: tuple[str, ...]) -> list[Row]:
    command = get_command(app)
    context = command.make_context("petmood", [], resilient_parsing=True)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    return rows(command, context)


@pytest.mark.parametrize("words", [(), ("runs",), *commands()], ids=" ".join)
def test_help_is_for_people(petmood: Petmood, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((80, 24)))
    done = petmood(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "…" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if NOTATION.search(QUOTED.sub("''", line))]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_parameter_says_what_it_takes(words: tuple[str, ...]) -> None:
    for row in shown(words):
        assert row.meaning.endswith("."), row
        assert PLACEHOLDER.fullmatch(row.value), row
        if not row.names[0].startswith("-"):
            assert PLACEHOLDER.fullmatch(row.names[0]), row


def test_commands_stand_in_groups_that_begin_with_what_is_needed_every_day(petmood: Petmood) -> None:
    told = petmood("--help").stdout
    assert re.findall(r"^(\w.*):$", told, re.M)[: len(COMMANDS)] == list(COMMANDS)
    first = told.split("Everyday:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (\S+)", first, re.M) == [
        "predict", "serve", "run", "audit", "train", "evaluate", "compare", "review",
    ]  # fmt: skip
    assert re.findall(r"^  quanti\S+", told, re.M) == ["  quantize"]


def test_the_older_spelling_is_the_same_command(petmood: Petmood) -> None:
    old, new = (petmood(name, "--help").stdout for name in ("quantise", "quantize"))
    assert old.replace("petmood quantise", "petmood quantize") == new


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "Usage: petmood"),
        (("rum",), "Did you mean 'run'?"),
        (("run",), "missing argument 'DATA"),
        (("run", "x", "--presset", "quick"), "--preset"),
        (("train", "x", "--model", "finetine"), "Did you mean 'finetune'?"),
        (("predict", "x", "--maps", "cams"), "Did you mean 'cam'?"),
        (("run", "x", "--seed", "many"), "--seed"),
        (("export", "pets"), "missing option '--format'"),
        (("grade", "a.csv", "--data", "d"), "missing option '--train-list'"),
        (("cache", "lst"), "Did you mean 'list'?"),
        (("audit", "x", "--quiet", "--verbose"), "exclude each other"),
    ],
)
def test_a_wrong_word_is_one_line(petmood: Petmood, words: tuple[str, ...], expected: str) -> None:
    done = petmood(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    if words:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("stream", "no_color"), [("error", False), ("error", True), ("help", False)])
def test_colours_only_where_they_are_welcome(monkeypatch: pytest.MonkeyPatch, stream: str, no_color: bool) -> None:
    pty = pytest.importorskip("pty")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    if no_color:
        environment["NO_COLOR"] = "1"
    ours, theirs = pty.openpty()
    words = ["run", "no-such-data"] if stream == "error" else ["--help"]
    subprocess.run(
        [sys.executable, "-m", "petmood", *words],
        stdout=theirs,
        stderr=theirs,
        env=environment,
        check=False,
        timeout=60,
    )
    os.close(theirs)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    assert re.search(r"\x1b\[[\d;]*3\dm", told) is None or (stream == "error" and not no_color)
    if stream == "error" and not no_color:
        assert "\x1b[31m" in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("petmood ru", {"run", "runs"}),
        ("petmood quant", {"quantize"}),
        ("petmood run x --pre", {"--preset"}),
        ("petmood run x --preset ", {"quick", "full"}),
        ("petmood export pets --format on", {"onnx-int8"}),
        ("petmood runs l", {"list"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_options_and_choices(
    petmood: Petmood, monkeypatch: pytest.MonkeyPatch, line: str, expected: set[str], shell: str
) -> None:
    words = line.split(" ")
    monkeypatch.setenv("_PETMOOD_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    done = petmood()
    assert done.returncode == 0
    found = {word for word in re.findall(r"[\w-]+", done.stdout) if word in expected}
    assert found == expected
    assert "Traceback" not in done.stderr
