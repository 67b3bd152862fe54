"""A graph that is new here is tried in a process of its own: memory and time that it takes end with that process.

What a graph costs cannot be told from its bytes: ONNX Runtime computes constant parts while it loads it, and one
operator may ask for any amount of memory. So it is loaded and run on `PICTURES` drawn pictures, the most that are
inferred together, where the system's limits end it. `inspection` has seen to it that sizes depend on the number of
pictures alone, never on what is in them. A graph that passed is known by its digest and is not tried again.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Final

from petmood.cache import open_cache
from petmood.errors import ModelError
from petmood.threads import BATCH

PICTURES: Final = 2 * BATCH - 1
"""Pictures that `Bundle` infers together at most."""

SECONDS = 60
"""Processor time that loading a graph and one inference of `PICTURES` may take: usual ones take less than two."""

MEMORY = 4 * 2**30
"""Bytes of address space that a graph may take beyond a few times its own size."""

_NAMESPACE: Final = "graph/tried/v1"
_known: set[str] = set()

# nothing of petmood is imported: what it costs is the start of ONNX Runtime
_CODE: Final = """
import sys
import numpy, onnxruntime
size, count, seconds, memory = map(int, sys.argv[1:])
data = sys.stdin.buffer.read()
try:
    import resource
    taken = 0
    with open("/proc/self/statm") as told:
        taken = int(told.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, OSError, ValueError):
    pass  # the time is kept from outside as well
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 4
try:
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    pictures = numpy.zeros((count, size, size, 3), "uint8" if entry.type == "tensor(uint8)" else "float32")
    session.run(None, {entry.name: pictures if entry.shape[-1] == 3 else pictures.transpose(0, 3, 1, 2)})
except MemoryError:
    sys.exit(3)
except Exception as error:
    text = str(error)
    sys.exit(3 if "bad_alloc" in text or "allocate memory" in text or "BFCArena" in text else 0)
"""


def try_graph(graph: bytes, size: int, name: str, count: int = PICTURES) -> None:
    """Refuse a graph that takes too much time or memory; other faults are left to whoever loads it next.

    Args:
        graph: the ONNX file, inspected.
        size: side in pixels of what it reads.
        name: of the bundle or file, for the message.
        count: pictures that it will read together at most.

    Raises:
        ModelError: it takes more than `SECONDS` or `MEMORY`, or ends the process that runs it.
    """
    digest = hashlib.sha256(graph).hexdigest() + ("" if count == PICTURES else f"-{count}")
    if digest in _known or not sys.executable or getattr(sys, "frozen", False):
        return
    cache = open_cache()
    if cache.get(_NAMESPACE, digest) is None:
        _run(graph, size, name, count)
        cache.put(_NAMESPACE, digest, b"1")
    _known.add(digest)


def trust_graph(graph: bytes) -> None:
    """Take a graph as tried: petmood made it, of parts that were."""
    digest = hashlib.sha256(graph).hexdigest()
    if digest not in _known:
        open_cache().put(_NAMESPACE, digest, b"1")
        _known.add(digest)


def _run(graph: bytes, size: int, name: str, count: int) -> None:
    numbers = (size, count, SECONDS, MEMORY + 6 * len(graph))
    # -P: the current folder, which may be a stranger's too, is not where modules are looked for
    words = [sys.executable, "-P", "-c", _CODE, *map(str, numbers)]
    path = os.pathsep.join(p for p in sys.path if p)
    try:
        done = subprocess.run(
            words,
            input=graph,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            timeout=4 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{name} took more than {4 * SECONDS} s for {count} pictures and was ended.") from error
    except OSError:  # no second process here: deadlines between operators are what is left
        return
    if done.returncode == 3:
        raise ModelError(
            f"{name} takes more than {MEMORY / 2**30:.0f} GiB of memory for {count} pictures and was ended."
        )
    if done.returncode:
        raise ModelError(
            f"{name} took more than {SECONDS} s of processor time for {count} pictures, or crashed, and was ended."
        )
