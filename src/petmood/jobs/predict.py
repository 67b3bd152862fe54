"""`petmood predict`: a bundle and names of pictures -> a stream of predictions, in constant memory."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from petmood import images
from petmood.bundle import Bundle, Prediction, Prepared, Unreadable
from petmood.bundle.prediction import ClipReading
from petmood.errors import DataError, ImageError
from petmood.escaping import path_component
from petmood.files import output_folder
from petmood.images import video
from petmood.threads import BATCH

if TYPE_CHECKING:
    from petmood.detection import Detector
    from petmood.explain import Maps


_LEAST_FRAMES: Final = 4
_RESAMPLES: Final = 2000


def predict(
    bundle: Bundle,
    photos: Iterable[str],
    *,
    coverage: float | None = None,
    batch: int = BATCH,
    explain_to: Path | None = None,
    inputs: Sequence[Path] = (),
    maps: Maps = "both",
    fps: float = video.FPS,
    detector: Detector | None = None,
) -> Iterator[Prediction | Unreadable | ClipReading]:
    """Read every picture that the names stand for, in their order; a video by its frames, and then as a whole.

    Args:
        bundle: the model.
        photos: files, folders (searched to any depth for image files) and glob patterns.
        coverage: of the prediction sets; the bundle's default if None.
        batch: pictures that a core infers together.
        explain_to: folder for a sheet (PNG) a picture and `explanations.jsonl`; None explains nothing.
        inputs: what is read, as far as it is known now; `explain_to` may not be among or around it.
        maps: which maps an explanation has.
        fps: frames a second that are read of a video. Videos are not explained.
        detector: gives one answer for each animal that it finds in a picture, and reads of a video's frames the animal
            of the highest score; None reads whole pictures.

    Raises:
        DataError: a name stands for nothing.
        ConfigError: a coverage that the bundle has no threshold for.
    """
    paths = pictures(photos)
    if explain_to is not None:
        with output_folder(explain_to, inputs, option="--explain") as folder:
            yield from _explained(bundle, animals(bundle, paths, detector), coverage, batch, folder, maps)
        return
    for is_clip, group in groupby(paths, key=lambda path: video.is_video_name(path.name)):
        if not is_clip:
            yield from bundle.stream(animals(bundle, group, detector), coverage=coverage, batch=batch)
            continue
        for path in group:
            yield from read_clip(bundle, path, fps=fps, coverage=coverage, batch=batch, detector=detector)


def animals(
    bundle: Bundle, paths: Iterable[Path], detector: Detector | None
) -> Iterator[Path] | Iterator[Prepared | Unreadable]:
    """What a bundle is to read of pictures: each animal that a detector finds, or the pictures where there is none."""
    return iter(paths) if detector is None else _found(bundle, paths, detector)


def _found(bundle: Bundle, paths: Iterable[Path], detector: Detector) -> Iterator[Prepared | Unreadable]:
    for path in paths:
        try:
            yield from bundle.prepare_animals(path, detector)
        except ImageError as error:
            yield Unreadable(source=str(path), error=str(error))


def read_clip(
    bundle: Bundle,
    path: Path,
    *,
    fps: float = video.FPS,
    coverage: float | None = None,
    batch: int = BATCH,
    seed: int = 0,
    detector: Detector | None = None,
) -> Iterator[Prediction | Unreadable | ClipReading]:
    """The frames of a video, one after the other, then the reading of the whole; or why it cannot be read.

    Args:
        bundle: the model.
        path: of the video.
        fps: frames a second.
        coverage: of the frames' prediction sets.
        batch: frames inferred together.
        seed: of the resampling behind the intervals.
        detector: reads of each frame the animal of the highest score, the whole frame where there is none.
    """

    def prepared_of(frame: video.VideoFrame) -> Prepared:
        name = video.frame_name(str(path), frame.time)
        if detector is None:
            return bundle.prepare(frame.pixels, name)
        return bundle.prepare_animals(frame.pixels, detector, name)[0]

    seen: list[Prediction] = []
    times: list[float] = []
    found = video.frames(path, fps=fps)
    while True:
        try:
            part = list(islice(found, batch))
        except ImageError as error:
            yield Unreadable(source=str(path), error=str(error))
            break
        if not part:
            break
        prepared = [prepared_of(frame) for frame in part]
        outputs = bundle.infer(np.stack([item.pixels for item in prepared]))
        answers = bundle.judge(prepared, outputs, coverage=coverage)
        seen.extend(answers)
        times.extend(frame.time for frame in part)
        yield from answers
    if seen:
        yield pool(str(path), bundle.classes, times, seen, seed)


def pool(
    source: str, classes: Sequence[str], times: Sequence[float], seen: Sequence[Prediction], seed: int = 0
) -> ClipReading:
    """The reading of a whole clip from those of its frames, in order; see `ClipReading`.

    Neighbouring frames are much alike, so runs of them are resampled, not single frames (a moving block bootstrap).
    """
    kept = [answer for answer in seen if answer.verdict != "no-pet-face"]
    rows = np.array([[answer.probabilities[name] for name in classes] for answer in kept or seen])
    n = len(rows)
    intervals = None
    if n >= _LEAST_FRAMES:
        length = max(2, round(n**0.5))
        starts = np.random.default_rng(seed).integers(0, n - length + 1, (_RESAMPLES, -(-n // length)))
        drawn = (starts[:, :, None] + np.arange(length)).reshape(_RESAMPLES, -1)[:, :n]
        low, high = np.quantile(rows[drawn].mean(axis=1), [0.025, 0.975], axis=0)
        intervals = {name: (float(low[i]), float(high[i])) for i, name in enumerate(classes)}
    mean, top = rows.mean(axis=0), rows.argmax(axis=1)
    return ClipReading(
        source=source,
        frames=len(seen),
        frames_with_pet=len(kept),
        seconds=round(times[-1] - times[0], 3),
        mood=classes[int(mean.argmax())],
        probabilities={name: float(mean[i]) for i, name in enumerate(classes)},
        intervals=intervals,
        shares={name: float((top == i).mean()) for i, name in enumerate(classes)},
    )


def _explained(
    bundle: Bundle,
    pictures: Iterator[Path] | Iterator[Prepared | Unreadable],
    coverage: float | None,
    batch: int,
    folder: Path,
    maps: Maps,
) -> Iterator[Prediction | Unreadable]:
    from petmood.explain import explain, sheet, to_facts

    number = 0
    with (folder / "explanations.jsonl").open("w", encoding="utf-8") as lines:
        for prepared, outputs in bundle.stream_outputs(pictures, batch=batch):
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
    waiting = [os.fspath(folder)]  # not os.walk, which calls itself for each folder and so ends in deep ones
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"cannot list {place}: {error.strerror}. Check its permissions.") from error
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False) and _is_read(entry.name) and not entry.name.startswith("."):
                found = True
                yield Path(entry.path)
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
    if not found:
        raise DataError(f"{folder} holds no image files. Known: {', '.join(sorted(images.EXTENSIONS))}.")


def _is_read(name: str) -> bool:
    return Path(name).suffix.lower() in images.EXTENSIONS or video.is_video_name(name)


def _matching(pattern: str) -> Iterator[Path]:
    found = sorted(Path(p) for p in glob.iglob(pattern, recursive=True))  # noqa: PTH207 - pathlib takes no absolute patterns
    files = [p for p in found if p.is_file() and _is_read(p.name)]
    if not files:
        raise DataError(f"no image file matches {pattern}. Check the pattern.")
    yield from files
