"""From files to feature vectors: petmood beside bare ONNX Runtime, beside the study's way, and in int8.

    python benchmarks/embedding.py [--data DATA] [--mobilenet FILE.onnx] [--peer-python PYTHON]

Bare ONNX Runtime infers the same images, decoded and prepared beforehand, in batches of the same size: what remains is
what petmood adds by reading, decoding, preparing and storing. The study's way is Keras' `predict` once an image, from
file to MobileNet's pooled features; `--mobilenet` names an ONNX graph of the same network for petmood, else petmood's
own backbone stands there. All take turns. The int8 graph is calibrated on photos of train; what it costs is the
accuracy of logistic regression on its vectors, folds grouped by family.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peer import ABSENT, keras
from sheet import Sheet, data_or_demo, fresh_cache, options_of, paired_ratio

from petmood import images
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.metrics import score
from petmood.evaluate.protocols import cross_predict
from petmood.features import extract_features, load_backbone
from petmood.features.backbones import Backbone
from petmood.features.extract import BATCH, open_session
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.records import FloatArray, Manifest
from petmood.sources import Source, open_source
from petmood.split import grouped_folds
from petmood.train.heads import make_head
from petmood.workflows.quantise import quantised_graph


def prepared(manifest: Manifest, source: Source, backbone: Backbone) -> NDArray[np.float32]:
    """(n, 3, size, size) float32: the graph's input for each image."""
    size = backbone.preprocess.size
    pixels = [images.decode(source.read(record.path, MAX_FILE_BYTES), size) for record in manifest.records]
    return backbone.preprocess.apply(np.stack(pixels))


class Bare:
    """A graph in ONNX Runtime and its input, ready."""

    def __init__(self, backbone: Backbone, values: NDArray[np.float32]) -> None:
        self.session, self.values = open_session(backbone), values
        self.wanted = [backbone.features, *([backbone.logits] if backbone.logits else [])]
        self.session.run(self.wanted, {self.session.get_inputs()[0].name: values[:BATCH]})

    def run(self) -> tuple[float, FloatArray]:
        """Seconds, and the (n, dim) vectors."""
        name = self.session.get_inputs()[0].name
        start = time.perf_counter()
        parts = [
            self.session.run(self.wanted, {name: self.values[at : at + BATCH]})[0]
            for at in range(0, len(self.values), BATCH)
        ]
        return time.perf_counter() - start, np.concatenate(parts)


