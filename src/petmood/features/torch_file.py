"""The bytes of a torch weights file -> its tensors as arrays, without torch and without running anything it says.

`torch.save` wrote these files (in its older format, before the zip) as five pickles and the raw numbers. A pickle is a
program; here its opcodes are read by `pickletools`, which only parses, and done by the few lines below, which know
numbers, texts, tuples, lists, dicts and four names. Whatever else a file asks for is refused.
"""

from __future__ import annotations

import io
import math
import pickletools
import struct
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001
_DIMENSIONS: Final = 8
"""More axes than any network's weights have, fewer than numpy can take."""

_MAKERS: Final = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"}
_TYPES: Final = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}


T = TypeVar("T")


class _RefusedError(ValueError):
    """The file is not what `torch.save` writes of plain weights."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that the file mentions: a type of numbers, or one of `_MAKERS`."""

    text: str


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of `length` numbers, to be found further down in the file under its key."""

    key: str
    dtype: str
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """Where in a storage an array lies, and in which order of its axes, the slowest first."""

    storage: _Storage
    start: int
    shape: tuple[int, ...]
    order: tuple[int, ...]


class _Mark:
    """Where on the stack the items of a tuple, list or dict begin."""


def read_tensors(data: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The tensors of a file that `torch.save(network.state_dict())` wrote in the format before torch 1.6.

    Args:
        data: the whole file. The arrays are read-only views of it, float32 or int64.
        name: of the file, for messages.

    Raises:
        ModelError: the file is damaged, of another format, or holds or asks for anything but plain tensors.
    """
    try:
        return _read(data)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            f"{name} is not a torch file of plain weights that petmood can read ({error}). Install its package again."
        ) from error


def _read(data: bytes) -> dict[str, NDArray[Any]]:
    stream = io.BytesIO(data)
    magic, protocol, machine = (_value(stream) for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL or _exactly(dict, machine)["little_endian"] is not True:
        raise _RefusedError("it does not begin as such a file does")
    tensors, keys = _value(stream), _value(stream)
    if not isinstance(tensors, dict) or not isinstance(keys, list):
        raise _RefusedError("it holds no dict of tensors")
    wanted: dict[str, _Storage] = {}
    for tensor in tensors.values():
        if not isinstance(tensor, _Tensor):
            raise _RefusedError("it holds values that are no tensors")
        if wanted.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise _RefusedError("it describes the same numbers in two ways")
    if len(keys) != len(wanted) or set(keys) != set(wanted):
        raise _RefusedError("its numbers are not those of its tensors")
    numbers: dict[str, NDArray[Any]] = {}
    at = stream.tell()
    for key in keys:
        storage = wanted[key]
        (length,) = struct.unpack_from("<q", data, at)
        if length != storage.length:
            raise _RefusedError("a tensor has another length than it says")
        numbers[key] = np.frombuffer(data, storage.dtype, length, at + 8) if length else np.empty(0, storage.dtype)
        at += 8 + numbers[key].nbytes
    if at != len(data):
        raise _RefusedError("more follows than its tensors")
    return {name: _array(numbers[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _array(numbers: NDArray[Any], tensor: _Tensor) -> NDArray[Any]:
    """A view: many tensors may share their numbers, which copies would multiply."""
    piece = numbers[tensor.start : tensor.start + math.prod(tensor.shape)]
    return piece.reshape([tensor.shape[axis] for axis in tensor.order]).transpose(np.argsort(tensor.order))


def _value(stream: io.BytesIO) -> Any:
    """What the next pickle of the stream stands for."""
    stack: list[Any] = []
    memo: dict[object, Any] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "PROTO" | "STOP":
                pass
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode.name])
            case "EMPTY_TUPLE" | "EMPTY_LIST" | "EMPTY_DICT":
                stack.append({"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}[opcode.name])
            case "MARK":
                stack.append(_Mark())
            case "TUPLE":
                stack.append(tuple(_since_mark(stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                length = int(opcode.name[-1])
                if len(stack) < length:
                    raise _RefusedError("a tuple has too few items")
                stack[-length:] = [tuple(stack[-length:])]
            case "APPEND" | "APPENDS":
                items = _since_mark(stack) if opcode.name == "APPENDS" else [stack.pop()]
                _exactly(list, stack[-1]).extend(items)
            case "SETITEM" | "SETITEMS":
                pairs = _since_mark(stack) if opcode.name == "SETITEMS" else [stack.pop(-2), stack.pop()]
                target = _exactly(dict, stack[-1])
                for key, value in zip(pairs[::2], pairs[1::2], strict=True):
                    target[_exactly(str, key)] = value
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                if argument not in _MAKERS and argument not in _TYPES:
                    raise _RefusedError(f"it asks for '{str(argument)[:80]}'")
                stack.append(_Name(str(argument)))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                arguments = stack.pop()
                stack.append(_made(_exactly(_Name, stack.pop()).text, _exactly(tuple, arguments)))
            case "BUILD":
                # the versions of the layers, which torch hangs on the dict
                stack.pop()
                _exactly(dict, stack[-1])
            case other:
                raise _RefusedError(f"it has a step '{other}'")
    (value,) = stack
    return value


def _exactly(kind: type[T], value: object) -> T:
    """The value, which is of the kind and not of one derived from it: True is not a number here."""
    if type(value) is not kind:
        raise _RefusedError(f"a {type(value).__name__} stands where a {kind.__name__} should")
    return value


def _since_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while not isinstance(item := stack.pop(), _Mark):
        items.append(item)
    return items[::-1]


def _storage(described: object) -> _Storage:
    """What a persistent id names: ("storage", type, key, device, length, the part that is seen: None for all)."""
    word, kind, key, _, length, part = _exactly(tuple, described)
    if word != "storage" or part is not None or _exactly(int, length) < 0:
        raise _RefusedError("its numbers are described in an unknown way")
    return _Storage(_exactly(str, key), _TYPES[_exactly(_Name, kind).text], length)


def _made(maker: str, arguments: tuple[Any, ...]) -> Any:
    if maker == "collections OrderedDict" and not arguments:
        return {}
    if maker != "torch._utils _rebuild_tensor_v2":
        raise _RefusedError(f"it calls '{maker}' with {len(arguments)} values")
    storage, start, shape, strides, _, _ = arguments
    _exactly(_Storage, storage)
    sizes = tuple(_exactly(int, size) for size in _exactly(tuple, shape))
    steps = [_exactly(int, step) for step in _exactly(tuple, strides)]
    if len(sizes) != len(steps) or len(sizes) > _DIMENSIONS or any(size < 1 for size in sizes):
        raise _RefusedError("a tensor has an impossible shape")
    order = tuple(sorted(range(len(sizes)), key=lambda axis: -steps[axis]))
    dense = 1
    for axis in reversed(order):
        # an axis of length 1 is never stepped along
        if steps[axis] != dense and sizes[axis] > 1:
            raise _RefusedError("a tensor has gaps or overlaps")
        dense *= sizes[axis]
    if not 0 <= _exactly(int, start) <= storage.length - dense:
        raise _RefusedError("a tensor reaches beyond its numbers")
    return _Tensor(storage, start, sizes, order)
