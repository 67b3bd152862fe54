"""A bundle -> the page with the model inside: a folder for any static server, or one file that a double click opens."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from petmood.bundle.folder import Parts, TrainingNeighbours
from petmood.bundle.model import unit_rows
from petmood.errors import DataError, MissingExtraError, ModelError
from petmood.page.html import (
    BROWSER_PROMISE,
    data_block,
    digest,
    inline_script,
    inline_style,
    page_facts,
    page_html,
    style,
)
from petmood.page.modules import module, resource, script
from petmood.store import write_bytes, write_text

MANTISSA: Final = 16
"""Bits that are kept of a weight's fraction, of 23: relative errors stay under 1e-5, and a third of the bytes go."""

_LEAST_BYTES: Final = 4096  # smaller constants are left as they are
_PART: Final = 1 << 20  # characters of a part; a multiple of 4


@dataclass(frozen=True)
class Asset:
    """One file inside the page, `text` base64 of gzip; with `planes`, bytes are sorted by their place in a word."""

    text: str
    size: int
    planes: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The text in parts that can be loaded one by one."""
        return tuple(self.text[i : i + _PART] for i in range(0, len(self.text), _PART))

    @property
    def facts(self) -> dict[str, int | bool]:
        """What the page needs to unpack it."""
        return {"parts": len(self.parts), "bytes": self.size, "planes": self.planes}


def model_assets(parts: Parts) -> dict[str, Asset]:
    """The graph as `model`; the features of the training photos as `photos`, their labels and pictures as `near`.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    assets = {"model": packed(rounded_graph(parts.graph), planes=True)}
    if parts.neighbours is not None:
        unit = rounded(unit_rows(parts.neighbours.features).astype("<f4"))
        assets["photos"] = packed(unit.tobytes(), planes=True)
        assets["near"] = packed(json.dumps(_near(parts.neighbours), ensure_ascii=False).encode(), planes=False)
    return assets


def packed(data: bytes, *, planes: bool) -> Asset:
    """Bytes as an asset; the same bytes give the same text."""
    body = data
    if planes:
        padded = data + bytes(-len(data) % 4)
        body = np.frombuffer(padded, dtype=np.uint8).reshape(-1, 4).T.tobytes()
    # level 9 takes eleven times as long, for weights in floats, and saves a hundredth
    return Asset(base64.b64encode(gzip.compress(body, 6, mtime=0)).decode(), len(data), planes)


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 values whose fractions have `MANTISSA` bits, rounded to the nearest."""
    drop = 23 - MANTISSA
    bits = values.view(np.uint32).astype(np.uint64) + (1 << (drop - 1)) >> drop << drop
    return bits.astype(np.uint32).view(np.float32)


def rounded_graph(graph: bytes) -> bytes:
    """An ONNX graph with rounded float32 weights; integer weights stay as they are."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("Exporting a page", "train", "onnx") from error
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.raw_data) >= _LEAST_BYTES:
            tensor.raw_data = rounded(np.frombuffer(tensor.raw_data, dtype="<f4")).tobytes()
    done: bytes = model.SerializeToString(deterministic=True)
    return done


def _near(kept: TrainingNeighbours) -> list[dict[str, str | None]]:
    pictures = kept.thumbnails or (None,) * len(kept)
    return [
        {
            "path": path,
            "label": label,
            "thumbnail": None if picture is None else "data:image/jpeg;base64," + base64.b64encode(picture).decode(),
        }
        for path, label, picture in zip(kept.paths, kept.labels, pictures, strict=True)
    ]


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


MOST_BYTES: Final = 25_000_000
"""Size of one file that is still sent by mail and opened at once."""

# No connect-src: the page can send nothing anywhere, and a browser holds it to that.
_POLICY: Final = (
    "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src {styles}; img-src {images}; "
    "media-src blob:; {more}form-action 'none'; base-uri 'none'"
)
_ICONS: Final = {"icon.svg": "image/svg+xml", "icon-192.png": "image/png", "icon-512.png": "image/png"}


