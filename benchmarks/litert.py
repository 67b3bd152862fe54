"""A bundle's graph as LiteRT (TensorFlow Lite), by onnx2tf: its bytes, and how far its answers are from ONNX Runtime's.

    python -m venv litert
    litert/bin/pip install onnx2tf==1.29.24
    python benchmarks/litert.py [MODEL] --python litert/bin/python [--out FOLDER]

The converter pins packages that petmood is not to be run with, so it lives in an environment of its own. What is
measured are the probabilities for drawn faces, one at a time, as a phone would ask. `--out` keeps the files.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FACES = 60
TOLERANCE = 1e-3
TRIED = "calibration_image_sample_data_20x128x128x3_float32.npy"


def drawn(size: int, count: int) -> np.ndarray:
    """(count, size, size, 3) uint8: faces of each species and mood in turn."""
    from petmood.demo.dataset import draw_portrait
    from petmood.demo.moods import MOODS
    from petmood.demo.species import PAINTERS

    kinds = itertools.cycle(itertools.product(PAINTERS, MOODS))
    rng = np.random.default_rng(0)
    return np.stack(
        [
            np.asarray(draw_portrait(species, mood, rng.uniform(), size, rng).image)
            for species, mood in itertools.islice(kinds, count)
        ]
    )


def graph_of_one(graph: bytes) -> Any:
    """The graph with the probabilities as its only output, for one picture at a time."""
    import onnx
    from onnx.utils import Extractor

    model = onnx.load_from_string(graph)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    return in_floats(Extractor(model).extract_model(["pixels"], ["probabilities"]))


def in_floats(model: Any) -> Any:
    """The same graph with int8 weights as floats, and rounding to int8 as operations: divide, round, clip, multiply.

    onnx2tf leaves out pairs of QuantizeLinear and DequantizeLinear, and with them the clipping by activations that the
    quantizer left to them: its answers would be others.
    """
    import onnx
    from onnx import helper, numpy_helper

    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    source: dict[str, Any] = {}  # QuantizeLinear nodes by their output
    nodes: list[Any] = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            source[node.output[0]] = node
        elif node.op_type != "DequantizeLinear":
            nodes.append(node)
        elif (values := known.get(node.input[0])) is not None:
            scale, zero = (known[name] for name in node.input[1:])
            if scale.size > 1:
                (axis,) = (a.i for a in node.attribute if a.name == "axis")
                shape = [-1 if i == axis else 1 for i in range(values.ndim)]
                scale, zero = scale.reshape(shape), zero.reshape(shape)
            known[node.output[0]] = np.float32((values.astype(np.float32) - zero.astype(np.float32)) * scale)
        else:
            name, kind = node.output[0], known[node.input[2]].dtype
            given, zero = source[node.input[0]].input[0], float(known[node.input[2]])
            known[f"{name}.low"], known[f"{name}.high"] = (
                np.float32(bound - zero) for bound in (np.iinfo(kind).min, np.iinfo(kind).max)
            )
            steps = {
                "Div": [node.input[1]],
                "Round": [],
                "Clip": [f"{name}.low", f"{name}.high"],
                "Mul": [node.input[1]],
            }
            for operation, others in steps.items():
                made = name if operation == "Mul" else f"{name}.{operation}"
                nodes.append(helper.make_node(operation, [given, *others], [made]))
                given = made
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(np.asarray(known[name]), name) for name in sorted(used & known.keys())]
    graph = helper.make_graph(nodes, "model", model.graph.input, model.graph.output, tensors)
    floats = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(floats)
    return floats


def inside(folder: Path) -> None:
    """Convert and read, with the packages of the converter's environment; needs nothing of petmood."""
    import onnx2tf
    from ai_edge_litert.interpreter import Interpreter

    onnx2tf.convert(
        input_onnx_file_path=str(folder / "model.onnx"),
        output_folder_path=str(folder / "lite"),
        keep_shape_absolutely_input_names=["pixels"],  # they are (1, height, width, 3) already
        # it tries each operation on pictures, and fetches its own from the network if these are not there
        check_onnx_tf_outputs_sample_data_normalization="denorm",
        non_verbose=True,
    )
    pixels = np.load(folder / "pixels.npy")
    for file in sorted((folder / "lite").glob("*_float*.tflite")):
        interpreter = Interpreter(str(file))
        interpreter.allocate_tensors()
        (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()
        answers = []
        for picture in pixels:
            interpreter.set_tensor(given["index"], picture[None].astype(given["dtype"]))
            interpreter.invoke()
            answers.append(interpreter.get_tensor(told["index"])[0])
        np.save(file.with_suffix(".npy"), np.stack(answers))


def main() -> int:
    """Convert, compare and print; 1 if the float32 model does not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="pets")
    parser.add_argument("--python", type=Path, required=True, help="of the environment that has onnx2tf")
    parser.add_argument("--out", type=Path, help="where to keep the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return compare(options.model, options.python, options.out or Path(scratch))


def compare(name: str, python: Path, folder: Path) -> int:
    """Have the other environment convert; print bytes and differences."""
    import onnx

    from petmood.bundle import load
    from petmood.bundle.folder import read

    folder.mkdir(parents=True, exist_ok=True)
    bundle, graph = load(name), read(Path(name)).graph
    pixels = drawn(bundle.size, FACES)
    np.save(folder / "pixels.npy", pixels)
    np.save(folder / TRIED, np.float32(drawn(128, 20) / 255))
    onnx.save(graph_of_one(graph), folder / "model.onnx")
    command = [str(python.absolute()), str(Path(__file__).absolute()), "inside", str(folder.absolute())]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
        print(f"{name} was not converted")
        return 1
    expected = np.concatenate([bundle.infer(picture[None]).probabilities for picture in pixels])
    print(f"{name}: {len(graph) / 1e6:.1f} MB as ONNX; {FACES} drawn faces of {bundle.size} x {bundle.size} pixels")
    off = {}
    for file in sorted((folder / "lite").glob("*_float*.tflite")):
        told, kind = np.load(file.with_suffix(".npy")), file.stem.removeprefix("model_")
        off[kind] = np.abs(told - expected).max(axis=1)
        same = (told.argmax(axis=1) == expected.argmax(axis=1)).sum()
        print(
            f"{kind}: {file.stat().st_size / 1e6:.1f} MB; probabilities differ by at most {off[kind].max():.1e}, "
            f"{np.median(off[kind]):.1e} for the median face; the same mood comes first for {same} of {FACES}"
        )
    equal = bool(off["float32"].max() <= TOLERANCE)
    print(f"float32 agrees with ONNX Runtime to {TOLERANCE:g}: {'yes' if equal else 'no'}")
    return int(not equal)


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(Path(sys.argv[2]))
    else:
        sys.exit(main())
