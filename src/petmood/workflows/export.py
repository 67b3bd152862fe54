"""`petmood export`: a bundle -> the same model as an int8 bundle, a TorchScript program or a static web page."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from petmood.bundle import Bundle
from petmood.bundle.folder import read
from petmood.errors import ConfigError, require_extra
from petmood.files import check_output, claimed_output, output_file, output_folder
from petmood.results import ModelFacts

FORMATS: Final = ("onnx-int8", "torchscript", "web")
"""What a bundle can be exported to."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, in bytes before and after, and the scores before and after where they were measured."""

    out: Path
    format: str
    bytes_before: int
    bytes_after: int
    evaluation: tuple[ModelFacts, ...]


def export(bundle: Path, out: Path, kind: str, *, data: Path | None = None, runtime: Path | None = None) -> Exported:
    """Export a bundle.

    Args:
        bundle: folder or .zip.
        out: for "onnx-int8" a bundle, for "torchscript" a file, for "web" a folder.
        kind: one of `FORMATS`.
        data: for "onnx-int8": the labelled faces that the model was trained on.
        runtime: for "web": the npm package onnxruntime-web as a .tgz or folder, fetched with npm if None.

    Raises:
        PetmoodError: anything the user can mend.
    """
    if kind not in FORMATS:
        near = difflib.get_close_matches(kind, FORMATS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose one of: {', '.join(FORMATS)}."
        raise ConfigError(f"unknown format '{kind}'. {hint}")
    inputs = (bundle, data, runtime)
    check_output(out, inputs)
    parts = read(bundle)
    before = len(parts.graph)
    if kind == "web":
        from petmood.workflows.site import write_site

        with output_folder(out, inputs) as folder:
            names = write_site(parts, folder, runtime)
        return Exported(out, kind, before, sum((out / name).stat().st_size for name in names), ())
    if kind == "torchscript":
        require_extra("Exporting to TorchScript", "train", "torch")
        from petmood.train.torchscript import torchscript

        with output_file(out, inputs) as file:
            torchscript(parts.graph, parts.description.input.size, file)
        return Exported(out, kind, before, out.stat().st_size, ())
    if data is None:
        raise ConfigError("onnx-int8 is calibrated and measured on labelled faces. Name them with --data.")
    from petmood.workflows.quantise import quantise

    with claimed_output(out, inputs):
        description = quantise(Bundle(parts, bundle.name), parts, data, out)
    return Exported(out, kind, before, len(read(out).graph), description.evaluation)
