"""A bundle, loaded: pictures in, typed predictions out; ONNX Runtime is all that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import ops
from petmood.bundle.built_in import fetch
from petmood.bundle.checks import check_interface, check_outputs
from petmood.bundle.folder import Parts, read
from petmood.bundle.inputs import Outputs, Prepared, is_file, prepare, prepare_animals
from petmood.bundle.judge import judge
from petmood.bundle.prediction import Neighbour, Prediction, Unreadable
from petmood.bundle.schema import ModelDescription
from petmood.errors import ImageError, ModelError, reason_of
from petmood.features.graphs import open_graph
from petmood.features.trial import PICTURES, try_graph
from petmood.threads import BATCH, cores, shares, streamed

if TYPE_CHECKING:
    import onnxruntime as ort

    from petmood.bundle.inputs import Picture
    from petmood.detection import Detector

DEADLINE = 60.0  # seconds that a picture may take; the slowest network here takes less than one


class Bundle:
    """A model that reads pictures. Its methods may be called from several threads at once.

    Attributes:
        name: of its file or folder.
        description: the whole of its model.json.
        training_photos: features and labels of the training photos, where the bundle keeps them.
        memory: by what copies of its training photos are recognised; None where the bundle does not keep it.
        threads: cores that it may take.
    """

    def __init__(self, parts: Parts, name: str = "model", threads: int | None = None) -> None:
        """Open the graph of a bundle's parts; `threads` is how many cores it may take (all if None)."""
        self.name = name
        self.description: ModelDescription = parts.description
        self.training_photos = parts.neighbours
        self.memory = parts.memory
        self._graph, self.threads = parts.graph, threads or cores()
        # inferences of the one stay on the thread that asks, those of the other take all cores
        self._on_one = self._session(1)
        self._on_all = self._on_one if self.threads == 1 else None
        self._opening = Lock()
        self._outputs = [o.name for o in self._on_one.get_outputs()]

    def _session(self, threads: int) -> ort.InferenceSession:
        return open_graph(self._graph, f"the graph of {self.name}", "Train it again.", threads)

    @classmethod
    def from_hub(cls, name: str, revision: str | None = None, *, threads: int | None = None) -> Self:
        """A model that `petmood push` put on the Hugging Face hub; it is fetched once.

        Args:
            name: OWNER/NAME.
            revision: branch, tag or commit.
            threads: as for a bundle.

        Raises:
            MissingExtraError: the extra `tracking` is not installed.
            ModelError: it cannot be fetched, or is not a bundle.
        """
        return cls(read(fetch(name, revision)), name.rpartition("/")[2], threads)

    def __repr__(self) -> str:
        shown = self.description
        lines = [f"{shown.title} ({self.name}): reads {', '.join(shown.classes)} in pictures of {self.size} pixels"]
        lines += [
            f"{m.protocol}: {100 * m.accuracy:.1f} % ({100 * m.accuracy_ci[0]:.1f} to {100 * m.accuracy_ci[1]:.1f} %, "
            f"n = {m.n:,})"
            for m in shown.evaluation
            if m.title == shown.title
        ]
        return "\n".join([*lines, f"trained on {shown.data.fitted:,} photos of {shown.data.name}"])

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
        self, pictures: Iterable[Picture | Prepared | Unreadable], *, coverage: float | None = None, batch: int = BATCH
    ) -> Iterator[Prediction | Unreadable]:
        """Read any number of pictures in constant memory, in their order; those prepared before are taken as they are.

        Raises:
            ConfigError: a coverage that the bundle has no threshold for.
        """
        for prepared, outputs in self.stream_outputs(pictures, batch=batch):
            readable = [p for p in prepared if isinstance(p, Prepared)]
            answers = iter(self.judge(readable, outputs, coverage=coverage) if outputs is not None else ())
            yield from (next(answers) if isinstance(p, Prepared) else p for p in prepared)

    def stream_outputs(
        self, pictures: Iterable[Picture | Prepared | Unreadable], *, batch: int = BATCH
    ) -> Iterator[tuple[list[Prepared | Unreadable], Outputs | None]]:
        """The batches behind `stream`: prepared pictures in order, and the outputs of those that were readable.

        A core prepares and infers a batch by itself; outputs are None where no picture of a batch was readable.
        """
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        todo = iter(pictures)
        first = list(islice(todo, batch))
        if len(first) < batch:
            return iter([self._read(first, self.infer)] if first else [])
        parts = chain([first], iter(lambda: list(islice(todo, batch)), []))
        return streamed(parts, lambda part: self._read(part, self.infer_alone), self.threads)

    def _read(
        self, pictures: Sequence[Picture | Prepared | Unreadable], infer: Callable[[NDArray[np.uint8]], Outputs]
    ) -> tuple[list[Prepared | Unreadable], Outputs | None]:
        prepared = [self._try(picture) for picture in pictures]
        pixels = [p.pixels for p in prepared if isinstance(p, Prepared)]
        return prepared, infer(np.stack(pixels)) if pixels else None

    def prepare(self, picture: Picture, source: str | None = None) -> Prepared:
        """Decode and resize one picture to what `infer` reads.

        Raises:
            ImageError: it cannot be read; the message is the reason alone.
        """
        return prepare(picture, self.size, source)

    def prepare_animals(self, picture: Picture, detector: Detector, source: str | None = None) -> list[Prepared]:
        """Each animal of a picture that a detector finds as `infer` reads it; the whole picture where it finds none.

        Raises:
            ImageError: it cannot be read; the message is the reason alone.
            ModelError: the detector fails.
        """
        return prepare_animals(picture, self.size, detector, source)

    def infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Run the graph on (n, size, size, 3) uint8 RGB pixels, n >= 1.

        Raises:
            ModelError: pixels of another shape or type.
        """
        self._checked(pixels)
        if len(pixels) > PICTURES:
            parts = (pixels[share] for share in shares(len(pixels), self.threads))
            return Outputs.joined(list(streamed(parts, self.infer_alone, self.threads)))
        with self._opening:
            self._on_all = self._on_all or self._session(self.threads)
        return self._run(self._on_all, pixels)

    def infer_alone(self, pixels: NDArray[np.uint8]) -> Outputs:
        """As `infer`, on the thread that asks: for who asks from as many threads as there are cores."""
        return self._run(self._on_one, self._checked(pixels))

    def _checked(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        expected = (self.size, self.size, 3)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected or not len(pixels):
            raise ModelError(
                f"the model reads (n, {self.size}, {self.size}, 3) uint8, got {pixels.shape} {pixels.dtype}."
            )
        return pixels

    def check(self) -> None:
        """Try the graph on two drawn pictures, and compare it with the description.

        Raises:
            ModelError: it does not give what the description says, or takes too long.
        """
        check_interface(self._on_one, self.description, self.name)
        pixels = np.zeros((2, self.size, self.size, 3), dtype=np.uint8)
        pixels[1] = np.random.default_rng(0).integers(0, 256, pixels.shape[1:], dtype=np.uint8)
        check_outputs(self._values(self._on_one, pixels), 2, self.description, self.name)

    def _values(self, session: ort.InferenceSession, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        import onnxruntime as ort

        options = ort.RunOptions()

        def end() -> None:
            options.terminate = True

        # a graph of a stranger may take for ever: it is ended between two of its operators
        timer = Timer(DEADLINE * len(pixels), end)
        timer.daemon = True
        timer.start()
        try:
            return dict(zip(self._outputs, session.run(self._outputs, {ops.PIXELS: pixels}, options), strict=True))
        except Exception as error:  # ONNX Runtime raises its own undocumented exception types
            if options.terminate:
                raise ModelError(f"{self.name} took more than {DEADLINE:.0f} s for a picture and was ended.") from error
            raise ModelError(f"the graph of {self.name} failed ({reason_of(error)}). Train it again.") from error
        finally:
            timer.cancel()

    def _run(self, session: ort.InferenceSession, pixels: NDArray[np.uint8]) -> Outputs:
        values = self._values(session, pixels)
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
        rules = [rule.nearest for rule in (self.description.pet, self.description.unlike) if rule is not None]
        if rules and self.training_photos is not None:
            away = self._distances(outputs.features)
            nearest = min(max(rules), away.shape[1])
            distances = np.sort(np.partition(away, nearest - 1, axis=1)[:, :nearest], axis=1)
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
        kept = self.training_photos
        if kept is None:
            return [[] for _ in features]
        return [
            [
                Neighbour(index=i, path=kept.paths[i], label=kept.labels[i], distance=float(max(row[i], 0.0)))
                for i in np.argsort(row, kind="stable")[:count].tolist()
            ]
            for row in self._distances(features)
        ]

    def _distances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_kept) cosine distances to the training photos, which must be kept."""
        return np.asarray(1 - unit_rows(features) @ self._unit.T)

    @cached_property
    def _unit(self) -> NDArray[np.float32]:
        assert self.training_photos is not None
        return unit_rows(self.training_photos.features)

    def _try(self, picture: Picture | Prepared | Unreadable) -> Prepared | Unreadable:
        if isinstance(picture, Prepared | Unreadable):
            return picture
        try:
            return self.prepare(picture)
        except ImageError as error:
            name = str(picture) if isinstance(picture, str | Path) else type(picture).__name__
            return Unreadable(source=name, error=str(error))


def load(path: str | Path, threads: int | None = None) -> Bundle:
    """Load a bundle from a folder or a .zip.

    Args:
        path: of the bundle.
        threads: cores that it may take; all if None.

    Raises:
        ModelError: there is no bundle, or it is damaged.
    """
    found = Path(path)
    parts, name = read(found), found.resolve().name
    try_graph(parts.graph, parts.description.input.size, name)
    bundle = Bundle(parts, name, threads)
    bundle.check()
    return bundle


def unit_rows(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, dim) float32: rows scaled to length one."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    rows: NDArray[np.float32] = (features / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
    return rows


def _as_many(pictures: Any) -> Iterable[Any]:
    from PIL.Image import Image

    if isinstance(pictures, str | Path | bytes | bytearray | Image) or is_file(pictures):
        return [pictures]
    if not isinstance(pictures, Iterable):
        return [pictures]  # no picture either, and named as such
    if isinstance(pictures, np.ndarray) and pictures.ndim < 4:
        return [pictures]
    return list(pictures) if isinstance(pictures, np.ndarray) else pictures
