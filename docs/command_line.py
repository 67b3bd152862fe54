"""The command line itself -> the tables of options in docs/reference/cli.md, each between two comments.

python docs/command_line.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from petmood.cli.layout import OF_ALL, Row, rows
from petmood.cli.main import COMMANDS, app

PAGE = Path(__file__).resolve().parent / "reference" / "cli.md"
_BLOCK = re.compile(r"<!-- options: ([\w -]+) -->\n.*?<!-- end -->", re.DOTALL)
_MAIN = ("Arguments", "Options")


def commands(group: Any = None, above: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every command that is shown: its name, itself, and a context to ask it in."""
    group = group or get_command(app)
    context = group.make_context("petmood", [], resilient_parsing=True)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        elif not command.hidden:
            yield f"{above}{name}", command, command.make_context(name, [], parent=context, resilient_parsing=True)


def block(shown: list[Row]) -> str:
    """A table of a command's own options, and a line of names for each further group of them."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for row in shown:
        if row.panel in _MAIN:
            names = ", ".join(f"`{name}`" for name in row.names)
            value = f" `{row.value}`".replace("|", "\\|") if row.value else ""
            default = "required" if row.required else row.default or ("off" if not row.value else "none")
            lines.append(f"| {names}{value} | {default} | {row.meaning.replace('|', chr(92) + '|')} |")
    for panel in dict.fromkeys(row.panel for row in shown):
        if panel not in (*_MAIN, OF_ALL):
            names = ", ".join(f"`{name}`" for row in shown if row.panel == panel for name in row.names)
            page = "[many machines](../scaling.md)" if "searched" in panel else "[your data](../data.md)"
            lines += ["", f"{panel.partition(' (')[0]} ({page}): {names}."]
    return "\n".join(lines)


def groups() -> str:
    """Every command, by group."""
    told = {name: (command.help or "").split("\n\n")[0] for name, command, _ in commands()}
    lines = ["| group | command | what it does |", "|---|---|---|"]
    for panel, names in (*COMMANDS.items(), ("", ("runs list",))):
        for place, name in enumerate(names):
            anchor = f"#petmood-{name.partition(' ')[0]}"
            lines.append(f"| {panel if not place else ''} | [`{name}`]({anchor}) | {' '.join(told[name].split())} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with its tables as the command line has them now."""
    found = {name: block(rows(command, context)) for name, command, context in commands()}
    shared = [row for row in rows(*next((c, x) for _, c, x in commands())) if row.panel == OF_ALL]
    found["every command"] = block([Row(r.names, r.value, r.meaning, r.default, False, "Options") for r in shared])
    found["groups"] = groups()
    return _BLOCK.sub(lambda m: f"<!-- options: {m[1]} -->\n{found[m[1]]}\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
