"""Writes stored networks as a table: one row a network, with the fields of its Experiment."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import IO, Any

from rnnkit.experiment import FIELDS
from rnnkit.fields import FloatField, IntField
from rnnkit.sweep.row import Row
from rnnkit.sweep.store_query import StoredNetwork

SETTINGS = tuple(name for name in FIELDS if name not in ("seed", "replicas"))
MEASURED = tuple(field.name for field in dataclasses.fields(Row))
COLUMNS = (*SETTINGS, "replicas", "until", *("steps_done" if name == "steps" else name for name in MEASURED))
WHOLE = ("replicas", "network", "seed", "solved_step", "diverged_step", "steps_done")  # whole numbers beside the settings

Networks = Iterable[Sequence[StoredNetwork]]


def write_csv(networks: Networks, sink: IO[bytes]) -> None:
    """Writes the columns COLUMNS. A field that does not apply is empty, as are an optional one that is not set and `never`.

    NaN is `nan`.
    """
    table = csv.writer(SimpleNamespace(write=lambda text: sink.write(text.encode())), lineterminator="\n")
    table.writerow(COLUMNS)
    for chunk in networks:
        table.writerows(_rows(chunk))


def write_parquet(networks: Networks, sink: IO[bytes]) -> None:
    """Writes the same columns, null in place of what is empty. Raises ModuleNotFoundError without pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet

    kinds = {name: pa.float64() for name in COLUMNS[-len(MEASURED) :]}
    kinds |= {name: pa.int64() for name, spec in FIELDS.items() if isinstance(spec, IntField)} | dict.fromkeys(WHOLE, pa.int64())
    kinds |= {name: pa.float64() for name, spec in FIELDS.items() if isinstance(spec, FloatField)}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    with pyarrow.parquet.ParquetWriter(sink, schema) as writer:
        for chunk in networks:
            columns = zip(*_rows(chunk), strict=True)
            writer.write_table(pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema))


def _rows(networks: Sequence[StoredNetwork]) -> Iterator[list[Any]]:
    for network in networks:
        settings = [_text(network.settings.get(name)) for name in SETTINGS]
        yield [*settings, network.replicas, network.until, *(getattr(network.row, name) for name in MEASURED)]


def _text(value: Any) -> Any:
    return (",".join(value) or "none") if isinstance(value, list) else value


WRITERS = {".csv": write_csv, ".parquet": write_parquet}
