"""Every line of a server's log is JSON, on stderr: when, what, how long; no image content, no token, no file names."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

LOGGER: Final = logging.getLogger("petmood.web")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; a record's `facts` become its keys."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        facts: dict[str, Any] = getattr(record, "facts", {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **facts,
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def to_stderr() -> None:
    """Send the log to stderr as JSON lines: this package's, the web server's, warnings and whatever else is told."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not end a request
    LOGGER.setLevel(logging.INFO)
