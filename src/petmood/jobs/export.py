"""`petmood export`: a bundle -> the same model as an int8 bundle or a web page."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from petmood.bundle import Bundle
from petmood.bundle.folder import Parts, read
from petmood.errors import ConfigError, near_or
from petmood.files import check_output, claimed_output, output_file, output_folder
from petmood.results import ModelFacts

FORMATS: Final = ("onnx-int8", "web")
"""What a bundle can be exported to."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, in bytes before and after, and the scores before and after where they were measured."""

    out: Path
    format: str
    bytes_before: int
    bytes_after: int
    evaluation: tuple[ModelFacts, ...]


def export(bundle: Path, out: Path, kind: str, *, data: Path | None = None, single: bool = False) -> Exported:
    """Export a bundle.

    Args:
        bundle: folder or .zip.
        out: for "onnx-int8" a bundle, for "web" a folder, or a file if `single`.
        kind: one of `FORMATS`.
        data: the labelled faces that the model was trained on: needed for "onnx-int8"; for "web" the model becomes int8
            before it goes into the page.
        single: for "web": one HTML file in place of a folder.
    """
    if kind not in FORMATS:
        raise ConfigError(f"unknown format '{kind}'. {near_or(kind, FORMATS)}")
    inputs = (bundle, data)
    check_output(out, inputs)
    parts = read(bundle)
    before = len(parts.graph)
    if single and kind != "web":
        raise ConfigError(f"--single-file is for --format web, not for {kind}. Leave it out.")
    if kind == "web":
        return _web(bundle, parts, out, data, single)
    if data is None:
        raise ConfigError("onnx-int8 is calibrated and measured on labelled faces. Name them with --data.")
    from petmood.build.quantised import quantise

    with claimed_output(out, inputs):
        description = quantise(Bundle(parts, bundle.name), parts, data, out)
    return Exported(out, kind, before, len(read(out).graph), description.evaluation)


def _web(bundle: Path, parts: Parts, out: Path, data: Path | None, single: bool) -> Exported:
    from petmood.page.site import write_folder, write_single

    before = len(parts.graph)
    inputs = (bundle, data)
    name = bundle.stem if bundle.suffix == ".zip" else bundle.resolve().name
    evaluation: tuple[ModelFacts, ...] = ()
    # the place is asked for before the work
    with output_file(out, inputs) if single else output_folder(out, inputs) as place:
        if data is not None:
            from petmood.build.quantised import quantise

            with tempfile.TemporaryDirectory() as folder:
                small = Path(folder) / bundle.name
                evaluation = quantise(Bundle(parts, bundle.name), parts, data, small).evaluation
                parts = read(small)
        if single:
            after = write_single(parts, name, place)
        else:
            after = sum((place / file).stat().st_size for file in write_folder(parts, name, place))
    return Exported(out, "web", before, after, evaluation)
