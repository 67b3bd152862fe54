"""An address -> Ray, connected to that cluster or to one of its own on this machine, quiet and ended cleanly."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from petmood.errors import ConfigError, reason_of, require_extra

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
