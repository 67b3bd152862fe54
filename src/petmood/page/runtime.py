"""ONNX Runtime's build for browsers, as this package carries it -> a classic script and the WebAssembly beside it.

`runtime/` has two files of the npm package onnxruntime-web, unchanged but for compression; its README says how they
were made and under which licence they come.
"""

from __future__ import annotations

import base64
import gzip
import re
from functools import cache
from importlib.resources import files
from typing import Final

from petmood.page.weights import Asset

RUNTIME: Final = "onnxruntime-web 1.30.0"
"""The package and its version."""

_SCRIPT: Final = "ort.wasm.bundle.min.mjs"
_WASM: Final = "ort-wasm-simd-threaded.wasm.gz"
_EXPORT: Final = re.compile(r"export\{([^}]*)\};?")
_NEEDED: Final = ("InferenceSession", "Tensor", "env")


@cache
def ort_script() -> str:
    """The runtime as a classic script that sets `globalThis.ort`: a page opened by a double click loads no module."""
    text = _read(_SCRIPT).decode("utf-8")
    found = _EXPORT.search(text)
    if found is None:
        raise ValueError(f"{_SCRIPT} exports nothing")
    pairs = (pair.split(" as ") for pair in found[1].split(","))
    names = {theirs: ours for ours, theirs in pairs}
    exported = f"globalThis.ort={{{','.join(f'{name}:{names[name]}' for name in _NEEDED)}}};"
    body = text[: found.start()] + exported + text[found.end() :]
    body = re.sub(r"^//# sourceMappingURL=.*$", "", body, flags=re.MULTILINE)
    # a classic script has no address of its own, and this one loads nothing by it
    return f"{{{body.replace('import.meta.url', 'globalThis.location.href').strip()}\n}}"


@cache
def wasm_asset() -> Asset:
    """The WebAssembly."""
    compressed = _read(_WASM)
    return Asset(base64.b64encode(compressed).decode(), len(gzip.decompress(compressed)), planes=False)


def _read(name: str) -> bytes:
    return files("petmood.page").joinpath("runtime", name).read_bytes()