def write_folder(parts: Parts, name: str, out: Path) -> tuple[str, ...]:
    """Write the page for a static server; returns the names of its files. Files of an older one there are replaced.

    Args:
        parts: of the bundle.
        name: of the bundle.
        out: the folder.

    Raises:
        MissingExtraError: onnx is not installed.
        DataError: `out` cannot be written.
    """
    assets = _assets(parts)
    scripts = {"ort.js": ort_script(), "app.js": script("app"), "page.css": style(), "petmood.js": module("petmood")}
    tag = _tag(*scripts.values(), *(asset.text for asset in assets.values()), parts.description.model_dump_json())
    host = {"kind": "browser", "inline": False, "worker": True, "tag": tag, "assets": _facts(assets)}
    facts = page_facts(parts.description, name, host)
    head = [
        Markup('<link rel="icon" href="icon.svg" type="image/svg+xml">'),
        Markup('<link rel="apple-touch-icon" href="icon-192.png">'),
        Markup('<link rel="manifest" href="manifest.webmanifest">'),
        Markup(f'<link rel="stylesheet" href="page.css?v={tag}">'),
        *(Markup(f'<script src="{file}?v={tag}" defer></script>') for file in ("ort.js", "app.js")),
    ]
    policy = _POLICY.format(
        scripts="'self'", styles="'self'", images="'self' blob: data:", more="manifest-src 'self'; worker-src 'self'; "
    )
    page = page_html(facts, head=head, foot=[], policy=policy, promise=BROWSER_PROMISE, asks_token=False, api=False)
    texts = scripts | {
        "index.html": page,
        "facts.json": json.dumps(facts, ensure_ascii=False),
        "petmood.d.ts": resource("petmood.d.ts"),
        "manifest.webmanifest": _manifest(),
    }
    for asset, packed in assets.items():
        for number, part in enumerate(packed.parts):
            texts[f"assets/{asset}-{number}.js"] = f'petmoodAsset("{asset}",{number},"{part}");'
    texts["sw.js"] = _worker(tag, [*texts, *_ICONS])
    try:
        for file, text in texts.items():
            write_text(out / file, text)
        for file in _ICONS:
            write_bytes(out / file, files("petmood.page").joinpath(file).read_bytes())
    except OSError as error:
        raise DataError(f"cannot write to {out}: {error.strerror}. Choose another folder for --out.") from error
    return (*texts, *_ICONS)


def write_single(parts: Parts, name: str, out: Path) -> int:
    """Write the page, the runtime and the model as one HTML file; returns its size in bytes.

    Args:
        parts: of the bundle.
        name: of the bundle.
        out: the file.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: the model is too large for one file.
        DataError: `out` cannot be written.
    """
    assets = _assets(parts)
    host = {"kind": "browser", "inline": True, "worker": False, "tag": "", "assets": _facts(assets)}
    facts = page_facts(parts.description, name, host)
    look, runtime, app = style(), ort_script(), script("app")
    policy = _POLICY.format(
        scripts=f"{digest(runtime)} {digest(app)}", styles=digest(look), images="blob: data:", more=""
    )
    blocks = [
        data_block(f"asset-{asset}-{number}", part, "text/plain")
        for asset, packed in assets.items()
        for number, part in enumerate(packed.parts)
    ]
    page = page_html(
        facts,
        head=[Markup('<link rel="icon" href="data:,">'), inline_style(look)],
        foot=[*blocks, inline_script(runtime), inline_script(app)],
        policy=policy,
        promise=BROWSER_PROMISE,
        asks_token=False,
        api=False,
    )
    size = len(page.encode())
    if size > MOST_BYTES:
        raise ModelError(
            f"one file of this model would have {size / 1e6:.1f} MB, the limit is {MOST_BYTES / 1e6:.0f}. Add "
            "--data PHOTOS to make it int8 on the way, or leave --single-file out for a folder."
        )
    try:
        write_text(out, page)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}. Choose another file for --out.") from error
    return size


def _assets(parts: Parts) -> dict[str, Asset]:
    return {"wasm": wasm_asset(), **model_assets(parts)}


def _facts(assets: dict[str, Asset]) -> dict[str, Any]:
    return {name: asset.facts for name, asset in assets.items()}


def _tag(*texts: str) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text.encode())
    return whole.hexdigest()[:12]


def _worker(tag: str, names: list[str]) -> str:
    """The service worker: it keeps files by the names that the page asks for, so that a new export has new ones."""
    versioned = [name if name in _ICONS or name in _UNVERSIONED else f"{name}?v={tag}" for name in names]
    wanted = ["./", *(name for name in versioned if name != "index.html")]
    return resource("sw.js").replace("__TAG__", tag).replace("__FILES__", json.dumps(wanted))


_UNVERSIONED: Final = ("index.html", "facts.json", "petmood.d.ts", "petmood.js", "manifest.webmanifest")


def _manifest() -> str:
    return json.dumps(
        {
            "name": "petmood",
            "short_name": "petmood",
            "description": "Reads the mood of a pet from a picture of its face, and says how sure it is.",
            "start_url": "./",
            "scope": "./",
            "display": "standalone",
            "background_color": "#faf8f4",
            "theme_color": "#0e6962",
            "icons": [
                {"src": name, "type": kind, "sizes": "any" if kind == "image/svg+xml" else f"{name[5:8]}x{name[5:8]}"}
                for name, kind in _ICONS.items()
            ],
        }
    )
