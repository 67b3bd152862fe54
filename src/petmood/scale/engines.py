"""Parts of a set -> their shards, made one after another here, or by many workers of a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final, Protocol

import numpy as np

from petmood.cache import ContentCache, cache_dir
from petmood.errors import ConfigError, PetmoodError, reason_of, require_extra
from petmood.features.backbones import Backbone
from petmood.scale.embed import ShardMaker, Work
from petmood.scale.places import open_files, open_folder
from petmood.scale.shards import Shard
from petmood.store import write_bytes

OBJECTS: Final = 256 * 2**20  # bytes; shards go to the folder, only their descriptions pass between processes


@contextmanager
def connected(address: str | None, cpus: int) -> Iterator[Any]:
    """Ray, connected to a cluster or to one of its own on this machine, which ends with the work.

    Raises:
        ConfigError: there is no cluster at the address.
        MissingExtraError: the extra `scale` is not installed.
    """
    require_extra("--engine ray", "scale", "ray", "pyarrow")
    if address and address.startswith("ray://") and find_spec("grpc") is None:
        raise ConfigError("an address with ray:// needs Ray's client: pip install 'ray[client]', or use host:port.")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else C++ parts write hints for developers to the terminal
    import ray

    if ray.is_initialized():
        yield ray
        return
    own: dict[str, Any] = {
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECTS,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **({} if address else own))
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"no Ray cluster answers at {address}" if address else "Ray does not start on this machine"
        raise ConfigError(f"{where} ({reason_of(error)}). Check --address, or leave it out.") from error
    try:
        yield ray
    finally:
        ray.shutdown()


Done = Callable[[int], None]
"""Called with the number of files done since the last call."""

WINDOW: Final = 4096
"""Parts whose names the driver holds at once; each window waits for the last worker of the one before."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be embedded, and where the shards go.

    Attributes:
        data: folder, .zip or URL of the images; every worker reads it.
        out: folder or URL of the shards; every worker writes it.
        backbone: the frozen network.
        work: how a worker embeds.
    """

    data: str
    out: str
    backbone: Backbone
    work: Work


class Engine(Protocol):
    """Makes the shards of all parts, in any order."""

    def run(self, job: Job, parts: Iterable[tuple[str, ...]], done: Done) -> list[Shard]:
        """One shard for each part."""
        ...


@dataclass(frozen=True)
class LocalEngine:
    """This process, with one thread per core; what the content cache knows is not done again."""

    cache: ContentCache | None

    def run(self, job: Job, parts: Iterable[tuple[str, ...]], done: Done) -> list[Shard]:
        """One shard for each part."""
        files = open_files(job.data)
        try:
            with closing(ShardMaker(job.backbone, files, open_folder(job.out), job.work, self.cache)) as maker:
                return [maker.make(part, done) for part in parts]
        finally:
            files.close()


@dataclass(frozen=True)
class RayEngine:
    """Actors of a Ray cluster, each with a session of its own, fed by Ray Data.

    Attributes:
        address: of a running cluster (host:port, ray://host:port or "auto"); None starts one on this machine.
        workers: number of actors.
        gpus: share of a GPU that each takes; 0 for none.
    """

    address: str | None
    workers: int
    gpus: float = 0.0

    def run(self, job: Job, parts: Iterable[tuple[str, ...]], done: Done) -> list[Shard]:
        """One shard for each part; an actor that dies is started again and its part done again."""
        with connected(self.address, self.workers * job.work.threads) as ray:
            graph = ray.put(np.frombuffer(job.backbone.graph.read_bytes(), dtype=np.uint8))
            shards = []
            waiting = iter(parts)
            while some := list(islice(waiting, WINDOW)):
                for shard, n in self.send(job, graph, some):
                    shards.append(shard)
                    done(n)
            return shards

    def send(self, job: Job, graph: Any, parts: Sequence[tuple[str, ...]]) -> Iterator[tuple[Shard, int]]:
        """Shards of some parts and how many images each had, as the cluster makes them."""
        import ray.data as data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # importing it has set another level
        # each row is a part: one a block, so that a worker is never handed more than it can lose
        rows = data.from_items([{"names": list(part)} for part in parts], override_num_blocks=len(parts))
        options: dict[str, Any] = {"num_gpus": self.gpus} if self.gpus else {}
        made = rows.map_batches(
            Worker,
            fn_constructor_args=(job, graph),
            batch_size=1,
            compute=data.ActorPoolStrategy(size=min(self.workers, len(parts))),
            num_cpus=job.work.threads,
            **options,
        )
        for row in made.iter_rows():
            if row["complaint"]:
                raise PetmoodError(str(row["complaint"]))
            yield Shard.model_validate_json(row["shard"]), int(row["n"])


class Worker:
    """An actor: opens data, folder and session once, then makes a shard of each part that it is handed."""

    def __init__(self, job: Job, graph: Any) -> None:
        self._job, self._graph = job, graph
        self._opened: ShardMaker | None = None

    @property
    def _maker(self) -> ShardMaker:
        """Opened with the first part, whose complaints are told."""
        if self._opened is None:
            import ray

            job = self._job
            backbone = _with_graph(job.backbone, ray.get(self._graph))
            self._opened = ShardMaker(backbone, open_files(job.data), open_folder(job.out), job.work)
        return self._opened

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """{"names": parts} -> {"shard": JSON of each part's shard, "n": files of each, "complaint": "" or why not}.

        What the user can fix is handed over as text: Ray would wrap it in tracebacks.
        """
        shards, complaint = [], ""
        parts = [[str(name) for name in names] for names in batch["names"]]
        for part in parts:
            try:
                shards.append(self._maker.make(part).model_dump_json())
            except PetmoodError as error:
                shards.append("")
                complaint = str(error)
        return {"shard": shards, "n": [len(part) for part in parts], "complaint": [complaint] * len(parts)}


def _with_graph(backbone: Backbone, graph: Any) -> Backbone:
    """The backbone with its graph on this machine: another machine has neither the weights nor what exports them."""
    if backbone.graph.is_file():
        return backbone
    path = cache_dir() / "backbones" / f"{backbone.digest}.onnx"
    if not path.is_file():
        write_bytes(path, graph.tobytes())
    return replace(backbone, graph=path)
