"""A Parquet file whose rows hold images, as Hugging Face writes them -> named images, and what other columns say."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from petmood import images
from petmood.errors import DataError, ImageError, reason_of, require_extra
from petmood.given import check_rows, parquet_damage, parse_json

if TYPE_CHECKING:
    import polars as pl

SUFFIX: Final = ".parquet"

_BATCH: Final = 256
"""Rows held at a time while a file is listed."""

_BLOCK: Final = 16
_KEPT_BYTES: Final = 64 * 2**20
"""So many rows are read together, and blocks of so many bytes kept for the next reading."""

_MAGIC: Final = (
    (b"\xff\xd8", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"RIFF", ".webp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
_PLAIN: Final = ("image", "img", "picture", "photo", "bytes", "image_bytes", "content")


def image_table(path: Path) -> ImageTable | None:
    """The images of a Parquet file; None if it has none, or cannot be read.

    Raises:
        MissingExtraError: the extra `tables` is not installed.
    """
    require_extra(f"Reading {path.name}", "tables")
    import polars as pl

    try:
        schema = pl.read_parquet_schema(path)
        plain = [name for name, kind in schema.items() if kind == pl.Binary]
        plain = [name for name in plain if name.lower() in _PLAIN or _holds_pictures(path, name)]
    except parquet_damage():
        return None
    nested = [
        name
        for name, kind in schema.items()
        if isinstance(kind, pl.Struct) and {"bytes", "path"} <= {field.name for field in kind.fields}
    ]
    for found in (nested, plain):
        if found:
            column = next((name for name in found if name.lower() in _PLAIN), found[0])
            return ImageTable(path, column, nested=found is nested, others=[n for n in found if n != column])
    return None


def _holds_pictures(path: Path, column: str) -> bool:
    import polars as pl

    heads = pl.scan_parquet(path).select(pl.col(column).bin.slice(0, 16)).drop_nulls().head(3).collect()
    return bool(len(heads)) and all(images.identify(head) for head in heads[column])


@contextmanager
def _undamaged(path: Path, kind: type[DataError]) -> Iterator[None]:
    try:
        yield
    except parquet_damage() as error:
        raise kind(f"{path.name} is a damaged Parquet file ({reason_of(error)}). Copy or download it again.") from error


class ImageTable:
    """Images in a column of a Parquet file, a few rows in memory at a time."""

    def __init__(self, path: Path, column: str, *, nested: bool, others: Sequence[str] = ()) -> None:
        """A table whose images stand in `column`; `others` may hold images too."""
        self._path = path
        self.column = column
        self.others = tuple(others)
        self._nested = nested
        self._blocks: OrderedDict[int, pl.Series] = OrderedDict()
        self._lock = threading.Lock()

    def members(self) -> list[str]:
        """A name for each row, in the file's order: the one it was saved with, where those differ, else a number."""
        return list(self._rows)

    @cached_property
    def _rows(self) -> dict[str, int]:
        found = list(self._named())
        stems = [name for name, _ in found]
        own = len(set(stems)) == len(stems) and all(stems)
        width = max(6, len(str(len(found))))
        return {
            (name if own else f"{i:0{width}d}/{name}" if name else f"{i:0{width}d}{kind}"): i
            for i, (name, kind) in enumerate(found)
        }

    def _named(self) -> Iterator[tuple[str, str]]:
        import polars as pl

        column = pl.col(self.column)
        data = column.struct.field("bytes") if self._nested else column
        path = column.struct.field("path") if self._nested else pl.lit(None, pl.String)
        query = pl.scan_parquet(self._path).select(path.alias("path"), data.bin.slice(0, 4).alias("head"))
        with _undamaged(self._path, DataError):
            check_rows(pl.scan_parquet(self._path).select(pl.len()).collect().item(), 4, 0, self._path.name)
            for batch in query.collect_batches(chunk_size=_BATCH):
                for name, head in batch.iter_rows():
                    kind = next((suffix for mark, suffix in _MAGIC if (head or b"").startswith(mark)), ".jpg")
                    file = PurePosixPath((name or "").replace("\\", "/")).name.replace("#", "_")
                    yield (file if PurePosixPath(file).suffix or not file else file + kind), kind

    def read(self, member: str, limit: int) -> bytes:
        """Bytes of one image.

        Raises:
            ImageError: the row has none, or has more than `limit` bytes.
        """
        row = self._rows[member]
        block = self._block(row // _BLOCK)
        size = block.bin.size()[row % _BLOCK]
        if size is None:
            raise ImageError("the table has no bytes for it")
        if size > limit:
            raise ImageError(f"file too large: {size:,} bytes, the limit is {limit:,}")
        return bytes(block[row % _BLOCK])

    def _block(self, number: int) -> pl.Series:
        import polars as pl

        with self._lock:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                return self._blocks[number]
        column = pl.col(self.column)
        data = column.struct.field("bytes") if self._nested else column
        query = pl.scan_parquet(self._path).select(data.alias("bytes")).slice(number * _BLOCK, _BLOCK)
        with _undamaged(self._path, ImageError):
            rows = query.collect()
        block = rows["bytes"]
        with self._lock:
            self._blocks[number] = block
            while len(self._blocks) > 1 and sum(kept.estimated_size() for kept in self._blocks.values()) > _KEPT_BYTES:
                self._blocks.popitem(last=False)
        return block

    def columns(self) -> pl.DataFrame:
        """What other columns of numbers and words say, labels as names where the file has them; rows as `members`."""
        import polars as pl

        with _undamaged(self._path, DataError):
            simple = [
                name
                for name, kind in pl.read_parquet_schema(self._path).items()
                if name != self.column and kind != pl.Binary and (not kind.is_nested() or kind == pl.List(pl.String))
            ]
            frame = pl.scan_parquet(self._path).select(simple).collect() if simple else pl.DataFrame()
        for name, labels in self._label_names().items():
            if name in frame.columns:
                numbers = dict(enumerate(labels))
                frame = frame.with_columns(pl.col(name).replace_strict(numbers, default=None, return_dtype=pl.String))
        return frame

    def _label_names(self) -> dict[str, list[str]]:
        """Column -> names of its numbered labels, from what Hugging Face writes beside the schema."""
        import polars as pl

        try:
            text = pl.read_parquet_metadata(self._path).get("huggingface", "{}")
            features: dict[str, Any] = parse_json(text).get("info", {}).get("features", {})
        except parquet_damage(AttributeError):
            return {}
        return {
            name: list(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and "names" in feature
        }
