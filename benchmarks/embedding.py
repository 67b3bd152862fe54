"""From files to feature vectors: petmood beside bare ONNX Runtime, beside the study's way, and in int8.

    python benchmarks/embedding.py [--data DATA] [--mobilenet FILE.onnx] [--peer-python PYTHON]

Bare ONNX Runtime infers the same images, decoded and prepared beforehand: what remains is what petmood adds by reading,
decoding, preparing and storing. It is asked in two ways: one inference of 32 images at a time on all cores, as usual,
and as petmood asks, small batches by one thread per core. The study's way is Keras' `predict` once an image, from file
to MobileNet's pooled features. petmood stands beside it with its default backbone and, where `--mobilenet` names an
ONNX graph of the study's network, with that too, in float32 and int8. All take turns. int8 graphs are calibrated on
photos of train; what it costs is the accuracy of logistic regression on their vectors, folds grouped by family.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from peer import ABSENT, keras
from sheet import Sheet, data_or_demo, fresh_cache, options_of, paired_ratio

from petmood import images
from petmood.build.quantised import CALIBRATION, calibration_photos
from petmood.bundle.int8 import quantised_graph
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import cross_fit
from petmood.features import extract_features, load_backbone
from petmood.features.backbones import Backbone
from petmood.features.extract import open_session
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.records import FloatArray, Manifest
from petmood.sources import Source, open_source
from petmood.split import grouped_folds
from petmood.threads import BATCH, in_streams
from petmood.training.heads import make_head

LARGE = 32
"""Images in a batch as it is usually chosen."""

FEW = 8
"""Photos that a trial run calibrates int8 on."""

DECODING = "reading, decoding and preparing alone, one thread per core"


def prepared(manifest: Manifest, source: Source, backbone: Backbone) -> NDArray[np.float32]:
    """(n, 3, size, size) float32: the graph's input for each image."""
    size = backbone.preprocess.size
    pixels = [images.decode(source.read(record.path, MAX_FILE_BYTES), size) for record in manifest.records]
    return backbone.preprocess.apply(np.stack(pixels))


class Bare:
    """A graph in ONNX Runtime and its input, ready."""

    def __init__(self, backbone: Backbone, values: NDArray[np.float32]) -> None:
        self.values = values
        self.wanted = [backbone.features, *([backbone.logits] if backbone.logits else [])]
        self.all_cores, self.one_core = open_session(backbone), open_session(backbone, 1)
        for session in (self.all_cores, self.one_core):
            self._infer(session, values[:BATCH])

    def _infer(self, session: InferenceSession, values: NDArray[np.float32]) -> FloatArray:
        vectors: FloatArray = session.run(self.wanted, {session.get_inputs()[0].name: values})[0]
        return vectors

    def one_by_one(self, batch: int, n: int | None = None) -> float:
        """Seconds of one inference after another, each on all cores."""
        values = self.values[:n]
        start = time.perf_counter()
        for at in range(0, len(values), batch):
            self._infer(self.all_cores, values[at : at + batch])
        return time.perf_counter() - start

    def streams(self, batch: int, n: int | None = None) -> tuple[float, FloatArray]:
        """Seconds of one thread per core, each with batches of its own; and the (n, dim) vectors."""
        values = self.values[:n]
        start = time.perf_counter()
        made = in_streams(values, lambda part: self._infer(self.one_core, np.asarray(part)), batch)
        vectors = np.concatenate([part for _, part in made])
        return time.perf_counter() - start, vectors


