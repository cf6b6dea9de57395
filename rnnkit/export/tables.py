"""The numbers of a run as tables: records (a row a step and network) and gradients (a row a step, part, time and network).

Numbers are those of the History, bit for bit, NaN and inf as they are; where no sequence of the batch had begun there is no norm,
and so no row. A Parquet file carries its Experiment: pyarrow.parquet.read_schema(path).metadata[b"rnnkit.experiment"] is the JSON
that Experiment.from_json reads. Everything is written in pieces of a few megabytes, by native code, into any binary file.
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
AT_ONCE = 2**18  # rows of a piece


def records(history: History, form: str) -> bytes:
    """step, replica, loss, accuracy, ..., cause: the file's bytes."""
    return _bytes(write_records, history, form)


def gradients(history: History, form: str) -> bytes:
    """step, part, t, replica, norm = ||dL/ds_t||, L the last step's loss: the file's bytes.

    Where more steps have a loss, norm_all is the same of all together. A CSV file is ten times as large as in memory.
    """
    return _bytes(write_gradients, history, form)


def write_records(history: History, form: str, sink: IO[bytes]) -> None:
    table = history.table(gradients=False)
    table |= {"cause": pa.array(table["cause"], pa.string())}
    _write(history, form, sink, iter([pa.table(table)]))


def write_gradients(history: History, form: str, sink: IO[bytes]) -> None:
    n, (P, T, R) = history.n, history.state_grad.shape[1:]
    rows = max(1, AT_ONCE // (P * T * R))
    parts = pa.array(history.parts)

    def pieces() -> Iterator[pa.Table]:
        for start in range(0, max(n, 1), rows):
            norm = history.state_grad[start : min(start + rows, n)]
            there = norm != ABSENT
            at, part, t, replica = (axis.astype(np.int32) for axis in np.nonzero(there))
            columns = {"step": history.steps[start + at], "part": pa.DictionaryArray.from_arrays(part, parts), "t": t}
            columns |= {"replica": replica, "norm": norm[there]}
            if history.e.several_losses:
                columns["norm_all"] = history.state_grad_all[start : start + len(norm)][there]
            yield pa.table(columns)

    _write(history, form, sink, pieces())


def _write(history: History, form: str, sink: IO[bytes], pieces: Iterator[pa.Table]) -> None:
    if form not in FORMATS:
        raise ValueError(f"unknown form {form!r} of a table: valid are {', '.join(FORMATS)}")
    first = next(pieces)
    if form == "csv":
        writer: Any = pa.csv.CSVWriter(sink, first.schema)
    else:
        schema = first.schema.with_metadata({"rnnkit.experiment": history.e.to_json()})
        writer = pa.parquet.ParquetWriter(sink, schema)
    with writer:
        writer.write_table(first)
        for piece in pieces:
            writer.write_table(piece)


def _bytes(write: Callable[[History, str, IO[bytes]], None], history: History, form: str) -> bytes:
    sink = io.BytesIO()
    write(history, form, sink)
    return sink.getvalue()
