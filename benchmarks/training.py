"""A training step of the study's CNN 1 and CNN 2: petmood beside Keras on TensorFlow, in seconds and in what it learns.

    python benchmarks/training.py [--peer-python PYTHON] [--rounds N]

Steps are petmood's own (`petmood.training.training_loop.train` on images in memory, decoded already), with batches of
32 at 224 pixels; the peer's are Keras' `train_on_batch` of the same layers. All take turns. The same images, order and
seed then train once in float32 and once in bfloat16, to show that both learn alike; the profile tells what a step
waits for.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch
from peer import ABSENT, keras
from sheet import Sheet, options_of, paired_ratio

from petmood.training.devices import resolve_device, resolve_precision
from petmood.training.modules import build
from petmood.training.networks import make_network
from petmood.training.settings import Precision, TrainSettings
from petmood.training.training_loop import LabelledImages, train

BATCH = 32
TITLES = {"cnn1": "CNN 1", "cnn2": "CNN 2"}


def faces(n: int, size: int, seed: int) -> LabelledImages:
    """Images of four classes that a network can learn: noise, with a bright square where the class says."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 160, (n, size, size, 3), dtype=np.uint8)
    targets = rng.integers(0, 4, n)
    half, quarter = size // 2, size // 4
    for image, target in zip(images, targets, strict=True):
        y, x = (half * (target // 2) + quarter // 2, half * (target % 2) + quarter // 2)
        image[y : y + quarter, x : x + quarter] += 60
    return LabelledImages(images, targets.astype(np.int64))


class Steps:
    """Training steps of one network at one precision, one at a time, through the loop that trains models."""

    def __init__(self, network: str, size: int, batch: int, precision: Precision) -> None:
        self.module = build(make_network(network, 4, size), 0)
        self.data = faces(batch, size, 0)
        self.settings = TrainSettings(epochs=1, batch_size=batch, size=size, precision=precision)

    def step(self, steps: int = 3) -> float:
        """Seconds of a step, the first of each training left out: it makes what the others have."""
        times: list[float] = []
        train(
            self.module,
            LabelledImages(*(np.concatenate([part] * steps) for part in (self.data.images, self.data.targets))),
            self.settings,
            on_step=lambda done, total: times.append(time.perf_counter()),
        )
        return float(np.median(np.diff(times)))


def profile(network: str, size: int, batch: int, precision: Precision) -> list[tuple[str, str]]:
    """Shares of the processor's time in one training, by operation; copying and converting images is one of them."""
    steps = Steps(network, size, batch, precision)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        steps.step(2)
    events = [event for event in found.key_averages() if event.self_cpu_time_total > 0]
    whole = sum(event.self_cpu_time_total for event in events)
    names = {"aten::copy_": "copying and converting, the loader's part included"}
    events.sort(key=lambda event: -event.self_cpu_time_total)
    return [
        (names.get(event.key, f"`{event.key}`"), f"{event.self_cpu_time_total / whole:.1%}") for event in events[:8]
    ]


def curves(network: str, n: int, size: int, epochs: int) -> dict[str, tuple[float, ...]]:
    """Loss by epoch at each precision: same images, initial weights, order and dropout."""
    found = {}
    for precision in ("float32", "bfloat16"):
        settings = TrainSettings(epochs=epochs, size=size, seed=1, precision=precision)
        result = train(build(make_network(network, 4, size), 1), faces(n, size, 1), settings)
        found[precision] = result.history.loss
    return found


def measure(sheet: Sheet, peer: Any, network: str, size: int, batch: int, rounds: int) -> None:
    """Add what a step of one network takes."""
    best = resolve_precision("auto", resolve_device("cpu"))
    kinds: list[Precision] = ["float32"] if best == "float32" else ["float32", "bfloat16"]
    ours = {kind: Steps(network, size, batch, kind) for kind in kinds}
    seconds: dict[str, list[float]] = {"keras": [], **{kind: [] for kind in kinds}}
    if peer:
        peer.do("step", network=network, size=size, batch=batch)  # traces the graph
    for _ in range(rounds):
        if peer:
            seconds["keras"].append(peer.do("step", network=network, size=size, batch=batch))
        for kind, steps in ours.items():
            seconds[kind].append(steps.step())
    rows = []
    for kind, times in seconds.items():
        if times:
            ratio = f"{paired_ratio(seconds['keras'], times):.2f}" if peer else "-"
            rows.append((kind, len(times), f"{statistics.median(times):.3f}", f"{min(times):.3f}", ratio))
    sheet.table(
        f"{TITLES[network]}, a step of {batch} images of {size} pixels",
        ("kind", "n", "median, s", "best, s", "times as fast as Keras"),
        rows,
    )
    if peer:
        sheet.target(
            f"{TITLES[network]}, {best}: Keras' step / petmood's",
            paired_ratio(seconds["keras"], seconds[best]),
            at_least=1.3,
        )


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__, peer=True)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each kind of step")
    options = parser.parse_args()
    size, batch, rounds = (48, 4, 1) if options.tiny else (224, BATCH, options.rounds)
    sheet = Sheet(
        "training",
        "Training the study's networks",
        f"{torch.get_num_threads()} threads, {rounds} turns of 2 steps each, images decoded already.",
        options.tiny,
    )
    with keras(options.peer_python) as peer:
        sheet.note(f"The peer: {peer.versions}." if peer else ABSENT)
        for network, turns in (("cnn1", rounds), ("cnn2", max(1, rounds // 2))):
            measure(sheet, peer, network, size, batch, turns)
            sheet.save(options.out)
    for network in ("cnn1",):
        n, side, epochs = (16, 48, 2) if options.tiny else (320, 64, 6)
        found = curves(network, n, side, epochs)
        sheet.table(
            f"{TITLES[network]}, loss by epoch: {n} made images of {side} pixels",
            ("precision", *(str(epoch + 1) for epoch in range(epochs))),
            [(precision, *(f"{loss:.4f}" for loss in losses)) for precision, losses in found.items()],
        )
        apart = float(np.abs(np.subtract(found["float32"], found["bfloat16"])).max())
        sheet.target(f"{TITLES[network]}: largest distance of the two curves, nats", apart, at_most=0.05)
    best = resolve_precision("auto", resolve_device("cpu"))
    sheet.table(
        f"Where a step of CNN 1 in {best} goes",
        ("operation", "share of processor time"),
        profile("cnn1", size, batch, best),
    )
    sheet.note("Products in float32 run at the processor's limit in both libraries: only bfloat16 can go beyond it.")
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
