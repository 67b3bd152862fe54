"""JavaScript modules of this package -> one script that any page can hold, or one module for other applications.

A file opened by a double click may load no modules, so the page has one classic script on every host. The modules keep
to what is needed for that: imports of names from siblings, on one line, and exports of declarations.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

_IMPORT: Final = re.compile(r'^import \{ ([\w$, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|const|class) (\w+))", re.MULTILINE)
_STRAY: Final = re.compile(r"^(?:import|export)\b", re.MULTILINE)


def resource(name: str) -> str:
    """A text file of this package."""
    return files("petmood.page").joinpath(name).read_text(encoding="utf-8")


@cache
def script(name: str) -> str:
    """A module and all that it imports as one classic script, each module in a scope of its own."""
    return '"use strict";\n' + "\n".join(_scope(module) for module in _order(name))


@cache
def module(name: str) -> str:
    """A module and all that it imports as one module, which exports what that module does."""
    own = ", ".join(_EXPORT.findall(resource(f"js/{name}.js")))
    return f"{script(name)}\nconst {{ {own} }} = ${name};\nexport {{ {own} }};\n"


def _order(name: str) -> list[str]:
    """The modules that a module needs, each after those that it needs, itself last."""
    found: list[str] = []

    def visit(module: str, above: tuple[str, ...]) -> None:
        if module in above:
            raise ValueError(f"modules import each other: {' -> '.join((*above, module))}")
        if module not in found:
            for _, needed in _IMPORT.findall(resource(f"js/{module}.js")):
                visit(needed, (*above, module))
            found.append(module)

    visit(name, ())
    return found


def _scope(name: str) -> str:
    text = resource(f"js/{name}.js")
    imports = "".join(f"const {{ {names} }} = ${module};\n" for names, module in _IMPORT.findall(text))
    exports = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    stray = _STRAY.search(body)
    if stray is not None:
        line = body.count("\n", 0, stray.start()) + 1
        raise ValueError(f"{name}.js has an import or export that cannot be joined, about line {line}")
    return f"const ${name} = (() => {{\n{imports}{body.strip()}\nreturn {{ {', '.join(exports)} }};\n}})();"
