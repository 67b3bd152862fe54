"""A video is read frame by frame and then as a whole, with an uncertainty that knows that neighbours are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from petmood.bundle import Prediction
from petmood.jobs.predict import pictures, pool


def frames(rows: np.ndarray, verdict: str = "sure") -> list[Prediction]:
    return [
        Prediction(
            source="a.mp4",
            width=9,
            height=9,
            verdict=verdict,  # type: ignore[arg-type]
            mood="ab"[int(row.argmax())],
            probability=float(row.max()),
            probabilities={"a": float(row[0]), "b": float(row[1])},
            prediction_set=None,
            coverage=None,
            species=None,
            species_probabilities=None,
            pet=None,
            cautions=(),
        )
        for row in rows
    ]


def rows_of(p: np.ndarray) -> np.ndarray:
    return np.stack([p, 1 - p], axis=1)


def test_frames_without_a_pet_do_not_count() -> None:
    seen = [*frames(rows_of(np.full(6, 0.9))), *frames(rows_of(np.full(6, 0.1)), "no-pet-face")]
    found = pool("a.mp4", ("a", "b"), np.arange(12.0).tolist(), seen)
    assert (found.mood, found.frames, found.frames_with_pet, found.seconds) == ("a", 12, 6, 11.0)
    assert found.probabilities["a"] == 0.9
    assert found.intervals is not None
    assert found.intervals["a"] == (0.9, 0.9)
    assert "a on the whole (90%" in found.sentence
    none = pool("a.mp4", ("a", "b"), [0.0], frames(rows_of(np.full(1, 0.9)), "no-pet-face"))
    assert none.sentence.startswith("No pet face")
    assert none.intervals is None


def test_intervals_of_frames_that_resemble_their_neighbours_are_wider() -> None:
    rng = np.random.default_rng(1)
    apart = rng.uniform(0.2, 0.8, 64)
    alike = np.sort(apart)  # the same values, each beside its likes
    widths = []
    for values in (apart, alike):
        found = pool("a.mp4", ("a", "b"), np.arange(64.0).tolist(), frames(rows_of(values)))
        assert found.intervals is not None
        low, high = found.intervals["a"]
        assert low <= found.probabilities["a"] <= high
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_folders_give_videos_too(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.MP4", "c.heic", "d.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in pictures([str(tmp_path)])] == ["a.jpg", "b.MP4", "c.heic"]