def cold(manifest: Manifest, source: Source, backbone: Backbone, scratch: Path) -> float:
    """Seconds of petmood from files to vectors, with an empty cache and a new session."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        cache = ContentCache(Path(folder))
        start = time.perf_counter()
        extract_features(manifest, source, backbone, cache)
        return time.perf_counter() - start


def in_int8(backbone: Backbone, values: NDArray[np.float32], scratch: Path) -> Backbone:
    """The same backbone with int8 weights and activations, calibrated on some of its inputs."""
    graph = scratch / "int8.onnx"
    graph.write_bytes(quantised_graph(backbone.graph.read_bytes(), values))
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()
    return replace(backbone, name=f"{backbone.name}, int8", graph=graph, digest=digest)


def accuracy(vectors: FloatArray, manifest: Manifest) -> tuple[float, str]:
    """Accuracy of logistic regression over grouped folds, and the same in words with its interval."""
    settings = RunSettings()
    folds = grouped_folds(manifest, folds=settings.folds, seed=settings.seed)
    made = cross_predict(lambda: make_head("logistic", settings.seed), vectors, manifest, folds)
    found = score(manifest.class_index[made.index], made.predicted, manifest.classes)
    low, high = found.accuracy_ci
    return found.accuracy, f"{found.accuracy:.3f} ({low:.3f} to {high:.3f}, n = {found.n} photos)"


def studys_way(
    sheet: Sheet, peer_python: str | None, mobilenet: Path | None, data: Path, manifest: Manifest, scratch: Path, n: int
) -> None:
    """Add Keras' `predict`, an image at a time and in batches, beside petmood on the same files."""
    graph = load_backbone("efficientnet-lite0")
    if mobilenet is not None:
        shutil.copyfile(mobilenet, scratch / "mobilenet.onnx")
        facts = {"size": 224, "mean": [127.5] * 3, "std": [127.5] * 3, "features": "feat", "logits": "logits"}
        beside = mobilenet.with_suffix(".json")
        text = beside.read_text(encoding="utf-8") if beside.is_file() else json.dumps(facts)
        (scratch / "mobilenet.json").write_text(text, encoding="utf-8")
        graph = load_backbone(f"onnx:{scratch / 'mobilenet.onnx'}", scratch)
    some = replace(manifest, records=manifest.records[:n])
    files = [str(data / record.path) for record in some.records]
    with keras(peer_python) as peer, open_source(data) as source:
        if peer is None:
            sheet.note(ABSENT)
            return
        sheet.note(f"The peer: {peer.versions}; its MobileNet has random weights, which change no speed.")
        few = files[: max(2, n // 4)]
        for batch in (1, BATCH):
            peer.do("predict", images=few, batch=batch)
        ones, batches, ours = [], [], []
        for _ in range(3):
            ones.append(peer.do("predict", images=few, batch=1) / len(few))
            batches.append(peer.do("predict", images=files, batch=BATCH) / n)
            ours.append(cold(some, source, graph, scratch) / n)
    name = "MobileNet" if mobilenet is not None else graph.name
    rows = [
        (kind, f"{1000 * statistics.median(times):.1f}", f"{paired_ratio(times, ours):.1f}")
        for kind, times in (
            ("the study's way: MobileNet, a `predict` an image", ones),
            (f"Keras, batches of {BATCH}", batches),
            (f"petmood, {name}, files to vectors, cold", ours),
        )
    ]
    sheet.table("Beside Keras", ("kind", "ms an image", "times petmood's"), rows)
    sheet.target(f"the study's way / petmood ({name})", paired_ratio(ones, ours), at_least=10)


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
                f"{len(manifest)} images of {called}, batches of {BATCH}, {options.rounds} turns.",
                options.tiny,
            )
            measure(sheet, manifest, source, scratch, 1 if options.tiny else options.rounds, options.tiny)
        sheet.save(options.out)
        studys_way(sheet, options.peer_python, options.mobilenet, data, manifest, scratch, 8 if options.tiny else 256)
        sheet.finish(options.out)


def measure(sheet: Sheet, manifest: Manifest, source: Source, scratch: Path, rounds: int, tiny: bool) -> None:
    """Add petmood beside bare ONNX Runtime, in float32 and in int8."""
    plain = load_backbone("efficientnet-lite0")
    values = prepared(manifest, source, plain)
    train = manifest.photos_in_split("train")
    chosen: Sequence[int] = train[:: max(1, len(train) // 96)][: 8 if tiny else 96]
    bare = Bare(plain, values)
    small = Bare(in_int8(plain, values[chosen], scratch), values)
    seconds: dict[str, list[float]] = {"petmood": [], "bare": [], "int8": []}
    for _ in range(rounds):
        seconds["petmood"].append(cold(manifest, source, plain, scratch))
        took, vectors = bare.run()
        seconds["bare"].append(took)
        took, rough = small.run()
        seconds["int8"].append(took)
    n = len(manifest)
    titles = {
        "petmood": "petmood, files to vectors, cold",
        "bare": "bare ONNX Runtime, images ready",
        "int8": "bare, int8",
    }
    rows = [
        (titles[kind], len(t), f"{1000 * statistics.median(t) / n:.2f}", f"{n / statistics.median(t):.0f}")
        for kind, t in seconds.items()
    ]
    sheet.table("EfficientNet-Lite0", ("kind", "n", "ms an image", "images/s"), rows)
    sheet.target("petmood's throughput / bare", paired_ratio(seconds["bare"], seconds["petmood"]), at_least=0.9)
    sheet.target("float32 / int8", paired_ratio(seconds["bare"], seconds["int8"]), at_least=1.5)
    if not tiny:
        before, told = accuracy(vectors, manifest)
        after, told_after = accuracy(rough, manifest)
        sheet.table(
            "What int8 costs: logistic regression, 5 folds grouped by family",
            ("vectors", "accuracy"),
            [("float32", told), (f"int8, calibrated on {len(chosen)} photos of train", told_after)],
        )
        sheet.note(f"int8 changes accuracy by {100 * (after - before):+.1f} points.")


if __name__ == "__main__":
    main()
