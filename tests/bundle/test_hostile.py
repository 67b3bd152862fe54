"""Bundles of strangers: each differs from a good one in one thing, and is refused in a line, before any use."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawing import jpeg
from needs import needs
from petmood.bundle import load
from petmood.bundle.folder import TrainingNeighbours, _pack
from petmood.errors import ModelError
from petmood.features.inspection import inspect_graph
from petmood.features.trial import trust_graph

onnx = needs("onnx")
helper, T = onnx.helper, onnx.TensorProto

SIZE, K, DIM = 8, 2, 3
GOOD: dict[str, Any] = {
    "schema": 1,
    "petmood": "0",
    "kind": "head",
    "title": "t",
    "classes": ["a", "b"],
    "input": {"size": SIZE, "mean": [0, 0, 0], "std": [1, 1, 1]},
    "features": DIM,
    "maps": False,
    "imagenet": False,
    "backbone": None,
    "calibration": {"temperature": 1.0, "n": 5, "protocol": "p"},
    "conformal": {
        "method": "m",
        "protocol": "p",
        "default": 0.9,
        "levels": [{"coverage": 0.9, "thresholds": {"a": 0.5, "b": None}, "n": 5, "mean_size": 1.0, "singletons": 1.0}],
    },
    "pet": None,
    "quality": None,
    "data": {"name": "d", "sha256": "0", "images": 4, "photos": 4, "fitted": 4, "photos_by_class": {"a": 2, "b": 2}},
    "evaluation": [],
    "licences": [],
}


def graph(
    *,
    weights: Any = None,
    k: int = K,
    extra: list[Any] = (),  # type: ignore[assignment]
    outputs: tuple[str, ...] = ("probabilities", "scores", "features"),
    entry: str = "pixels",
    kind: int = T.UINT8,
    shape: tuple[Any, ...] = ("n", SIZE, SIZE, 3),
    softmax: str = "Softmax",
) -> Any:
    values = np.ones((DIM, k), np.float32) if weights is None else weights
    nodes = [
        helper.make_node("Cast", [entry], ["x"], to=T.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["features"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["features", "w"], ["scores"]),
        helper.make_node(softmax, ["scores"], ["probabilities"]),
        *extra,
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(entry, kind, shape)],
        [helper.make_tensor_value_info(name, T.FLOAT, None) for name in outputs],
        [onnx.numpy_helper.from_array(values, "w")],
    )
    return helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def write(
    folder: Path, facts: dict[str, Any], model: Any, neighbours: bytes | None = None, text: bytes | None = None
) -> Path:
    folder.mkdir()
    raw = model if isinstance(model, bytes) else model.SerializeToString()
    facts = {"graph_sha256": hashlib.sha256(raw).hexdigest()} | facts
    if neighbours is not None:
        given = {"file": "neighbours.safetensors", "sha256": hashlib.sha256(neighbours).hexdigest(), "n": 4}
        facts["neighbours"] = given | facts.get("neighbours", {})
        (folder / facts["neighbours"]["file"]).write_bytes(neighbours)
    (folder / "model.onnx").write_bytes(raw)
    (folder / "model.json").write_bytes(text if text is not None else json.dumps(facts).encode())
    return folder


def kept(n: int = 4, dim: int = DIM, value: float = 1.0, label: Any = "a", paths: int | None = None) -> bytes:
    texts = tuple(f"{i}.jpg" for i in range(n if paths is None else paths))
    return _pack(TrainingNeighbours(np.full((n, dim), value, np.float32), (label,) * n, texts))


def changed(**paths: Any) -> Callable[[], tuple[dict[str, Any], Any]]:
    """The good description with values put in by dotted path."""

    def make() -> tuple[dict[str, Any], Any]:
        facts = copy.deepcopy(GOOD)
        for path, value in paths.items():
            place: Any = facts
            *way, last = path.split("__")
            for step in way:
                place = place[int(step) if step.isdigit() else step]
            if value is ...:
                del place[last]
            else:
                place[last] = value
        return facts, graph()

    return make


def loop() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond"], ["again"])],
        "body",
        [helper.make_tensor_value_info("i", T.INT64, []), helper.make_tensor_value_info("cond", T.BOOL, [])],
        [helper.make_tensor_value_info("again", T.BOOL, [])],
    )
    return graph(extra=[helper.make_node("Loop", ["", ""], [], body=body)])


def external(where: str) -> Any:
    model = graph()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = T.EXTERNAL
    tensor.external_data.add(key="location", value=where)
    return model


def branch() -> Any:
    side = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=helper.make_tensor("v", T.FLOAT, [1], [1.0]))],
        "side",
        [],
        [helper.make_tensor_value_info("y", T.FLOAT, [1])],
    )
    return graph(extra=[helper.make_node("If", ["c"], ["z"], then_branch=side, else_branch=side)])


def node(kind: str, domain: str = "") -> Any:
    return graph(extra=[helper.make_node(kind, ["x"], ["z"], domain=domain)])


DESCRIPTIONS = {
    f"{path}={value!r}": changed(**{path: value})
    for path, values in {
        "schema": [True, 2, "1", None, 1.5, ...],
        "classes": [[], ["a"], ["a", "a"], ["a", ""], ["a", " "], ["a", "b", "c"], "ab", [1, 2], ...],
        "input__size": [0, -1, 100_000, 2**40, 9, "x", None, 1.5],
        "input__std": [[0, 1, 1], [-1, 1, 1], [1, 1]],
        "input__resample": ["nearest"],
        "features": [0, 4, 2**40, None],
        "maps": [True, None],
        "imagenet": [True],
        "graph_sha256": ["0", None],
        "calibration__temperature": [0, -1, None],
        "conformal__default": [0.5],
        "conformal__levels": [[]],
        "conformal__levels__0__thresholds": [{}, {"a": 0.5}, {"a": 0.5, "c": 0.5}, {"a": 2, "b": 0}, {"a": -1, "b": 0}],
        "conformal__levels__0__coverage": [0, 1, 2],
        "conformal__levels__0__singletons_ci": [[0.9, 0.1], [-1, 0.5], [0.5, 2], [0.5], "ab"],
        "unlike": [
            {"max_distance": 0.5, "nearest": 0, "share": 0.95, "n": 4, "sources": 1},
            {"max_distance": 0.5, "nearest": 10**9, "share": 0.95, "n": 4, "sources": 1},
            {"max_distance": "far", "nearest": 1, "share": 0.95, "n": 4, "sources": 1},
            {"max_distance": 0.5, "nearest": 1, "share": 2, "n": 4, "sources": 1},
            {},
        ],
        "more": [1],
        "data": [..., None],
    }.items()
    for value in values
}
GRAPHS: dict[str, Callable[[], Any]] = {
    "NaN": lambda: graph(weights=np.full((DIM, K), np.nan, np.float32)),
    "infinity": lambda: graph(weights=np.full((DIM, K), np.inf, np.float32)),
    "3 classes": lambda: graph(k=3, weights=np.ones((DIM, 3), np.float32)),
    "no scores": lambda: graph(outputs=("probabilities", "features")),
    "no features": lambda: graph(outputs=("probabilities", "scores")),
    "one output more": lambda: graph(
        extra=[helper.make_node("Neg", ["scores"], ["z"])], outputs=("probabilities", "scores", "features", "z")
    ),
    "another input": lambda: graph(entry="picture"),
    "float input": lambda: graph(kind=T.FLOAT),
    "another size": lambda: graph(shape=("n", 9, 9, 3)),
    "channels first": lambda: graph(shape=("n", 3, SIZE, SIZE)),
    "one picture alone": lambda: graph(shape=(1, SIZE, SIZE, 3)),
    "rank 3": lambda: graph(shape=(SIZE, SIZE, 3)),
    "no probabilities": lambda: graph(softmax="Identity"),
    "negative": lambda: graph(softmax="Neg"),
    "loop": loop,
    "branch": branch,
    "weights elsewhere": lambda: external("weights.bin"),
    "weights of the system": lambda: external("/etc/passwd"),
    "weights above": lambda: external("../../x"),
    "random": lambda: node("RandomNormalLike"),
    "sequence": lambda: node("SequenceConstruct"),
    "text": lambda: node("StringNormalizer"),
    "unknown": lambda: node("Launch"),
    "another domain": lambda: node("Relu", "evil.example"),
    "a function": lambda: _with_function(),
    "empty": lambda: b"",
    "no graph": lambda: b"\x08\x08",
    "text file": lambda: b"this is no graph",
    "cut short": lambda: graph().SerializeToString()[:-20],
    "zeros": lambda: bytes(1000),
    "pickle": lambda: b"\x80\x04\x95" + bytes(50),
}
TEXTS = {
    "empty": b"",
    "no JSON": b"{",
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "deep": b"[" * 100_000,
    "deep object": b'{"schema":1,"a":' * 5000,
    "NaN": json.dumps(GOOD).replace('"temperature": 1.0', '"temperature": NaN').encode(),
    "infinity": json.dumps(GOOD).replace('"temperature": 1.0', '"temperature": Infinity').encode(),
    "no UTF-8": b"\xff\xfe{}",
    "large": b" " * (2**24 + 1),
    "large number": json.dumps(GOOD).replace('"n": 5', '"n": ' + "9" * 5000).encode(),
}
NEIGHBOURS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "fewer": (kept(3), {}),
    "none": (kept(0), {"n": 0}),
    "wider": (kept(dim=5), {}),
    "NaN": (kept(value=float("nan")), {}),
    "unknown label": (kept(label="z"), {}),
    "label that is no text": (kept(label=1), {}),
    "fewer paths": (kept(paths=2), {}),
    "cut short": (kept()[:-3], {}),
    "no safetensors": (b"x" * 100, {}),
    "header of 8 EB": (b"\xff" * 8 + kept()[8:], {}),
    "another file": (kept(), {"file": "other.safetensors"}),
    "another digest": (kept(), {"sha256": "0"}),
}


def _with_function() -> Any:
    model = graph()
    inner = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], [inner], [helper.make_opsetid("", 17)]))
    return model


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as found:
        load(path).predict(jpeg(0))
    assert len(str(found.value)) < 2000
    return str(found.value)


def test_the_good_one_is_good(tmp_path: Path) -> None:
    for name, neighbours in (("a", None), ("b", kept())):
        made = load(write(tmp_path / name, GOOD, graph(), neighbours)).predict(jpeg(0))
        assert made[0].probabilities == {"a": 0.5, "b": 0.5}


def test_there_are_enough_of_them() -> None:
    assert len(DESCRIPTIONS) + len(GRAPHS) + len(TEXTS) + len(NEIGHBOURS) > 90


@pytest.mark.parametrize("which", DESCRIPTIONS)
def test_descriptions(tmp_path: Path, which: str) -> None:
    refused(write(tmp_path / "m", *DESCRIPTIONS[which]()))


@pytest.mark.parametrize("which", GRAPHS)
def test_graphs(tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("petmood.bundle.model.try_graph", lambda *_: None)  # a process each, for nothing that is costly
    (tmp_path / "weights.bin").write_bytes(np.ones((DIM, K), np.float32).tobytes())
    refused(write(tmp_path / "m", GOOD, GRAPHS[which]()))


@pytest.mark.parametrize("which", TEXTS)
def test_texts(tmp_path: Path, which: str) -> None:
    refused(write(tmp_path / "m", GOOD, graph(), text=TEXTS[which]))


@pytest.mark.parametrize("which", NEIGHBOURS)
def test_neighbours(tmp_path: Path, which: str) -> None:
    neighbours, facts = NEIGHBOURS[which]
    refused(write(tmp_path / "m", GOOD | ({"neighbours": facts} if facts else {}), graph(), neighbours))


@pytest.mark.parametrize("name", ["model.onnx", "model.json"])
def test_no_file_beside_the_bundle_is_opened(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "m", GOOD, graph())
    (folder / name).replace(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert "is a link" in refused(folder)


def test_a_graph_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.bundle.model.DEADLINE", 0.05)
    steps = [helper.make_node("MatMul", ["big" if i == 0 else f"m{i - 1}", "big"], [f"m{i}"]) for i in range(3000)]
    start = helper.make_node("ConstantOfShape", ["side"], ["big"], value=helper.make_tensor("v", T.FLOAT, [1], [0.001]))
    end = helper.make_node("ReduceSum", ["m2999"], ["sum"], keepdims=0)
    total = helper.make_node("Add", ["scores0", "sum"], ["scores"])
    model = graph()
    nodes = list(model.graph.node)
    nodes[2].output[0] = "scores0"
    # the side comes from the input, so that nothing is computed before the graph runs
    side = [
        helper.make_node("Shape", ["pixels"], ["dims"]),
        helper.make_node("Slice", ["dims", "one", "three"], ["sides"]),
        helper.make_node("Mul", ["sides", "factor"], ["side"]),
    ]
    constants = {"one": [1], "three": [3], "factor": [100]}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.array(v), k) for k, v in constants.items())
    del model.graph.node[:]
    model.graph.node.extend([*side, start, *nodes[:3], *steps, end, total, nodes[3]])
    trust_graph(model.SerializeToString())  # as if it had been quick when it was tried
    assert "for a picture and was ended" in refused(write(tmp_path / "m", GOOD, model))


@pytest.mark.parametrize("seed", range(40))
def test_a_graph_with_changed_bytes_is_read_or_refused(seed: int) -> None:
    raw = bytearray(graph().SerializeToString())
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(raw), 3):
        raw[at] = rng.integers(0, 256)
    with suppress(ModelError):  # nothing else
        inspect_graph(bytes(raw), "m")


def _made_large(kind: str, factor: int) -> Any:
    """A graph that asks for `factor` x `factor` numbers, of constants or by the size of its input."""
    model = graph()
    nodes = list(model.graph.node)
    nodes[2].output[0] = "scores0"
    if kind == "constant":
        first = [helper.make_node("Identity", ["side0"], ["side"])]
        values = {"side0": [factor, factor]}
    elif kind == "shape":
        first = [
            helper.make_node("Shape", ["pixels"], ["dims"]),
            helper.make_node("Slice", ["dims", "one", "three"], ["sides"]),
            helper.make_node("Mul", ["sides", "factor"], ["side"]),
        ]
        values = {"one": [1], "three": [3], "factor": [factor // SIZE]}
    else:
        first = [
            helper.make_node("ReduceMax", ["x"], ["most"], axes=[0, 1, 2, 3], keepdims=0),
            helper.make_node("Cast", ["most"], ["whole"], to=T.INT64),
            helper.make_node("Unsqueeze", ["whole", "zero"], ["row"]),
            helper.make_node("Concat", ["row", "row"], ["side"], axis=0),
        ]
        values = {"zero": [0]}
    fill = helper.make_tensor("v", T.FLOAT, [1], [0.001])
    last = [
        helper.make_node("ConstantOfShape", ["side"], ["big"], value=fill),
        helper.make_node("ReduceSum", ["big"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "nothing"], ["none"]),
        helper.make_node("Add", ["scores0", "none"], ["scores"]),
    ]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.array(v), k) for k, v in values.items())
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0, np.float32), "nothing"))
    del model.graph.node[:]
    model.graph.node.extend([nodes[0], *first, *last[:3], *nodes[1:3], last[3], nodes[3]])
    return model


@pytest.mark.parametrize("kind", ["constant", "shape"])
def test_memory_is_asked_for_where_it_ends_with_its_process(tmp_path: Path, kind: str) -> None:
    assert load(write(tmp_path / "small", GOOD, _made_large(kind, 16))).predict(jpeg(0))
    assert "of memory" in refused(write(tmp_path / "m", GOOD, _made_large(kind, 80_000)))


def test_no_size_depends_on_what_is_in_a_picture(tmp_path: Path) -> None:
    assert "depends on what is in a picture" in refused(write(tmp_path / "m", GOOD, _made_large("picture", 0)))


@pytest.mark.skipif(sys.platform == "win32", reason="the system counts processor time")
def test_what_is_computed_while_loading_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.features.trial.SECONDS", 1)
    side = 3000
    model = graph()
    values = {"m0": np.full((side, side), 1e-4, np.float32)}
    steps = [helper.make_node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(100)]
    steps += [
        helper.make_node("ReduceSum", ["m100"], ["sum"], keepdims=0),
        helper.make_node("Add", ["scores0", "sum"], ["scores"]),
    ]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in values.items())
    nodes = list(model.graph.node)
    nodes[2].output[0] = "scores0"
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:3], *steps, nodes[3]])
    # on a machine with other work the clock may end it before its processor time is spent
    assert re.search("processor time|took more than", refused(write(tmp_path / "m", GOOD, model)))
