"""Photos -> a small file by which copies of them are recognised later, without any picture; and what it recognises.

The search for copies compares pictures (`petmood.families.links`). Who passes a model on cannot pass its training
photos on, so that its file has of each photo what is left of the same evidence: the digests of its files, its strongest
local features, coarsely; a thumbnail of 12 x 12 greys; and of 32 x 32 places whether there is detail and of which sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError
from petmood.families.agreement import detail
from petmood.families.candidates import candidates_among, sketch
from petmood.families.geometry import Transform, lay, place
from petmood.families.local import THUMBNAIL, LocalFeatures, quarter_turns
from petmood.families.verify import MIN_OVERLAP
from petmood.records import FloatArray
from petmood.threads import cores, one_thread

POINTS: Final = 96
"""Strongest local features that are kept of a photo."""

MIN_SAME: Final = 0.8
"""Share of places with detail at which two pictures must have detail of the same sign."""

MIN_SAME_WHOLE: Final = 0.9
"""The same where no local features say how one lies on the other, as in pictures with little texture."""

_GRID: Final = 32
_MIN_PLACES: Final = 32  # places with detail below which agreement is chance
_LEAST: Final = 1.0  # grey levels of mean detail below which a place has none
_ALIKE: Final = 0.85  # correlation of two thumbnails, in the best of their flips and turns
_STEP: Final = np.uint8(8)  # of the numbers of a descriptor
_VERSION: Final = 2

Grey = NDArray[np.uint8]
Signs = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one photo.

    Attributes:
        path: in the data that it was in.
        features: its strongest points and descriptors, coarsely; its `grey` is a thumbnail of 12 x 12.
        signs: (32, 32) int8 of its detail at each place: -1 or 1, 0 where there is none.
    """

    path: str
    features: LocalFeatures
    signs: Signs


@dataclass(frozen=True, slots=True)
class Recognised:
    """A picture that shows a remembered photo.

    Attributes:
        row: of the photo in the memory.
        how: "bytes" for a file of equal bytes, "pixels" for the photo in other bytes.
        agreement: share of places with detail of the same sign, 0 to 1; 1 for equal bytes.
        inliers: local features that agree; 0 where whole pictures were compared, and for equal bytes.
    """

    row: int
    how: Literal["bytes", "pixels"]
    agreement: float
    inliers: int


@dataclass(frozen=True)
class Memory:
    """What a set of photos is recognised by: `digests` are those of all their files, with the row of its photo."""

    photos: tuple[Remembered, ...]
    digests: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.photos)

    def recognise(self, digests: Sequence[str], found: Sequence[LocalFeatures]) -> dict[int, Recognised]:
        """Which pictures show a remembered photo: the same file, or cropped, turned, mirrored, relit or saved anew.

        Args:
            digests: of n pictures.
            found: the local features of the same, in order.

        Returns:
            by number of the picture, the photo that is recognised best.
        """
        best = {i: Recognised(self.digests[d], "bytes", 1.0, 0) for i, d in enumerate(digests) if d in self.digests}
        open_ = [i for i in range(len(found)) if i not in best]
        sketches = [sketch(photo.features) for photo in self.photos]
        asking = [sketch(found[i]) for i in open_]
        if any(not len(photo.features.points) for photo in self.photos):
            # no local features find these: a picture is looked for in all its turns, however textured it is
            asking = [replace(one, textured=False) for one in asking]
        pairs = candidates_among(asking, sketches).tolist()

        def look(pair: tuple[int, int]) -> Recognised | None:
            k, row = pair
            return self._look(found[open_[k]], row)

        with one_thread("blas"), ThreadPoolExecutor(cores()) as pool:
            for (k, _), seen in zip(pairs, pool.map(look, pairs), strict=True):
                known = best.get(open_[k])
                if seen is not None and (known is None or seen.agreement > known.agreement):
                    best[open_[k]] = seen
        return dict(sorted(best.items()))

    def _look(self, picture: LocalFeatures, row: int) -> Recognised | None:
        photo = self.photos[row]
        placed = place(picture, photo.features)
        if placed is not None:
            agreement = _agreement(picture, placed.transform, photo)
            if agreement >= MIN_SAME:
                return Recognised(row, "pixels", agreement, placed.inliers)
        alike = np.abs(picture.turned @ photo.features.turned[0])
        which = int(alike.argmax())
        if alike[which] < _ALIKE:
            return None
        agreement = _agreement(picture, _stretched(picture, photo.features, which), photo)
        return Recognised(row, "pixels", agreement, 0) if agreement >= MIN_SAME_WHOLE else None


