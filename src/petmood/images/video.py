"""Bytes of a video file -> frames at even times, upright RGB, bounded in number, size, memory and time.

OpenCV decodes them, from a file or from memory; it gets a stream to read, never a name, so that no name can make it
open a playlist, a pattern of files or an address.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np
from PIL import Image

from petmood.errors import ImageError
from petmood.images import limits
from petmood.images.decoding import Pixels

if TYPE_CHECKING:
    import cv2

FPS: Final = 1.0
"""Frames a second that are looked at, by default: faces change slowly, and neighbours say the same twice."""

MAX_FRAMES: Final = 1000
"""Frames that are looked at in one clip."""

MAX_SIDE: Final = 1024
"""Frames are shrunk until their longer side has so many pixels."""

SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts", ".mts"}
)

_ATOMS: Final = (b"moov", b"mdat", b"wide", b"free", b"skip")
_MARKS: Final = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"0&\xb2u\x8ef\xcf\x11")

MAX_VIDEO_BYTES = 2 * 2**30
_MAX_FRAME_PIXELS: Final = 40_000_000  # 8K
CLIP_SECONDS = 600.0


@dataclass(frozen=True)
class VideoFrame:
    """One frame: `time` in seconds from the start, and (h, w, 3) uint8 RGB `pixels`."""

    time: float
    pixels: Pixels


def is_video(data: bytes) -> bool:
    """Whether the first bytes (64 or more) are those of a video in a known container."""
    if data[4:8] == b"ftyp":
        from petmood.images.containers import identify

        return not identify(data)
    packets = any(len(data) > at + 188 and data[at] == data[at + 188] == 0x47 for at in (0, 4))
    riff = data[:4] == b"RIFF" and data[8:12] == b"AVI "
    return packets or riff or data[4:8] in _ATOMS or data.startswith(_MARKS)


def is_video_name(name: str) -> bool:
    """Whether a file's name promises a video."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def frame_name(clip: str, at: float) -> str:
    """The name of a frame as an item of its own: `clip.mp4#t=1.500`."""
    return f"{clip}#t={at:.3f}"


def clip_of(name: str) -> tuple[str, float] | None:
    """The clip and time that a frame's name stands for; None for any other name."""
    clip, mark, at = name.rpartition("#t=")
    if not mark or not is_video_name(clip):
        return None
    try:
        return clip, float(at)
    except ValueError:
        return None


def frames(
    video: Path | bytes | BinaryIO, *, fps: float = FPS, max_frames: int = MAX_FRAMES, longest: int = MAX_SIDE
) -> Iterator[VideoFrame]:
    """Frames of a video at even times, the first at its start.

    Frames between them are decoded too, as codecs want it, but not converted. A clip whose end is missing gives the
    frames that are there.

    Args:
        video: a path, the bytes of a file, or an open file.
        fps: frames a second; every frame of the clip if it has fewer.
        max_frames: the frames are spread no further than this; what comes later is left out.
        longest: frames are shrunk until their longer side has so many pixels.

    Raises:
        ImageError: no video, one that cannot be decoded, or one over a limit; the message is the reason alone.
    """
    if not fps > 0:
        raise ImageError(f"{fps:g} frames a second cannot be taken")
    with _opened(video) as stream:
        yield from _read(stream, fps, max_frames, longest)


def _opened(video: Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(video, bytes):
        return io.BytesIO(video)
    if not isinstance(video, Path):
        return video
    try:
        if not video.is_file():
            raise ImageError("no such file" if not video.exists() else "not a regular file")
        return video.open("rb")
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


class _Stream(io.BufferedIOBase):
    """A file that ends when its time is up: the decoder then finds its end, whatever it is busy with."""

    def __init__(self, inner: BinaryIO, seconds: float) -> None:
        self._inner = inner
        self._end = time.monotonic() + seconds
        self.late = False

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._end:
            self.late = True
            return b""
        return self._inner.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _read(inner: BinaryIO, fps: float, max_frames: int, longest: int) -> Iterator[VideoFrame]:
    import cv2

    size = inner.seek(0, os.SEEK_END)
    if not size:
        raise ImageError("empty file (0 bytes)")
    if size > MAX_VIDEO_BYTES:
        raise ImageError(f"file too large: {size:,} bytes, the limit for videos is {MAX_VIDEO_BYTES:,}")
    inner.seek(0)
    if not is_video(inner.read(256)):
        raise ImageError("not a video in a known format (MP4, QuickTime, Matroska, WebM, AVI, MPEG, FLV, ASF)")
    inner.seek(0)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's own complaints; errors are ours to tell
    stream = _Stream(inner, CLIP_SECONDS)
    try:
        clip = cv2.VideoCapture(cast("Any", stream), cv2.CAP_FFMPEG, [])
    except (cv2.error, OSError, ValueError) as error:
        raise ImageError("broken video (it cannot be opened)") from error
    try:
        if stream.late:
            raise ImageError(f"takes more than {CLIP_SECONDS:g} s to decode")
        if not clip.isOpened():
            raise ImageError("broken video, or one in a codec that is not read")
        width, height = (int(clip.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width <= 0 or height <= 0 or width * height > _MAX_FRAME_PIXELS:
            raise ImageError(f"frames of {width}x{height} pixels; the limit is {_MAX_FRAME_PIXELS:,} pixels")
        with limits.budget.reserve(12 * width * height):
            yield from _sampled(clip, stream, fps, max_frames, longest)
    finally:
        clip.release()


def _sampled(
    clip: cv2.VideoCapture, stream: _Stream, fps: float, max_frames: int, longest: int
) -> Iterator[VideoFrame]:
    import cv2

    rate = clip.get(cv2.CAP_PROP_FPS)
    rate = rate if 0.1 <= rate <= 1000 else 25.0
    wanted, given, number = 0.0, 0, 0
    while given < max_frames:
        try:
            if not clip.grab():
                break
            at = clip.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not np.isfinite(at) or at < 0 or (number and at == 0):
                at = number / rate
            number += 1
            if at + 0.25 / rate < wanted:
                continue
            ok, bgr = clip.retrieve()
        except cv2.error as error:
            raise ImageError("broken video (a frame cannot be decoded)") from error
        if not ok:
            break
        wanted = max(wanted, (np.floor(at * fps + 1e-6) + 1) / fps) if given else 1 / fps
        given += 1
        yield VideoFrame(round(at, 3), _shrunk(np.ascontiguousarray(bgr[:, :, ::-1]), longest))
    if stream.late:
        raise ImageError(f"takes more than {CLIP_SECONDS:g} s to decode")
    if not given:
        raise ImageError("a video without a frame that can be decoded")


def _shrunk(pixels: Pixels, longest: int) -> Pixels:
    height, width = pixels.shape[:2]
    if max(height, width) <= longest:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def to_png(pixels: Pixels) -> bytes:
    """A frame as a file, without loss: equal frames are equal bytes."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
