"""Writes the numbers of a run as CSV or Parquet: `records`, a row per step and network; `gradients`, also per part and time step.

Numbers are the History's, bit for bit, with NaN and inf. A time step that no sequence of the batch had reached has no row. A
Parquet file contains its Experiment: pyarrow.parquet.read_schema(path).metadata[b"rnnkit.experiment"] is the JSON that
Experiment.from_json reads. Tables are written in chunks of a few megabytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from rnnkit.engine.history import History
from rnnkit.engine.record import ABSENT

FORMATS = ("csv", "parquet")
MAX_CHUNK_ROWS = 2**18


def records(history: History, form: str) -> bytes:
    """Returns a file with the columns step, replica, loss, accuracy, ..., cause; form "csv" or "parquet", else ValueError."""
    return _bytes(write_records, history, form)


def gradients(history: History, form: str) -> bytes:
    """Returns a file with the columns step, part, t, replica, norm = ||dL/ds_t||, L the last step's loss.

    Where more steps have a loss, norm_all is the norm for all losses together. A CSV file is ten times as large as the array.
    """
    return _bytes(write_gradients, history, form)


def write_records(history: History, form: str, sink: IO[bytes]) -> None:
    """Writes `records` into a binary file."""
    table = history.table(gradients=False)
    table |= {"cause": pa.array(table["cause"], pa.string())}
    _write(history, form, sink, iter([pa.table(table)]))


def write_gradients(history: History, form: str, sink: IO[bytes]) -> None:
    """Writes `gradients` into a binary file, chunk by chunk."""
    n, (P, T, R) = history.n, history.state_grad.shape[1:]
    rows = max(1, MAX_CHUNK_ROWS // (P * T * R))
    parts = pa.array(history.parts)

    def chunks() -> Iterator[pa.Table]:
        for start in range(0, max(n, 1), rows):
            norm = history.state_grad[start : min(start + rows, n)]
            present = norm != ABSENT
            at, part, t, replica = (axis.astype(np.int32) for axis in np.nonzero(present))
            columns = {"step": history.steps[start + at], "part": pa.DictionaryArray.from_arrays(part, parts), "t": t}
            columns |= {"replica": replica, "norm": norm[present]}
            if history.e.several_losses:
                columns["norm_all"] = history.state_grad_all[start : start + len(norm)][present]
            yield pa.table(columns)

    _write(history, form, sink, chunks())


def _write(history: History, form: str, sink: IO[bytes], chunks: Iterator[pa.Table]) -> None:
    if form not in FORMATS:
        raise ValueError(f"unknown form {form!r} of a table: valid are {', '.join(FORMATS)}")
    first = next(chunks)
    if form == "csv":
        writer: Any = pa.csv.CSVWriter(sink, first.schema)
    else:
        schema = first.schema.with_metadata({"rnnkit.experiment": history.e.to_json()})
        writer = pa.parquet.ParquetWriter(sink, schema)
    with writer:
        writer.write_table(first)
        for chunk in chunks:
            writer.write_table(chunk)


def _bytes(write: Callable[[History, str, IO[bytes]], None], history: History, form: str) -> bytes:
    sink = io.BytesIO()
    write(history, form, sink)
    return sink.getvalue()
