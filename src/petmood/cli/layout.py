"""How a command shows itself: its parameters as rows, as `--help` prints them and as the reference page lists them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from petmood.errors import ConfigError

OF_ALL = "Of every command"
_WIDEST_CHOICE = 30
_LEFT = 26  # columns of the names; longer ones stand on a line of their own
_WORDS = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True)
class Row:
    """A parameter as a person reads it: `--seed`, `N`, what it means, its default in words or "", where it stands."""

    names: tuple[str, ...]
    value: str
    meaning: str
    default: str
    required: bool
    panel: str


def row(param: Any) -> Row:
    """One parameter of a command."""
    kind = param.type_descriptor
    flag = bool(getattr(param, "is_flag", False))
    argument = isinstance(param, TyperArgument)
    panel = getattr(param, "rich_help_panel", None) or ("Arguments" if argument else "Options")
    names = (*param.opts, *param.secondary_opts)
    if param.name == "help":
        return Row(("--help", "-h"), "", "Show this text and end.", "", False, OF_ALL)
    meaning = param.help or ""
    if getattr(param, "multiple", False):
        meaning = f"{meaning.rstrip('.')}; may be given again."
    return Row(
        (_placeholder(param),) if argument else names,
        "" if flag or argument else _placeholder(param),
        meaning,
        _default(param, flag),
        param.required and not kind.is_choice,
        panel,
    )


def rows(command: Any, ctx: Any) -> list[Row]:
    """All that is shown of a command's parameters, arguments first, then by panel."""
    shown = [row(param) for param in command.get_params(ctx) if not getattr(param, "hidden", False)]
    panels = dict.fromkeys(["Arguments", "Options", *(one.panel for one in shown)])
    order = [*(panel for panel in panels if panel != OF_ALL), OF_ALL]
    return sorted(shown, key=lambda one: order.index(one.panel))


def _placeholder(param: Any) -> str:
    if param.metavar is not None:
        return str(param.metavar)
    kind = param.type_descriptor
    if kind.choices is not None:
        listed = "|".join(str(getattr(choice, "value", choice)) for choice in kind.choices)
        return listed if len(listed) <= _WIDEST_CHOICE else "NAME"
    if isinstance(param, TyperArgument):
        return str(param.name).upper().replace("_", "-")
    inner = next(iter(getattr(kind.annotation, "__args__", ())), kind.annotation)
    return _WORDS.get(inner, "TEXT")


def _default(param: Any, flag: bool) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    value = param.default
    if not param.show_default or value is None or callable(value) or (flag and not param.secondary_opts):
        return ""
    if flag:
        return "on" if value else "off"
    return "" if value in ("", (), []) else str(getattr(value, "value", value))


class Command(TyperCommand):
    """A command; no word of it is empty, and while it works, names from data reach the terminal as text alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from petmood.cli.console import guarded
        from petmood.cli.settings_file import in_force

        with guarded(), in_force(ctx):
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; an empty one is what a variable without a value leaves, and would mean the current folder."""
        for word in args:
            option, sign, value = word.partition("=") if word.startswith("--") else (word, "", word)
            if not value and (sign or not word):
                raise ConfigError(
                    f"{f'{option}=' if sign else 'an argument'} is empty: ''. "
                    "Give a value, or '.' for the current folder."
                )
        for param in self.params:
            if isinstance(param, TyperArgument):
                param.metavar = _placeholder(param)  # errors name it as the help does
        if not ctx.resilient_parsing and not set(ctx.help_option_names) & set(args):
            from petmood.cli.settings_file import apply

            apply(self, ctx, args)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name."""
        return ["[OPTIONS]", *(_usage(p) for p in self.get_params(ctx) if isinstance(p, TyperArgument))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """What it takes, by panel."""
        _write(formatter, rows(self, ctx))


def _usage(param: TyperArgument) -> str:
    name = _placeholder(param)
    if " " in name or name.startswith("["):
        return name
    name = f"{name}..." if param.nargs != 1 else name
    return name if param.required else f"[{name}]"


class Group(TyperGroup):
    """Commands, listed by panel."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Its commands, then its own options."""
        commands = [self.commands[name] for name in self.list_commands(ctx) if not self.commands[name].hidden]
        for panel, those in groupby(commands, key=lambda one: getattr(one, "rich_help_panel", None) or "Commands"):
            _section(formatter, panel, [(str(one.name), _brief(one)) for one in those])
        _write(formatter, rows(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """What to do next."""
        formatter.write("\n" + f"Help on a command: {ctx.command_path} COMMAND --help\n")


def _brief(command: Any) -> str:
    text = str(command.short_help or command.help or "").split("\n\n")[0]
    return " ".join(text.split())


def _write(formatter: Any, shown: Iterable[Row]) -> None:
    for panel, those in groupby(shown, key=lambda one: one.panel):
        _section(formatter, panel, list(_lines(those)))


def _section(formatter: Any, title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Names on the left, what they mean on the right; unlike the library's own, no name is cut at a hyphen."""
    left = min(max(len(name) for name, _ in lines), _LEFT) + 2
    formatter.write(f"\n{title}:\n")
    for name, meaning in lines:
        told = textwrap.wrap(meaning, formatter.width - left - 2, break_on_hyphens=False, break_long_words=False)
        if len(name) > left - 2:
            told.insert(0, "")
        for head, line in zip_longest([name], told or [""], fillvalue=""):
            formatter.write(f"  {head:<{left}}{line}".rstrip() + "\n")


def _lines(shown: Iterable[Row]) -> Iterator[tuple[str, str]]:
    for one in shown:
        short_first = sorted(one.names, key=lambda name: name.startswith("--"))
        told = [one.meaning]
        if one.required and one.panel != "Arguments":
            told.append("Required.")
        if one.default:
            told.append(f"Default: {one.default}.")
        yield " ".join([", ".join(short_first), one.value]).strip(), " ".join(told)


def app(**options: Any) -> typer.Typer:
    """An application whose commands show themselves in this way."""
    return typer.Typer(
        cls=Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        **options,
    )
