"""Logs as JSON, one object a line on stderr: what a collector reads without being taught."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
_OWN = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "color_message"})


class JsonFormatter(logging.Formatter):
    """A record with what was given as `extra` beside it: client, jobs, status..."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told.update({key: value for key, value in record.__dict__.items() if key not in _OWN})
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return _encode(told)


def log_as_json(level: int = logging.INFO) -> None:
    """Let this process log so; for a program's start, never on import."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = (
        False  # nobody reads them, and they take time
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
