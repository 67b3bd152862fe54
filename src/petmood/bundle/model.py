"""A bundle, loaded: pictures in, typed predictions out; ONNX Runtime is all that it needs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import ops
from petmood.bundle.folder import Neighbours, Parts, read
from petmood.bundle.inputs import Prepared, prepare
from petmood.bundle.judge import judge
from petmood.bundle.prediction import Neighbour, Prediction, Unreadable
from petmood.bundle.schema import ModelDescription
from petmood.errors import ImageError, ModelError

if TYPE_CHECKING:
    import onnxruntime as ort

    from petmood.bundle.inputs import Picture

BATCH: Final = 32
_AHEAD: Final = 2  # batches decoded while one is inferred: bounds memory whatever the number of pictures


@dataclass(frozen=True)
class Outputs:
    """What the graph gives for n pictures, all float32.

    Attributes:
        probabilities: (n, n_classes), calibrated.
        scores: (n, n_classes), before calibration and softmax.
        features: (n, dim).
        cam: (n, n_classes, h, w): evidence for each class at each place, or None.
        imagenet: (n, 1000): scores of ImageNet's classes, or None.
    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    features: NDArray[np.float32]
    cam: NDArray[np.float32] | None
    imagenet: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.probabilities)

    def row(self, at: int) -> Outputs:
        """The outputs of one picture, as a batch of one."""
        part = slice(at, at + 1)
        return Outputs(
            probabilities=self.probabilities[part],
            scores=self.scores[part],
            features=self.features[part],
            cam=None if self.cam is None else self.cam[part],
            imagenet=None if self.imagenet is None else self.imagenet[part],
        )


