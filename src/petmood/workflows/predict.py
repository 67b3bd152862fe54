"""`petmood predict`: a bundle and names of pictures -> a stream of predictions, in constant memory."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from petmood import images
from petmood.bundle import Bundle, Prediction, Unreadable
from petmood.errors import DataError
from petmood.escaping import path_component
from petmood.files import output_folder
from petmood.threads import BATCH

if TYPE_CHECKING:
    from petmood.explain import Maps


def predict(
    bundle: Bundle,
    photos: Iterable[str],
    *,
    coverage: float | None = None,
    batch: int = BATCH,
    explain_to: Path | None = None,
    inputs: Sequence[Path] = (),
    maps: Maps = "both",
) -> Iterator[Prediction | Unreadable]:
    """Read every picture that the names stand for, in their order.

    Args:
        bundle: the model.
        photos: files, folders (searched to any depth for image files) and glob patterns.
        coverage: of the prediction sets; the bundle's default if None.
        batch: pictures that a core infers together.
        explain_to: folder for a sheet (PNG) a picture and `explanations.jsonl`; None explains nothing.
        inputs: what is read, as far as it is known now; `explain_to` may not be among or around it.
        maps: which maps an explanation has.

    Raises:
        DataError: a name stands for nothing.
        ConfigError: a coverage that the bundle has no threshold for.
    """
    if explain_to is None:
        return bundle.stream(pictures(photos), coverage=coverage, batch=batch)
    return _explained_into(explain_to, inputs, bundle, pictures(photos), coverage, batch, maps)


def _explained_into(
    out: Path,
    inputs: Sequence[Path],
    bundle: Bundle,
    paths: Iterable[Path],
    coverage: float | None,
    batch: int,
    maps: Maps,
) -> Iterator[Prediction | Unreadable]:
    with output_folder(out, inputs, option="--explain") as folder:
        yield from _explained(bundle, paths, coverage, batch, folder, maps)


def _explained(
    bundle: Bundle, paths: Iterable[Path], coverage: float | None, batch: int, folder: Path, maps: Maps
) -> Iterator[Prediction | Unreadable]:
    from petmood.explain import explain, sheet, to_facts

    number = 0
    with (folder / "explanations.jsonl").open("w", encoding="utf-8") as lines:
        for prepared, outputs in bundle.stream_outputs(paths, batch=batch):
            rows = iter(() if outputs is None else [outputs.row(i) for i in range(len(outputs))])
            for item in prepared:
                if isinstance(item, Unreadable):
                    yield item
                    continue
                found = explain(bundle, item, next(rows), maps=maps, coverage=coverage)
                number += 1
                name = path_component(f"{number:05d}-{Path(item.source).stem}.png")
                sheet(bundle, item, found).save(folder / name)
                facts = to_facts(bundle, found).model_dump(mode="json")
                lines.write(json.dumps({"sheet": name, "explanation": facts}, ensure_ascii=False) + "\n")
                yield found.prediction


def pictures(photos: Iterable[str]) -> Iterator[Path]:
    """The image files that names stand for; a file is taken as it is, whatever it is called.

    Raises:
        DataError: a name stands for no file, or is a URL.
    """
    for name in photos:
        path = Path(name)
        if path.is_dir():
            yield from _in_folder(path)
        elif path.exists() or not glob.has_magic(name):
            if not path.exists():
                _refuse(name)
            yield path
        else:
            yield from _matching(name)


def _refuse(name: str) -> None:
    if "://" in name:
        raise DataError(f"{name} is a URL; petmood reads no URLs. Download the picture and give its path.")
    raise DataError(
        f"{name} does not exist. Give image files, folders, patterns such as 'photos/*.jpg', or - for stdin."
    )


def _in_folder(folder: Path) -> Iterator[Path]:
    found = False
    for place, inner, files in os.walk(folder):
        inner.sort()
        for file in sorted(files):
            if Path(file).suffix.lower() in images.EXTENSIONS and not file.startswith("."):
                found = True
                yield Path(place) / file
    if not found:
        raise DataError(f"{folder} holds no image files. Known: {', '.join(sorted(images.EXTENSIONS))}.")


def _matching(pattern: str) -> Iterator[Path]:
    found = sorted(Path(p) for p in glob.iglob(pattern, recursive=True))  # noqa: PTH207 - pathlib takes no absolute patterns
    files = [p for p in found if p.is_file() and p.suffix.lower() in images.EXTENSIONS]
    if not files:
        raise DataError(f"no image file matches {pattern}. Check the pattern.")
    yield from files
