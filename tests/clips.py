"""Draws tiny video files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CODECS = {
    ".mp4": "mp4v",
    ".mov": "mp4v",
    ".avi": "MJPG",
    ".mkv": "FFV1",
    ".webm": "VP80",
    ".flv": "FLV1",
    ".mpg": "mpg2",
}


def write_clip(
    path: Path, seconds: float = 3.0, fps: int = 10, size: tuple[int, int] = (96, 64), seed: int = 0
) -> Path:
    """A clip whose grey rises by twenty levels a tenth of its length; a white square marks its upper left corner."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter.fourcc(*CODECS[path.suffix])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, size)
    assert writer.isOpened(), path.suffix
    count = round(seconds * fps)
    for number in range(count):
        frame = np.full((size[1], size[0], 3), 20 + 10 * seed + 200 * number // count, np.uint8)
        frame[: size[1] // 4, : size[0] // 4] = 255
        frame[size[1] // 2 :, size[0] // 2 :] = (200, 40, 20)
        writer.write(frame)
    writer.release()
    return path
