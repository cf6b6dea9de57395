"""The event log: what happens to runs, studies and workers, as one JSON object a line, under the logger "rnnkit".

As in any library, nothing is written until a handler is added; the dashboard calls `to_stderr`. RNNKIT_LOG=warning leaves out
all but failures, RNNKIT_LOG=off everything. No line holds what a viewer has typed. JSON escapes line ends, so that each line is
exactly one event.
"""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "off": logging.CRITICAL + 1}
MAX_TEXT_CHARS = 300  # of a field; the rest is cut off
_logger = logging.getLogger("rnnkit")
_logger.addHandler(logging.NullHandler())


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{seconds}.{int(record.msecs):03d}Z", "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(line | getattr(record, "fields", {}), default=str)


def note(event: str, **fields: Any) -> None:
    _note(logging.INFO, event, fields)


def warn(event: str, **fields: Any) -> None:
    _note(logging.WARNING, event, fields)


def _note(level: int, event: str, fields: dict[str, Any]) -> None:
    short = {name: value[:MAX_TEXT_CHARS] if isinstance(value, str) else value for name, value in fields.items()}
    _logger.log(level, event, extra={"fields": short})


def to_stderr() -> None:
    """Writes the events to stderr from now on. A second call changes nothing but the level."""
    name = os.environ.get("RNNKIT_LOG", "") or "info"
    if name not in LEVELS:
        raise ValueError(f"environment variable RNNKIT_LOG must be one of {', '.join(LEVELS)}, got {name!r}")
    _logger.setLevel(LEVELS[name])
    _logger.propagate = False  # the root logger would write each line once more
    if not any(isinstance(handler.formatter, JsonLines) for handler in _logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        _logger.addHandler(handler)
