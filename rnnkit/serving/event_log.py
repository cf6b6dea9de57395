"""The journal: what happens to runs, studies and workers, as one JSON object a line, under the logger "rnnkit".

The package stays silent until somebody listens, as a library does; the dashboard calls `to_stderr`. RNNKIT_LOG=warning leaves out
all but what went wrong, RNNKIT_LOG=off everything. No line holds what a viewer has typed, and JSON escapes line ends, so a line
is always one event of ours.
"""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "off": logging.CRITICAL + 1}
LONGEST = 300  # characters of a text
_logger = logging.getLogger("rnnkit")
_logger.addHandler(logging.NullHandler())


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {"time": f"{seconds}.{int(record.msecs):03d}Z", "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(told | getattr(record, "fields", {}), default=str)


def note(event: str, **fields: Any) -> None:
    _note(logging.INFO, event, fields)


def warn(event: str, **fields: Any) -> None:
    _note(logging.WARNING, event, fields)


def _note(level: int, event: str, fields: dict[str, Any]) -> None:
    short = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in fields.items()}
    _logger.log(level, event, extra={"fields": short})


def to_stderr() -> None:
    """From now on the journal is written to stderr; called again, it changes nothing but the level."""
    name = os.environ.get("RNNKIT_LOG", "") or "info"
    if name not in LEVELS:
        raise ValueError(f"environment variable RNNKIT_LOG must be one of {', '.join(LEVELS)}, got {name!r}")
    _logger.setLevel(LEVELS[name])
    _logger.propagate = False  # nobody else's format on top of it
    if not any(isinstance(handler.formatter, Lines) for handler in _logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(Lines())
        _logger.addHandler(handler)
