"""A source with videos in it -> the same source with their frames in their place, each an item of its own.

`clip.mp4#t=1.500` is the frame at one second and a half; all frames of a clip are one family. Whoever reads a source
needs to know nothing of videos.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from petmood.errors import ImageError
from petmood.images.video import FPS, MAX_VIDEO_BYTES, clip_of, frame_name, frames, is_video_name, to_png
from petmood.sources import FolderSource, Source


def with_frames(source: Source, fps: float = FPS) -> Source:
    """The source itself where it has no videos, else one that has frames in their place.

    Args:
        source: any source; it is closed with what is returned.
        fps: frames a second of each video.
    """
    return ClipSource(source, fps) if any(is_video_name(name) for name in source.walk()) else source


class ClipSource(Source):
    """A source whose videos are read as their frames.

    A clip is decoded when its names are asked for first; its frames lie in a temporary folder until the source is
    closed, as PNG, so that reading one again gives the same bytes. A clip that cannot be decoded keeps its name, and
    gives the reason when it is read.
    """

    def __init__(self, source: Source, fps: float = FPS) -> None:
        self.name, self.location = source.name, source.location
        self._source, self._fps = source, fps
        self._folder = tempfile.TemporaryDirectory(prefix="petmood-frames-")
        self._frames: dict[str, dict[str, Path]] = {}
        self._broken: dict[str, str] = {}
        self._lock = threading.Lock()

    def walk(self) -> Iterator[str]:
        """All names, sorted, frames in place of clips."""
        for name in self._source.walk():
            if is_video_name(name):
                yield from self._of(name) or [name]
            else:
                yield name

    def empty_folders(self) -> list[str]:
        """See `Source.empty_folders`."""
        return self._source.empty_folders()

    def linked_folders(self) -> list[str]:
        """See `Source.linked_folders`."""
        return self._source.linked_folders()

    def _of(self, clip: str) -> dict[str, Path]:
        """Name of each frame -> its file; nothing for a clip that cannot be decoded."""
        with self._lock:
            if clip not in self._frames and clip not in self._broken:
                try:
                    self._frames[clip] = self._decode(clip)
                except ImageError as error:
                    self._broken[clip] = str(error)
            return self._frames.get(clip, {})

    def _decode(self, clip: str) -> dict[str, Path]:
        made: dict[str, Path] = {}
        if isinstance(self._source, FolderSource):
            video: Path | bytes = self.location / clip
        else:
            video = self._source.read(clip, MAX_VIDEO_BYTES)
        start = len(self._frames)
        for number, frame in enumerate(frames(video, fps=self._fps)):
            path = Path(self._folder.name) / f"{start}-{number}.png"
            path.write_bytes(to_png(frame.pixels))
            made[frame_name(clip, frame.time)] = path
        return made

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file, or of one frame as PNG.

        Raises:
            ImageError: as the source does, or the clip cannot be decoded.
        """
        found = clip_of(name)
        if found is not None:
            path = self._of(found[0]).get(name)
            if path is None:
                raise ImageError(self._broken.get(found[0], "the clip has no such frame at this --fps"))
            return path.read_bytes()
        if is_video_name(name):
            self._of(name)
            if name in self._broken:
                raise ImageError(self._broken[name])
        return self._source.read(name, limit)

    def close(self) -> None:
        """Remove the frames, and close the source."""
        self._folder.cleanup()
        self._source.close()