def cold(manifest: Manifest, source: Source, backbone: Backbone, scratch: Path) -> float:
    """Seconds of petmood from files to vectors, with an empty cache and a new session."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        cache = ContentCache(Path(folder))
        start = time.perf_counter()
        extract_features(manifest, Pictures(source), backbone, cache)
        return time.perf_counter() - start


def decoding(manifest: Manifest, source: Source, backbone: Backbone) -> float:
    """Seconds of reading, decoding and preparing alone."""
    pictures = Pictures(source)
    start = time.perf_counter()

    def ready(index: Sequence[int]) -> None:
        records = [manifest.records[i] for i in index]
        backbone.preprocess.apply(pictures.pixels(records, backbone.preprocess.size))

    for _ in in_streams(range(len(manifest)), ready):
        pass
    return time.perf_counter() - start


def in_int8(backbone: Backbone, values: NDArray[np.float32], scratch: Path) -> Backbone:
    """The same backbone with int8 weights and activations, calibrated on some of its inputs."""
    graph = scratch / f"{backbone.name}-int8.onnx"
    graph.write_bytes(quantised_graph(backbone.graph.read_bytes(), values))
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()
    return replace(backbone, name=f"{backbone.name}, int8", graph=graph, digest=digest)


def accuracy(vectors: FloatArray, manifest: Manifest) -> tuple[float, str]:
    """Accuracy of logistic regression over grouped folds, and the same in words with its interval."""
    settings = RunSettings()
    folds = grouped_folds(manifest, folds=settings.folds, seed=settings.seed)
    made = cross_fit(lambda: make_head("logistic", settings.seed), vectors, manifest, folds)
    found = score(manifest.class_index[made.index], made.predicted, manifest.classes, manifest.family_index[made.index])
    low, high = found.accuracy_ci
    return found.accuracy, f"{found.accuracy:.3f} ({low:.3f} to {high:.3f}, n = {found.n} photos)"


def of_mobilenet(mobilenet: Path, scratch: Path) -> Backbone:
    """The study's network from an ONNX graph of it."""
    shutil.copyfile(mobilenet, scratch / "MobileNet.onnx")
    facts = {"size": 224, "mean": [127.5] * 3, "std": [127.5] * 3, "features": "feat", "logits": "logits"}
    beside = mobilenet.with_suffix(".json")
    text = beside.read_text(encoding="utf-8") if beside.is_file() else json.dumps(facts)
    (scratch / "MobileNet.json").write_text(text, encoding="utf-8")
    return load_backbone(f"onnx:{scratch / 'MobileNet.onnx'}", scratch)