class Bundle:
    """A model that reads pictures. Its methods may be called from several threads at once."""

    def __init__(self, parts: Parts, name: str = "model", threads: int | None = None) -> None:
        """Open the graph of a bundle's parts; `threads` is how many cores one inference may take (all if None)."""
        self.name = name
        self.description: ModelDescription = parts.description
        self._neighbours = parts.neighbours
        self._session = _open(parts.graph, name, threads)
        self._outputs = [o.name for o in self._session.get_outputs()]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of all probabilities."""
        return self.description.classes

    @property
    def size(self) -> int:
        """Side in pixels of the square that the model reads."""
        return self.description.input.size

    @property
    def coverages(self) -> tuple[float, ...]:
        """The coverages that prediction sets can be asked for; empty where the bundle has none."""
        conformal = self.description.conformal
        return () if conformal is None else tuple(level.coverage for level in conformal.levels)

    @property
    def training_photos(self) -> Neighbours | None:
        """Features and labels of the training photos, where the bundle keeps them."""
        return self._neighbours

    def predict(
        self, pictures: Picture | Iterable[Picture], *, coverage: float | None = None, batch: int = BATCH
    ) -> list[Prediction]:
        """Read pictures, in their order.

        Args:
            pictures: one or many: paths, bytes of image files, PIL images, (h, w, 3) uint8 arrays, or one
                (n, h, w, 3) array.
            coverage: of the prediction sets; the bundle's default if None.
            batch: pictures inferred together, 1 or more.

        Raises:
            ImageError: a picture cannot be read; the message names it.
            ConfigError: a coverage that the bundle has no threshold for.
        """
        found = []
        for item in self.stream(_as_many(pictures), coverage=coverage, batch=batch):
            if isinstance(item, Unreadable):
                raise ImageError(f"{item.source}: {item.error}")
            found.append(item)
        return found

    def stream(
        self, pictures: Iterable[Picture], *, coverage: float | None = None, batch: int = BATCH
    ) -> Iterator[Prediction | Unreadable]:
        """Read any number of pictures in constant memory, in their order, decoding ahead of inference.

        Raises:
            ConfigError: a coverage that the bundle has no threshold for.
        """
        for prepared, outputs in self.stream_outputs(pictures, batch=batch):
            readable = [p for p in prepared if isinstance(p, Prepared)]
            answers = iter(self.judge(readable, outputs, coverage=coverage) if outputs is not None else ())
            yield from (next(answers) if isinstance(p, Prepared) else p for p in prepared)

    def stream_outputs(
        self, pictures: Iterable[Picture], *, batch: int = BATCH
    ) -> Iterator[tuple[list[Prepared | Unreadable], Outputs | None]]:
        """The batches behind `stream`: prepared pictures in order, and the outputs of those that were readable.

        A batch is filled with readable pictures as far as they come together, so that a broken file hardly changes the
        batches of the others; outputs are None where none was readable.
        """
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        todo = iter(pictures)
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="petmood-decode") as pool:
            waiting: deque[Future[Prepared | Unreadable]] = deque()

            def refill() -> None:
                wanted = batch * (_AHEAD + 1) - len(waiting)
                waiting.extend(pool.submit(self._try, picture) for picture in islice(todo, wanted))

            refill()
            while waiting:
                part: list[Prepared | Unreadable] = []
                readable: list[Prepared] = []
                while waiting and len(readable) < batch and len(part) < 2 * batch:
                    item = waiting.popleft().result()
                    part.append(item)
                    if isinstance(item, Prepared):
                        readable.append(item)
                    if len(waiting) < batch:
                        refill()
                refill()
                yield part, self.infer(np.stack([p.pixels for p in readable])) if readable else None

    def prepare(self, picture: Picture, source: str | None = None) -> Prepared:
        """Decode and resize one picture to what `infer` reads.

        Raises:
            ImageError: it cannot be read; the message is the reason alone.
        """
        return prepare(picture, self.size, source)

    def infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Run the graph on (n, size, size, 3) uint8 RGB pixels, n >= 1.

        Raises:
            ModelError: pixels of another shape or type.
        """
        expected = (self.size, self.size, 3)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected or not len(pixels):
            raise ModelError(
                f"the model reads (n, {self.size}, {self.size}, 3) uint8, got {pixels.shape} {pixels.dtype}."
            )
        values = dict(zip(self._outputs, self._session.run(self._outputs, {ops.PIXELS: pixels}), strict=True))
        return Outputs(
            probabilities=values[ops.PROBABILITIES],
            scores=values[ops.SCORES],
            features=values[ops.FEATURES],
            cam=values.get(ops.CAM),
            imagenet=values.get(ops.IMAGENET),
        )

    def judge(
        self, prepared: Sequence[Prepared], outputs: Outputs, *, coverage: float | None = None
    ) -> list[Prediction]:
        """What the outputs mean for the pictures they came from, row by row.

        Raises:
            ConfigError: a coverage that the bundle has no threshold for.
        """
        distances = None
        rule = self.description.pet
        if rule is not None and self._unit is not None:
            distances = self._distances(outputs.features, rule.nearest).mean(axis=1)
        return judge(
            self.description,
            prepared,
            outputs.probabilities,
            imagenet=outputs.imagenet,
            distances=distances,
            coverage=coverage,
        )

    def neighbours(self, features: NDArray[np.float32], count: int = 5) -> list[list[Neighbour]]:
        """The nearest training photos of each row of (n, dim) features, nearest first; empty where none are kept."""
        kept, unit = self._neighbours, self._unit
        if kept is None or unit is None:
            return [[] for _ in features]
        distances = 1 - unit_rows(features) @ unit.T
        rows = []
        for row in distances:
            order = np.argsort(row, kind="stable")[:count]
            rows.append(
                [
                    Neighbour(index=int(i), path=kept.paths[i], label=kept.labels[i], distance=float(max(row[i], 0.0)))
                    for i in order
                ]
            )
        return rows

    @cached_property
    def _unit(self) -> NDArray[np.float32] | None:
        return None if self._neighbours is None else unit_rows(self._neighbours.features)

    def _distances(self, features: NDArray[np.float32], nearest: int) -> NDArray[np.float32]:
        unit = self._unit
        assert unit is not None
        distances = 1 - unit_rows(features) @ unit.T
        return np.sort(distances, axis=1)[:, :nearest]

    def _try(self, picture: Picture) -> Prepared | Unreadable:
        try:
            return self.prepare(picture)
        except ImageError as error:
            name = str(picture) if isinstance(picture, str | Path) else type(picture).__name__
            return Unreadable(source=name, error=str(error))


def load(path: str | Path, threads: int | None = None) -> Bundle:
    """Load a bundle from a folder or a .zip.

    Args:
        path: of the bundle.
        threads: cores that one inference may take; all if None.

    Raises:
        ModelError: there is no bundle, or it is damaged.
    """
    found = Path(path)
    return Bundle(read(found), found.resolve().name, threads)


def _open(graph_bytes: bytes, name: str, threads: int | None) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.log_severity_level = 3
    # a thread that spins after an inference keeps a core from whoever is to send the answer
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return ort.InferenceSession(graph_bytes, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own undocumented exception types
        raise ModelError(f"the graph of {name} cannot be loaded by ONNX Runtime: {error}. Train it again.") from error


def unit_rows(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, dim) float32: rows scaled to length one."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    rows: NDArray[np.float32] = (features / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
    return rows


def _as_many(pictures: Any) -> Iterable[Any]:
    from PIL.Image import Image

    if isinstance(pictures, str | Path | bytes | Image):
        return [pictures]
    if isinstance(pictures, np.ndarray) and pictures.ndim < 4:
        return [pictures]
    return list(pictures) if isinstance(pictures, np.ndarray) else pictures
