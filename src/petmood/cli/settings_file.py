"""`petmood.toml` -> defaults of a command's options, which the command line overrides.

A table a command, `[run]` or `[runs.list]`; keys above all tables are for each command that has such an option. Keys
are options' names without dashes in front (`cnn-size` or `cnn_size`), and those of arguments in small letters (`data`).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from typer.core import TyperArgument

from petmood.config import SettingsFile, settings_file, toml_value
from petmood.errors import ConfigError, near_or

NAME: Final = "petmood.toml"
_ALIASES: Final = {"quantise": "quantize"}
_TAKEN: Final = "petmood.settings_file"  # where a command's context keeps the file
_NEVER: Final = ("help", "config", "version")
_KINDS: Final[dict[type, tuple[tuple[type, ...], str]]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def apply(command: Any, ctx: Any, args: Sequence[str]) -> None:
    """Make what the settings file says of a command the defaults of its options.

    Raises:
        ConfigError: there is no such file, it is not TOML, has an unknown key, or a value of another type.
    """
    path = _named(args)
    if path is None:
        return
    try:
        raw = path.read_bytes()
        said = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}. Give a file of settings with --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}. Write lines such as seed = 1 below [run].") from error
    every = dict(_commands(ctx.find_root().command))
    words = tuple(_ALIASES.get(word, word) for word in ctx.command_path.split()[1:])
    chosen: dict[str, Any] = {}
    _take(path, (), said, every, words, chosen)
    ctx.default_map = chosen
    ctx.meta[_TAKEN] = SettingsFile(path.name, hashlib.sha256(raw).hexdigest())


@contextmanager
def in_force(ctx: Any) -> Iterator[None]:
    """The block is told by the file that was applied, if any; what the same process does afterwards is not."""
    token = settings_file.set(ctx.meta.get(_TAKEN))
    try:
        yield
    finally:
        settings_file.reset(token)


def _named(args: Sequence[str]) -> Path | None:
    words = list(args[: args.index("--")] if "--" in args else args)
    for here, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option == "--config" and (sign or here + 1 < len(words)):
            return Path(value if sign else words[here + 1])
    found = Path(NAME)
    return found if found.is_file() else None


def _commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*above, name))
        elif not command.hidden:
            yield (*above, name), command


def keys(command: Any) -> dict[str, Any]:
    """What a settings file may say of a command: key -> parameter."""
    found = {}
    for param in command.params:
        name = str(param.name) if isinstance(param, TyperArgument) else max(param.opts, key=len).lstrip("-")
        if name not in _NEVER:
            found[name.replace("-", "_")] = param
    return found


def _take(
    path: Path,
    above: tuple[str, ...],
    said: Mapping[str, Any],
    every: Mapping[tuple[str, ...], Any],
    words: tuple[str, ...],
    chosen: dict[str, Any],
) -> None:
    """Take what is for the command of these words; what is for others is judged all the same.

    A table of the command's own counts for more than what stands above it.
    """
    within = {name: command for name, command in every.items() if name[: len(above)] == above}
    known = {key: param for command in within.values() for key, param in keys(command).items()}
    tables = {name[len(above)] for name in within if len(name) > len(above)}
    mine = keys(every[words]) if words in within else {}
    place = f"[{'.'.join(above)}] " if above else ""
    for key, value in said.items():
        name = key.replace("-", "_")
        if isinstance(value, dict) and key in tables:
            continue
        if name not in known:
            otherwise = f"See petmood {' '.join(above) or 'COMMAND'} --help."
            hint = near_or(name.replace("_", "-"), [*map(_option, known), *tables], otherwise, cutoff=0.5)
            raise ConfigError(f"{path} has an unknown key {place}'{key}'. {hint}")
        told = _judged(f"{path} has {place}{key}", value, mine.get(name, known[name]))
        if name in mine:
            chosen[str(mine[name].name)] = told
    for key in tables & said.keys():
        if isinstance(said[key], dict):
            _take(path, (*above, key), said[key], every, words, chosen)


def _option(key: str) -> str:
    return key.replace("_", "-")


def _judged(shown: str, value: Any, param: Any) -> Any:
    """A value as the command line would take it.

    Raises:
        ConfigError: it is of another type.
    """
    several = getattr(param, "multiple", False) or param.nargs == -1
    annotation, choices = param.type_descriptor.annotation, param.type_descriptor.choices
    kind = annotation.__args__[0] if several else annotation
    types, words = _KINDS.get(kind, ((str,), "text in quotes"))
    values = value if several and isinstance(value, list) else [value]
    secret = bool(getattr(param, "envvar", None))
    for one in values:
        if not isinstance(one, types) or (isinstance(one, bool) and bool not in types):
            told = "(not shown)" if secret else _shown(value)
            raise ConfigError(f"{shown} = {told}. Write {words}{', or a list of them' if several else ''}.")
        if one == "":
            raise ConfigError(f'{shown} = "", which is empty. Give a value, or leave the line out.')
        if choices is not None and one not in choices:
            raise ConfigError(f"{shown} = {_shown(one)}. {near_or(str(one), choices)}")
    return values if several else value


def _shown(value: Any) -> str:
    try:
        return toml_value(value)
    except TypeError:
        return "a table" if isinstance(value, dict) else str(value)
