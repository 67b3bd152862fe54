"""Modules become one script: each in a scope of its own, in an order that works; what cannot be joined is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from petmood.page import modules, site


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], str]:
    def join(sources: dict[str, str]) -> str:
        monkeypatch.setattr(modules, "resource", lambda name: sources[name.removeprefix("js/").removesuffix(".js")])
        return modules.script.__wrapped__("app")

    return join


def test_a_module_comes_after_those_that_it_needs_and_once(joined: Callable[[dict[str, str]], str]) -> None:
    text = joined(
        {
            "app": 'import { a } from "./left.js";\nimport { b } from "./right.js";\nuse(a, b);',
            "left": 'import { shared } from "./base.js";\nexport const a = shared;',
            "right": 'import { shared } from "./base.js";\nexport async function b() { return shared; }',
            "base": "const hidden = 1;\nexport const shared = hidden;",
        }
    )
    order = [text.index(f"const ${name} = ") for name in ("base", "left", "right", "app")]
    assert order == sorted(order)
    assert text.count("const hidden = 1") == 1
    assert "return { shared };" in text
    assert "return { b };" in text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('import thing from "./base.js";', "cannot be joined"),
        ('import * as all from "./base.js";', "cannot be joined"),
        ("export default 3;", "cannot be joined"),
        ("export { a };", "cannot be joined"),
        ('import { a } from "./app.js";', "import each other"),
    ],
)
def test_what_cannot_be_joined_is_refused(joined: Callable[[dict[str, str]], str], line: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        joined({"app": f"{line}\nuse();", "base": "export const a = 1;"})


def test_the_scripts_of_the_page_end_nothing_early_and_name_no_module() -> None:
    for text in (modules.script("app"), site.ort_script()):
        assert "</script" not in text.lower()
        assert "<!--" not in text
        assert "import.meta" not in text
    assert modules.module("petmood").rstrip().endswith("export { load, connect };")
