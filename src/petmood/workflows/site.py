"""A bundle and ONNX Runtime's files for browsers -> a static folder that reads photos wherever it is hosted."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

from petmood.audit.species import SPECIES, grouping
from petmood.bundle.folder import Parts
from petmood.bundle.model import unit_rows
from petmood.errors import DataError
from petmood.store import write_bytes, write_text

RUNTIME: Final = "onnxruntime-web@1.22.0"
"""The npm package whose files run the graph, and the version that the page was tried with."""

_FILES: Final = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_PAGE: Final = ("index.html", "page.css", "app.js", "judge.js", "pixels.js")


def write_site(parts: Parts, out: Path, runtime: Path | None = None) -> tuple[str, ...]:
    """Write the page, the model and the runtime into a folder; returns the names of its files.

    Args:
        parts: of the bundle.
        out: the folder; files of an older site there are replaced.
        runtime: the package onnxruntime-web, as a .tgz or an unpacked folder; fetched with npm if None.

    Raises:
        DataError: the runtime is not what it should be or cannot be fetched.
    """
    files = {f"ort/{name}": data for name, data in _runtime(runtime).items()}
    for name in _PAGE:
        files[name] = resources.files("petmood.workflows").joinpath("browser", name).read_bytes()
    files["petmood.css"] = resources.files("petmood.report").joinpath("templates", "petmood.css").read_bytes()
    files["model.onnx"] = parts.graph
    files |= _rules(parts)
    for name, data in files.items():
        write_bytes(out / name, data)
    write_text(out / "model.json", parts.description.model_dump_json(by_alias=True))
    return (*sorted(files), "model.json")


def _rules(parts: Parts) -> dict[str, bytes]:
    """What the page needs beside model.json to judge as petmood does: the grouping of species, the training photos."""
    kept = parts.neighbours if parts.description.pet is not None else None
    prior, members = grouping()
    rules = {
        "species": SPECIES,
        "prior": prior.tolist(),
        "columns": members.argmax(axis=1).tolist(),
        "photos": 0 if kept is None else len(kept),
    }
    files = {"rules.json": json.dumps(rules).encode()}
    if kept is not None:
        files["neighbours.bin"] = unit_rows(kept.features).astype("<f4").tobytes()
    return files


def _runtime(given: Path | None) -> dict[str, bytes]:
    if given is not None:
        return _from_folder(given) if given.is_dir() else _from_archive(given)
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            f"the page needs {RUNTIME}, and npm is not installed to fetch it. "
            "Fetch that package elsewhere with `npm pack`, and name the .tgz with --runtime."
        )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", RUNTIME], cwd=folder, capture_output=True, text=True, check=False, timeout=600
        )
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or not found:
            detail = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DataError(
                f"npm could not fetch {RUNTIME} ({detail}). Fetch it elsewhere, and name it with --runtime."
            )
        return _from_archive(found[0])


def _from_folder(folder: Path) -> dict[str, bytes]:
    place = folder / "dist" if (folder / "dist").is_dir() else folder
    missing = [name for name in _FILES if not (place / name).is_file()]
    if missing:
        raise DataError(f"{folder} is not the package onnxruntime-web: it lacks {missing[0]}. Unpack {RUNTIME} there.")
    return {name: (place / name).read_bytes() for name in _FILES}


def _from_archive(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            # read by name and never unpacked, so that nothing of the archive can be written anywhere
            for name in _FILES:
                member = archive.extractfile(f"package/dist/{name}")
                if member is not None:
                    found[name] = member.read()
    except (OSError, tarfile.TarError, KeyError) as error:
        raise DataError(
            f"{path} is not the package onnxruntime-web ({error}). Make it with: npm pack {RUNTIME}"
        ) from error
    if len(found) < len(_FILES):
        raise DataError(f"{path} is not the package onnxruntime-web: it lacks files. Make it with: npm pack {RUNTIME}")
    return found
