"""A file of recorded rows: runs that were trained once, so that a page or a document shows them at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from rnnkit.sweep.digest import versions
from rnnkit.sweep.row import Row

Known = Mapping[str, Sequence[Row]]  # key of an Experiment -> its rows
COLUMNS = [column.name for column in fields(Row)]


@dataclass(frozen=True)
class Recorded:
    """The rows of a file, the date on which it was written, and the versions that computed them. `about` is what else it says."""

    date: str = ""
    versions: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    runs: Known = field(default_factory=dict)


def read(file: Path) -> Recorded:
    """Reads a file; an empty Recorded where there is none."""
    if not file.exists():
        return Recorded()
    record = json.loads(file.read_text("utf-8"))
    assert record.pop("columns") == COLUMNS
    runs = {key: [Row(*values) for values in rows] for key, rows in record.pop("runs").items()}
    return Recorded(record.pop("date"), record.pop("versions"), record, runs)


def write(file: Path, runs: Known, **about: Any) -> None:
    """Writes rows with the date of today, a line for each run. NaN and infinity are written as Python reads them."""
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps([astuple(row) for row in rows])}" for key, rows in runs.items())
    head = {"date": date.today().isoformat(), "versions": versions(), **about, "columns": COLUMNS}
    file.write_text(f'{json.dumps(head)[:-1]}, "runs": {{\n{lines}\n}}}}\n', "utf-8")
