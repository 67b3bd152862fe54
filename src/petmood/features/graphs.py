"""ONNX graphs -> sessions that run them; torch modules -> ONNX graphs."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from petmood.errors import ModelError, reason_of
from petmood.threads import cores

if TYPE_CHECKING:
    import onnxruntime as ort
    import torch


def open_graph(
    graph: bytes | Path,
    name: str,
    todo: str,
    threads: int | None = None,
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> ort.InferenceSession:
    """An ONNX Runtime session.

    Args:
        graph: its bytes or its file.
        name: of what it is, for the message.
        todo: what the user can do where it cannot be loaded.
        threads: that one inference uses; by default all cores, which answers a single inference soonest. With 1 it
            stays on the thread that asks, and threads that ask at once share the cores best.
        providers: ONNX Runtime's names of what to run on, best first.

    Raises:
        ModelError: the graph cannot be loaded.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.log_severity_level = 4  # what is wrong is raised
    # a thread that spins after an inference keeps a core from whoever is to use the answer
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return ort.InferenceSession(
            graph if isinstance(graph, bytes) else str(graph), options, providers=list(providers)
        )
    except Exception as error:  # ONNX Runtime raises its own undocumented exception types
        raise ModelError(f"{name} cannot be loaded by ONNX Runtime ({reason_of(error)}). {todo}") from error


def export_onnx(
    module: torch.nn.Module,
    example: torch.Tensor,
    outputs: Sequence[str],
    target: Path | None = None,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> bytes:
    """The ONNX graph of a torch module in evaluation mode, which reads `pixels`.

    Args:
        module: gives a tensor for each of `outputs`.
        example: of what it reads.
        outputs: their names.
        target: where to write the graph; None returns it.
        axes: of input and outputs that vary, by name; by default the first of each, "n".
    """
    import torch

    out = io.BytesIO()
    names = ["pixels", *outputs]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the TorchScript exporter is chosen knowingly: see docs/decisions/0002
        torch.onnx.export(
            module.eval(),
            (example,),
            str(target) if target else out,  # type: ignore[arg-type]  # torch's types lack files in memory
            dynamo=False,
            opset_version=17,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "n"} for name in names} if axes is None else axes,
        )
    return out.getvalue()
