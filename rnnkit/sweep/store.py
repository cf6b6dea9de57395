"""The results store: the rows of every run, in one SQLite file of the user, so that nothing is trained twice.

A run is found by the SHA-256 of its Experiment, of `until`, and of the program's digest (digest.py). Several processes and
threads may use one store at a time. A forked process must make a Store of its own. What the disk refuses stays in memory.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnkit.experiment import Experiment
from rnnkit.sweep.digest import program_digest, versions
from rnnkit.sweep.row import Row
from rnnkit.sweep.store_file import StoreFile, store_path
from rnnkit.sweep.store_schema import transaction

DEFAULT_MB = 500  # about 5 million rows of runs with 8 networks
MAX_MB = 1_000_000
MAX_MEMORY_ROWS = 100_000  # about 30 MB, where there is no disk to write to
EVICTED_SHARE = 1 / 16  # of the runs, at a time
RETRY_SECONDS = 60  # between two attempts to write to a disk that refused
TOUCH_SECONDS = 3600  # `last_used` may be so much too early: most reads write nothing
CHUNK = 500  # keys in one statement
MAX_NAMED = 4  # rows in an error message
APART = ("seed", "replicas")  # fields of the Experiment that stand in the run, not in its settings
INSERT_RUN = """INSERT OR IGNORE INTO runs
    (key, program, settings, until, seed, replicas, solved, diverged, seconds, stored, last_used)
    VALUES (?, (SELECT id FROM programs WHERE digest = ?), (SELECT id FROM settings WHERE json = ?), ?, ?, ?, ?, ?, ?, ?, ?)"""
SELECT_ROWS = """SELECT runs.key, last_used, network, networks.seed, solved_step, accuracy, diverged_step, ratio_before,
    ratio_after, steps, networks.seconds FROM runs JOIN networks ON networks.run = runs.id
    WHERE runs.key IN ({}) ORDER BY runs.key, network"""


@dataclass(frozen=True)
class StoredRun:
    """A run as it is put."""

    key: bytes
    e: Experiment
    until: str
    rows: tuple[Row, ...]


class Store:
    """Rows of runs by Experiment. The disk never raises an error: `warnings` says in words what went wrong with it.

    `path` is the file, or a folder for it. None takes that of the environment variable RNNKIT_STORE (`off`: memory alone), and
    else one in the user's data folder. RNNKIT_STORE_MB bounds the file (500 by default): the least recently used runs go first.
    Raises ValueError for an invalid RNNKIT_STORE_MB.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._max_bytes = max_megabytes() * 2**20
        self._memory: OrderedDict[bytes, StoredRun] = OrderedDict()  # what is not in the file (yet)
        self._memory_rows = 0
        self._retry_at = -math.inf
        self.file = StoreFile(path or store_path())

    @property
    def warnings(self) -> list[str]:
        """Returns what went wrong so far, a sentence each."""
        return self.file.warnings

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Tries again to write what the disk refused, and closes the file."""
        with self.file.lock:
            self._retry_at = -math.inf
            self._write()
            self.file.close()

    def get(self, e: Experiment, until: str = "end") -> list[Row] | None:
        """Returns the rows of one run, one a network; None where it is not stored."""
        return self.get_many([(e, until)])[0]

    def get_many(self, all: Sequence[tuple[Experiment, str]]) -> list[list[Row] | None]:
        """Returns the rows of each run, or None where it is not stored."""
        keys = [run_key(e, until) for e, until in all]
        nothing: dict[bytes, list[Row]] = {}
        with self.file.lock:
            found = self.file.attempt(lambda db: _read(db, keys), nothing)
            found |= {key: list(self._memory[key].rows) for key in keys if key in self._memory}
        return [found.get(key) for key in keys]

    def put(self, e: Experiment, rows: Sequence[Row], until: str = "end") -> None:
        """Stores the rows of a run. They are committed when it returns: no kill loses them.

        A run that is stored already stays as it is. Raises ValueError unless there is one row a network, in their order.
        """
        if [(row.network, row.seed) for row in rows] != [(r, e.seed + r) for r in range(e.replicas)]:
            came = ", ".join(f"{row.network} with {row.seed}" for row in rows[:MAX_NAMED])
            raise ValueError(
                f"expected {e.replicas} rows, of network r with seed {e.seed} + r; got {len(rows)}, of networks {came}"
            )
        run = StoredRun(run_key(e, until), e, until, tuple(rows))
        with self.file.lock:
            if run.key not in self._memory:
                self._memory[run.key] = run
                self._memory_rows += len(rows)
            self._write()

    def _write(self) -> None:
        """Writes what is in memory, unless the disk refused a short time ago; what stays there is bounded."""
        if self._memory and self.file.writable and time.monotonic() >= self._retry_at:
            runs = list(self._memory.values())
            if self.file.attempt(lambda db: _insert(db, runs, self._max_bytes), False):
                self._memory.clear()
                self._memory_rows = 0
            else:
                self._retry_at = time.monotonic() + RETRY_SECONDS
        while self._memory_rows > MAX_MEMORY_ROWS and len(self._memory) > 1:
            self._memory_rows -= len(self._memory.popitem(last=False)[1].rows)


def max_megabytes() -> int:
    """Returns RNNKIT_STORE_MB, or its default. Raises ValueError where it is no whole number from 1 to MAX_MB."""
    text = os.environ.get("RNNKIT_STORE_MB") or str(DEFAULT_MB)
    if not text.strip().isdecimal() or not 1 <= int(text) <= MAX_MB:
        raise ValueError(f"RNNKIT_STORE_MB must be a whole number from 1 to {MAX_MB:,}, got {text!r}")
    return int(text)


def run_key(e: Experiment, until: str) -> bytes:
    """Returns the 16 bytes under which a run is stored."""
    text = json.dumps([e.to_dict(), until, program_digest()], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


def evict(db: sqlite3.Connection, max_bytes: int, keep: int) -> None:
    """Removes the least recently used runs until the used part of the file is within the bound; never the last `keep`."""
    while _used_bytes(db) > max_bytes:
        (runs,) = db.execute("SELECT COUNT(*) FROM runs").fetchone()
        n = min(runs - keep, math.ceil(runs * EVICTED_SHARE))
        if n <= 0:
            return
        remove(db, "id IN (SELECT id FROM runs ORDER BY last_used, id LIMIT ?)", [n])


def remove(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> int:
    """Removes the runs that an SQL condition selects, with what only they refer to; returns their number."""
    removed = db.execute(f"DELETE FROM runs WHERE {where}", values).rowcount
    db.execute("DELETE FROM settings WHERE id NOT IN (SELECT settings FROM runs)")
    db.execute("DELETE FROM programs WHERE id NOT IN (SELECT program FROM runs)")
    return removed


def _insert(db: sqlite3.Connection, runs: Sequence[StoredRun], max_bytes: int) -> bool:
    now, digest = time.time(), program_digest()
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO programs (digest, versions) VALUES (?, ?)", (digest, versions()))
        for run in runs:
            e = run.e
            settings = json.dumps({k: v for k, v in e.to_dict().items() if k not in APART}, sort_keys=True)
            db.execute("INSERT OR IGNORE INTO settings (json) VALUES (?)", (settings,))
            solved = sum(row.solved_step is not None for row in run.rows)
            diverged = sum(row.diverged_step is not None for row in run.rows)
            seconds = math.fsum(row.seconds for row in run.rows)
            counts = (solved, diverged, seconds, now, now)
            done = db.execute(INSERT_RUN, (run.key, digest, settings, run.until, e.seed, e.replicas, *counts))
            if done.rowcount:
                values = [(done.lastrowid, *columns) for columns in map(_columns, run.rows)]
                db.executemany(f"INSERT INTO networks VALUES ({', '.join('?' * 10)})", values)
        evict(db, max_bytes, len(runs))
    return True


def _read(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, list[Row]]:
    found: dict[bytes, list[Row]] = {}
    used: dict[bytes, float] = {}
    for chunk in _chunks(list(dict.fromkeys(keys))):
        for key, last_used, *columns in db.execute(SELECT_ROWS.format(", ".join("?" * len(chunk))), chunk):
            found.setdefault(key, []).append(row_of(columns))
            used[key] = last_used
    now = time.time()
    old = [(now, key) for key, last_used in used.items() if last_used < now - TOUCH_SECONDS]
    if old:
        with suppress(sqlite3.OperationalError), transaction(db):  # it is of no use for this answer
            db.executemany("UPDATE runs SET last_used = ? WHERE key = ?", old)
    return found


def row_of(columns: Sequence[Any]) -> Row:
    """Returns the Row of the columns network to seconds of the table `networks`."""
    network, seed, solved, accuracy, diverged, before, after, steps, seconds = columns
    return Row(network, seed, solved, _number(accuracy), diverged, _number(before), _number(after), steps, _number(seconds))


def _columns(row: Row) -> tuple[Any, ...]:
    """Returns Python's own numbers: SQLite would store numpy's as bytes, and NaN as NULL."""
    solved, diverged = (None if step is None else int(step) for step in (row.solved_step, row.diverged_step))
    ratios = float(row.ratio_before), float(row.ratio_after)
    return (int(row.network), int(row.seed), solved, float(row.accuracy), diverged, *ratios, int(row.steps), float(row.seconds))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _used_bytes(db: sqlite3.Connection) -> int:
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def _chunks(keys: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