def studys_way(
    sheet: Sheet, peer_python: str | None, mobilenet: Path | None, data: Path, manifest: Manifest, scratch: Path, n: int
) -> None:
    """Add Keras' `predict`, an image at a time and in batches, beside petmood on the same files."""
    default = load_backbone(RunSettings().backbone)
    some = replace(manifest, records=manifest.records[:n])
    files = [str(data / record.path) for record in some.records]
    with keras(peer_python) as peer, open_source(data) as source:
        if peer is None:
            sheet.note(ABSENT)
            return
        sheet.note(f"The peer: {peer.versions}; its MobileNet has random weights, which change no speed.")
        ours = {f"petmood, {default.name} (its default)": default}
        if mobilenet is not None:
            same = of_mobilenet(mobilenet, scratch)
            photos = calibration_photos(manifest, FEW if n < LARGE else CALIBRATION)
            chosen = replace(manifest, records=tuple(manifest.records[i] for i in photos))
            ours["petmood, MobileNet"] = same
            bare = Bare(same, prepared(some, source, same))
            ours["petmood, MobileNet, int8"] = in_int8(same, prepared(chosen, source, same), scratch)
        few = files[: max(2, n // 4)]
        for batch in (1, LARGE):
            peer.do("predict", images=few, batch=batch)
        times: dict[str, list[float]] = {}
        for _ in range(3):
            one = peer.do("predict", images=few, batch=1) / len(few)
            times.setdefault("the study's way: MobileNet, a `predict` an image", []).append(one)
            many = peer.do("predict", images=files, batch=LARGE) / n
            times.setdefault(f"Keras, MobileNet, batches of {LARGE}", []).append(many)
            if mobilenet is not None:
                times.setdefault("bare ONNX Runtime, MobileNet, images ready", []).append(bare.streams(BATCH, n)[0] / n)
            for kind, backbone in ours.items():
                times.setdefault(kind, []).append(cold(some, source, backbone, scratch) / n)
    ones = next(iter(times.values()))
    rows = [
        (kind, f"{1000 * statistics.median(each):.1f}", f"{paired_ratio(ones, each):.1f}")
        for kind, each in times.items()
    ]
    sheet.table("Beside Keras, from files to vectors, cold", ("kind", "ms an image", "times as fast"), rows)
    for kind in ours:
        sheet.target(f"the study's way / {kind}", paired_ratio(ones, times[kind]), at_least=10)


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__, data=True, peer=True)
    named = os.environ.get("MOBILENET_ONNX")
    parser.add_argument(
        "--mobilenet",
        type=Path,
        default=Path(named) if named else None,
        help="ONNX graph of MobileNet v1, outputs feat and logits (default: $MOBILENET_ONNX)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of petmood, bare ONNX Runtime and int8")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        scratch = Path(work)
        fresh_cache(scratch)
        data, called = data_or_demo(options.data, scratch)
        with open_source(data) as source:
            manifest = read_dataset(source, ContentCache())
            if options.tiny:
                # every 8th photo keeps all classes
                manifest = replace(manifest, records=manifest.records[:: max(1, len(manifest) // 24)])
            sheet = Sheet(
                "embedding",
                "From files to vectors",
                f"{len(manifest)} images of {called}, {options.rounds} turns.",
                options.tiny,
            )
            measure(sheet, manifest, source, scratch, 1 if options.tiny else options.rounds, options.tiny)
        sheet.save(options.out)
        studys_way(sheet, options.peer_python, options.mobilenet, data, manifest, scratch, 8 if options.tiny else 256)
        sheet.finish(options.out)


def measure(sheet: Sheet, manifest: Manifest, source: Source, scratch: Path, rounds: int, tiny: bool) -> None:
    """Add petmood beside bare ONNX Runtime, in float32 and in int8."""
    plain = load_backbone(RunSettings().backbone)
    values = prepared(manifest, source, plain)
    chosen = calibration_photos(manifest, FEW if tiny else CALIBRATION)
    rough = in_int8(plain, values[chosen], scratch)
    bare, small = Bare(plain, values), Bare(rough, values)
    usual, streamed = f"bare, batches of {LARGE} on all cores", f"bare, batches of {BATCH}, one thread per core"
    seconds: dict[str, list[float]] = {}

    def took(kind: str, time_taken: float) -> None:
        seconds.setdefault(kind, []).append(time_taken)

    for _ in range(rounds):
        took("petmood, files to vectors, cold", cold(manifest, source, plain, scratch))
        took(usual, bare.one_by_one(LARGE))
        time_taken, vectors = bare.streams(BATCH)
        took(streamed, time_taken)
        took(DECODING, decoding(manifest, source, plain))
        took("petmood, int8, files to vectors, cold", cold(manifest, source, rough, scratch))
        time_taken, coarse = small.streams(BATCH)
        took(f"{streamed}, int8", time_taken)
    n = len(manifest)
    rows = [
        (kind, len(t), f"{1000 * statistics.median(t) / n:.2f}", f"{n / statistics.median(t):.0f}")
        for kind, t in seconds.items()
    ]
    sheet.table("EfficientNet-Lite0", ("kind", "n", "ms an image", "images/s"), rows)
    by_batch(sheet, bare, 16 if tiny else 256, rounds)
    ours, ours_int8 = seconds["petmood, files to vectors, cold"], seconds["petmood, int8, files to vectors, cold"]
    sheet.target("petmood's throughput / bare in large batches", paired_ratio(seconds[usual], ours), at_least=0.9)
    own, alone = paired_ratio(seconds[streamed], ours), statistics.median(seconds[DECODING])
    sheet.note(
        f"petmood's throughput is {own:.2f} of the bare one in its own way: the rest is decoding and preparing, which "
        f"alone take {1000 * alone / n:.2f} ms an image on all cores, and storing."
    )
    sheet.target(
        "int8 / float32, throughput bare", paired_ratio(seconds[streamed], seconds[f"{streamed}, int8"]), at_least=1.5
    )
    sheet.target("int8 / float32, throughput of petmood", paired_ratio(ours, ours_int8), at_least=1.5)
    if not tiny:
        before, told = accuracy(vectors, manifest)
        after, told_after = accuracy(coarse, manifest)
        sheet.table(
            "What int8 costs: logistic regression, 5 folds grouped by family",
            ("vectors", "accuracy"),
            [("float32", told), (f"int8, calibrated on {len(chosen)} photos of train", told_after)],
        )
        sheet.note(f"int8 changes accuracy by {100 * (after - before):+.1f} points.")


def by_batch(sheet: Sheet, bare: Bare, n: int, rounds: int) -> None:
    """Add what batch suits each way of asking."""
    ways: dict[str, Callable[[int], float]] = {
        "one after another, each on all cores": lambda batch: bare.one_by_one(batch, n),
        "one thread per core, each with its own": lambda batch: bare.streams(batch, n)[0],
    }
    batches = (1, 2, 4, 8, 16, 32)
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for way, run in ways.items():
            for batch in batches:
                seconds.setdefault((way, batch), []).append(run(batch))
    rows = [(way, *(f"{1000 * statistics.median(seconds[way, batch]) / n:.2f}" for batch in batches)) for way in ways]
    columns = ("inferences", *(f"batches of {batch}" for batch in batches))
    sheet.table(f"Bare ONNX Runtime by batch, {n} images: ms an image", columns, rows)


if __name__ == "__main__":
    main()