def remember(path: str, found: LocalFeatures) -> Remembered:
    """What is kept of a photo with these local features."""
    import cv2

    small = np.asarray(cv2.resize(found.grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)
    points = _points(_steps(found.points[:POINTS]))
    descriptors = _coarse(found.descriptors[:POINTS]) * _STEP
    signs = _signs(found.grey, np.ones(found.grey.shape, dtype=np.bool_))
    return Remembered(path, LocalFeatures(points, descriptors, small, found.width, found.height), signs)


def _steps(points: FloatArray) -> NDArray[np.uint8]:
    """(n, 4) places to the pixel, scales to a quarter of one, directions to a 256th of a turn."""
    steps = np.rint(points * np.array([1, 1, 4, 128 / np.pi], np.float32))
    steps[:, 3] %= 256
    return np.clip(steps, 0, 255).astype(np.uint8)


def _points(steps: NDArray[np.uint8]) -> FloatArray:
    points = np.maximum(steps.astype(np.float32), [0, 0, 1, 0]) / np.array([1, 1, 4, 128 / np.pi], np.float32)
    return np.asarray(points, dtype=np.float32)


def _coarse(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Descriptors in 16 steps."""
    return np.minimum(np.rint(descriptors / np.float32(_STEP)), 15).astype(np.uint8)


def _signs(grey: Grey, solid: NDArray[np.bool_]) -> Signs:
    """(32, 32) int8: the sign of the detail at each place of a picture where it is solid and has any."""
    import cv2

    weight = solid.astype(np.float32)
    grid = (_GRID, _GRID)
    covered = cv2.resize(weight, grid, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(detail([grey], weight)[0], grid, interpolation=cv2.INTER_AREA) / np.maximum(covered, 1e-3)
    return np.where((covered > 0.9) & (np.abs(mean) >= _LEAST), np.sign(mean), 0).astype(np.int8)


def _agreement(picture: LocalFeatures, transform: Transform, photo: Remembered) -> float:
    """Share of places at which both have detail where its sign is the same; 0 where there is too little to tell."""
    laid, solid, overlap = lay(picture.grey, (photo.features.width, photo.features.height), transform)
    if overlap < MIN_OVERLAP:
        return 0.0
    signs = _signs(laid, solid)
    both = (signs != 0) & (photo.signs != 0)
    if both.sum() < _MIN_PLACES:
        return 0.0
    same = float((signs == photo.signs)[both].mean())
    return max(same, 1 - same)  # of a negative, every sign is the other


def _stretched(picture: LocalFeatures, onto: LocalFeatures, which: int) -> Transform:
    """The transform that lays a whole picture, in one of its flips and quarter turns, on a whole frame."""
    corners = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)  # [row, column] -> x, y, of the unit square
    moved = np.stack([np.asarray(quarter_turns(corners[..., i])[which], np.float64) for i in range(2)], axis=-1)
    # where the picture's own x and y stand after turning, at the frame's upper left, upper right and lower left
    source = np.array([moved[0, 0], moved[0, 1], moved[1, 0]]) * [picture.width - 1, picture.height - 1]
    target = np.array([[0.0, 0.0], [onto.width - 1.0, 0.0], [0.0, onto.height - 1.0]])
    return np.asarray(np.linalg.solve(np.column_stack([source, np.ones(3)]), target).T, dtype=np.float64)


def pack(memory: Memory) -> bytes:
    """The memory as the bytes of a safetensors file; equal memories are equal bytes."""
    from safetensors.numpy import save

    photos = memory.photos
    nibbles = np.concatenate([_coarse(p.features.descriptors) for p in photos])
    owners = sorted(memory.digests.items())
    tensors: dict[str, NDArray[Any]] = {
        "points": np.concatenate([_steps(p.features.points) for p in photos]),
        "descriptors": nibbles[:, ::2] << 4 | nibbles[:, 1::2],
        "counts": np.array([len(p.features.points) for p in photos], dtype=np.uint8),
        "sizes": np.array([[p.features.width, p.features.height] for p in photos], dtype=np.uint8),
        "thumbnails": np.stack([p.features.grey for p in photos]),
        "detail": np.packbits(
            np.stack([np.stack([p.signs > 0, p.signs < 0]) for p in photos]).reshape(len(photos), -1)
        ),
        "digests": np.array([list(bytes.fromhex(digest)) for digest, _ in owners], dtype=np.uint8),
        "owners": np.array([row for _, row in owners], dtype=np.int32),
    }
    texts = json.dumps({"version": _VERSION, "paths": [p.path for p in photos]})
    packed: bytes = save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, {"photos": texts})
    return packed


def unpack(data: bytes) -> Memory:
    """What `pack` wrote.

    Raises:
        ModelError: it is something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        t = load(data)
        length = int.from_bytes(data[:8], "little")
        texts = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["photos"])
        if texts["version"] != _VERSION:
            raise ModelError(f"the memory of training photos has version {texts['version']}, known is {_VERSION}.")
        nibbles = np.stack([t["descriptors"] >> 4, t["descriptors"] & 15], axis=2).reshape(-1, 128)
        ends = np.cumsum(t["counts"], dtype=np.int64)
        bits = np.unpackbits(t["detail"]).reshape(len(ends), 2, _GRID, _GRID).astype(np.int8)
        photos = []
        for i, (path, end) in enumerate(zip(texts["paths"], ends.tolist(), strict=True)):
            part = slice(end - int(t["counts"][i]), end)
            width, height = (int(side) for side in t["sizes"][i])
            points, descriptors = _points(t["points"][part].reshape(-1, 4)), nibbles[part] * _STEP
            features = LocalFeatures(points, descriptors, t["thumbnails"][i], width, height)
            photos.append(Remembered(path, features, bits[i, 0] - bits[i, 1]))
        digests = [bytes(row.tolist()).hex() for row in t["digests"]]
        return Memory(tuple(photos), dict(zip(digests, t["owners"].tolist(), strict=True)))
    except (SafetensorError, ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise ModelError(f"the memory of training photos cannot be read ({error}). Copy or train it again.") from error
