"""The rows of the ready maps as they were recorded once (maps.json), so that a page shows them at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rnnkit.experiment import Experiment
from rnnkit.sweep import recorded as files
from rnnkit.sweep.recorded import Known
from rnnkit.sweep.row import Row

FILE = Path(__file__).with_name("maps.json")
COMMAND = "python -m rnnkit.sweep.maps"


def recorded(e: Experiment) -> Sequence[Row] | None:
    """Returns the recorded rows of a run, None where there are none."""
    return known().get(e.key)


@cache
def origin() -> tuple[str, str]:
    """Returns the date of the record, and by which command and versions it was made; both "" where there is none."""
    record = files.read(FILE)
    return record.date, f"{COMMAND}, {record.versions}" if record.date else ""


@cache
def known() -> Known:
    """Returns all recorded rows."""
    return files.read(FILE).runs


def write(runs: Known, file: Path = FILE) -> None:
    """Writes rows with the date of today."""
    files.write(file, runs)
