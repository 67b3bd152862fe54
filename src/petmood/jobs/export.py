"""`petmood export` and `push`: a bundle -> the same model as int8 or a web page, or on the Hugging Face hub."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from petmood.bundle import Bundle
from petmood.bundle.built_in import on_hub, told_endpoint
from petmood.bundle.folder import CARD, DESCRIPTION, Parts, bundle_files, read
from petmood.bundle.schema import ModelDescription
from petmood.errors import ConfigError, ModelError, near_or, reason_of, require_extra
from petmood.files import check_output, claimed_output, output_file, output_folder
from petmood.progress import Progress, Silent
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


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a bundle is now: its name for every command, its page, the commit, and the bytes that were sent."""

    model: str
    url: str
    commit: str
    bytes: int


def push(
    bundle: Path,
    to: str,
    progress: Progress | None = None,
    *,
    private: bool = False,
    photos: bool = False,
    endpoint: str | None = None,
) -> Pushed:
    """Send a bundle to the hub; a repository that is not there is made.

    Args:
        bundle: folder or .zip.
        to: hub:OWNER/NAME.
        progress: where to show it.
        private: whether a new repository is seen by its owner alone.
        photos: whether small copies of training photos, if the bundle keeps some, may be passed on.
        endpoint: of another hub than huggingface.co.

    Raises:
        ConfigError: `to` names no repository, or photos would be passed on without being asked for.
        MissingExtraError: the extra `tracking` is not installed.
        ModelError: there is no bundle, or the hub takes it not.
    """
    name = on_hub(to)
    if name is None or name.count("/") != 1 or not all(name.split("/")):
        raise ConfigError(f"'{to}' names no place on the hub. Write hub:OWNER/NAME.")
    require_extra("Pushing a model", "tracking", "huggingface_hub")
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    parts = read(bundle)
    kept = parts.neighbours
    if kept is not None and kept.thumbnails is not None and not photos:
        raise ConfigError(
            f"{bundle} keeps small copies of {len(kept):,} training photos, which may not be yours to pass on. If they "
            "are, add --photos; else train it again without --thumbnails."
        )
    files = bundle_files(bundle)
    files["README.md"] = hub_card(parts.description, files[CARD].decode(), name).encode()
    order = sorted(files, key=lambda file: file == DESCRIPTION)  # readers look for it first, so it comes last
    api = HfApi(endpoint=endpoint or told_endpoint())
    try:
        with (progress or Silent()).stage(f"Sending to {name}"):
            api.create_repo(name, private=private, exist_ok=True)
            done = api.create_commit(
                name,
                [CommitOperationAdd(file, files[file]) for file in order],
                commit_message=f"{parts.description.title}, by petmood {parts.description.petmood}",
            )
    except HFValidationError as error:
        raise ConfigError(f"'{to}' names no place on the hub. Write hub:OWNER/NAME.") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = reason_of(error)
        raise ModelError(
            f"the hub did not take {bundle} ({reason}). Check the name, your login (hf auth login) and the network."
        ) from error
    return Pushed(f"hub:{name}", f"{api.endpoint}/{name}", done.oid, sum(map(len, files.values())))


def hub_card(model: ModelDescription, card: str, name: str) -> str:
    """The bundle's card with a header of the hub's own making, in which each evaluation is an entry of `model-index`.

    Args:
        model: what the bundle says of itself.
        card: its card: a header between two lines of `---`, then Markdown.
        name: on the hub.
    """
    from huggingface_hub import ModelCard, ModelCardData

    made = ModelCard(card)
    header: dict[str, Any] = made.data.to_dict()  # type: ignore[no-untyped-call]  # the library lacks its type
    results = [entry for figures in model.evaluation for entry in _entries(model, figures)]
    named: dict[str, Any] = {"model_name": name.partition("/")[2], "eval_results": results} if results else {}
    made.data = ModelCardData(**header, **named)
    return str(made)


def _entries(model: ModelDescription, figures: Any) -> list[Any]:
    from huggingface_hub import EvalResult

    low, high = figures.accuracy_ci
    common: dict[str, Any] = {
        "task_type": "image-classification",
        "task_name": "mood of a pet's face",
        "dataset_type": "custom",
        "dataset_name": model.data.name,
        "dataset_config": f"{figures.title}, {figures.protocol}",
        "dataset_args": {"protocol": figures.protocol, "photos": figures.n, "model": figures.title},
        "verified": False,
    }
    interval: dict[str, Any] = {"interval": [round(low, 6), round(high, 6)], "coverage": 0.95}
    return [
        EvalResult(metric_type="accuracy", metric_value=round(figures.accuracy, 6), metric_args=interval, **common),
        EvalResult(metric_type="f1", metric_name="macro-F1", metric_value=round(figures.macro_f1, 6), **common),
    ]
