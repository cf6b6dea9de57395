"""Questions to the results store: which runs, their summaries, their networks one by one, and which of them to remove."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from rnnkit.engine.fixes import parse_fix
from rnnkit.experiment import FIELDS, ExperimentError
from rnnkit.fields import FieldSpec, NumberField
from rnnkit.sweep.digest import program_digest, program_digests
from rnnkit.sweep.row import Row
from rnnkit.sweep.store import APART, Store, remove, row_of
from rnnkit.sweep.store_schema import transaction

RANGE = ".."
ROUNDING = 1e-12  # SQLite reads a real number out of JSON with an error of this size at most
CHUNK = 1000  # runs in one answer
SECONDS_PER_DAY = 86_400
PROGRAM = "IFNULL((SELECT id FROM programs WHERE digest = ?), -1)"
SUMMARIES = """SELECT settings, until, json, COUNT(*), TOTAL(seconds), SUM(replicas), SUM(solved), SUM(diverged), MIN(apart)
    FROM (SELECT settings, until, seconds, replicas, solved, diverged,
                 seed >= IFNULL(MAX(seed + replicas) OVER (PARTITION BY settings, until ORDER BY seed, replicas DESC
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS apart
          FROM runs WHERE {}) JOIN settings ON settings.id = settings
    GROUP BY settings, until"""
EACH_SEED_ONCE = """SELECT COUNT(*), COUNT(solved_step), COUNT(diverged_step)
    FROM (SELECT MIN(run), solved_step, diverged_step
          FROM (SELECT id FROM runs WHERE {} AND settings = ? AND until = ?) JOIN networks ON run = id GROUP BY seed)"""
NETWORKS = """SELECT chosen.id, json, until, replicas, network, networks.seed, solved_step, accuracy, diverged_step, ratio_before,
    ratio_after, steps, networks.seconds
    FROM (SELECT id, settings, until, replicas FROM runs WHERE id > ? AND {} ORDER BY id LIMIT ?) AS chosen
    JOIN settings ON settings.id = chosen.settings JOIN networks ON networks.run = chosen.id ORDER BY chosen.id, network"""


class Selection(NamedTuple):
    """Runs, as a condition in SQL and its values."""

    where: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Summary:
    """All runs of the same settings. A network that several runs hold, one of the same seed, counts once."""

    until: str
    json: str
    runs: int
    seconds: float  # of all runs
    networks: int
    solved: int
    diverged: int

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Returns the fields that apply, as JSON values, without seed and replicas."""
        return json.loads(self.json)


@dataclass(frozen=True)
class StoredNetwork:
    """One network with the settings of its run."""

    settings: Mapping[str, Any]  # the fields that apply, as JSON values, without seed and replicas
    until: str
    replicas: int
    row: Row


def select(filters: Mapping[str, Sequence[str]], stale: bool = False, older_than: float | None = None) -> Selection:
    """Returns the runs whose Experiments have these values.

    `filters` maps a field to texts: values joined by commas, and ranges of numbers such as `50..`, `..100` and `50..100`. Runs
    with all remedies that `fixes` names are meant; a name alone stands for any strength. `older_than`: runs that were
    last used so many days ago, or before. `stale`: runs of other versions of the program, whatever the backend, in place of those
    of this version with the backend chosen now.

    Raises ExperimentError with every invalid text, BackendError where RNNKIT_BACKEND names no backend.
    """
    now = _of_program(program_digest())
    parts = [_stale() if stale else now]
    problems: dict[str, str] = {}
    for name, texts in filters.items():
        try:
            parts += [_condition(FIELDS[name], text) for text in texts]
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ExperimentError(problems)
    if older_than is not None:
        parts.append(Selection("last_used <= ?", (time.time() - older_than * SECONDS_PER_DAY,)))
    return _all(parts)


def select_backend(name: str) -> Selection:
    """Returns the runs that this version of the program has computed with this backend."""
    return _of_program(program_digests()[name])


def summaries(store: Store, selection: Selection) -> list[Summary] | None:
    """Returns a Summary of each settings and `until`; None where the store cannot be read."""

    def work(db: sqlite3.Connection) -> list[Summary] | None:
        found = []
        for settings, *columns, apart in db.execute(SUMMARIES.format(selection.where), selection.values):
            if not apart:
                values = (*selection.values, settings, columns[0])
                columns[-3:] = db.execute(EACH_SEED_ONCE.format(selection.where), values).fetchone()
            found.append(Summary(*columns))
        return found

    return store.file.attempt(work, None)


def count(store: Store, selection: Selection) -> int:
    """Returns the number of runs; 0 where the store is not readable."""
    statement = f"SELECT COUNT(*) FROM runs WHERE {selection.where}"
    return store.file.attempt(lambda db: int(db.execute(statement, selection.values).fetchone()[0]), 0)


def networks(store: Store, selection: Selection) -> Iterator[list[StoredNetwork]]:
    """Yields all networks of the runs, those of at most CHUNK runs at a time. The store is free for others in between.

    Raises RuntimeError where the store cannot be read.
    """
    last = -1
    settings: dict[str, dict[str, Any]] = {}

    def work(db: sqlite3.Connection) -> list[Any] | None:
        return db.execute(NETWORKS.format(selection.where), (last, *selection.values, CHUNK)).fetchall()

    while found := store.file.attempt(work, None):
        last = found[-1][0]
        for _, text, *_ in found:
            if text not in settings:
                settings[text] = json.loads(text)
        yield [StoredNetwork(settings[text], until, n, row_of(columns)) for _, text, until, n, *columns in found]
    if found is None:
        raise RuntimeError("the results store cannot be read")


def prune(store: Store, selection: Selection) -> int | None:
    """Removes the runs, gives their space back to the disk, and returns their number; None where the disk refuses."""

    def work(db: sqlite3.Connection) -> int | None:
        with transaction(db):
            removed = remove(db, selection.where, selection.values)
        with suppress(sqlite3.OperationalError):  # another process is using the store: the space is used for new runs
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    return store.file.attempt(work, None)


def _of_program(digest: str) -> Selection:
    return Selection(f"program = {PROGRAM}", (digest,))


def _stale() -> Selection:
    digests = tuple(program_digests().values())
    return Selection(f"program NOT IN ({', '.join([PROGRAM] * len(digests))})", digests)


def _all(parts: Sequence[Selection]) -> Selection:
    return Selection(" AND ".join(f"({where})" for where, _ in parts), tuple(v for _, values in parts for v in values))


def _condition(spec: FieldSpec[Any], text: str) -> Selection:
    if spec.several:
        condition = _with_fix(text)
    elif isinstance(spec, NumberField):
        condition = _any([_in_range(spec, part) for part in text.split(",")])
    else:
        condition = _any([Selection(f"{_column(spec)} = ?", (spec.parse(part.strip()),)) for part in text.split(",")])
    if spec.name in APART:
        return condition
    return Selection(f"settings IN (SELECT id FROM settings WHERE {condition.where})", condition.values)


def _column(spec: FieldSpec[Any]) -> str:
    if spec.name in APART:
        return spec.name
    value = f"json_extract(json, '$.{spec.name}')"
    if not (spec.optional and spec.chooser):
        return value
    fitting = ", ".join(repr(choice) for choice, entry in spec.chooser.registry.items() if spec.name in entry.fields)
    default = f"IIF(json_extract(json, '$.{spec.chooser.name}') IN ({fitting}), {spec.default!r}, NULL)"
    return f"IFNULL({value}, {default})"


def _any(parts: Sequence[Selection]) -> Selection:
    return Selection(" OR ".join(where for where, _ in parts), tuple(v for _, values in parts for v in values))


def _in_range(spec: NumberField[Any], text: str) -> Selection:
    low, separator, high = (part.strip() for part in text.partition(RANGE))
    if not low and not high:
        raise ValueError(f"{spec.name} must be values and ranges such as 50, 5,10,20, 50.., ..100 or 50..100, got {text!r}")
    bounds = [("<=", 1, high if separator else low), (">=", -1, low)]
    numbers = [(sign, side, spec.parse(bound)) for sign, side, bound in bounds if bound]
    if len(numbers) == 2 and numbers[0][2] < numbers[1][2]:
        raise ValueError(f"{spec.name} must be a range from low to high, got {text!r}")
    values = tuple(number + side * ROUNDING * abs(number) for _, side, number in numbers)
    return Selection(" AND ".join(f"{_column(spec)} {sign} ?" for sign, *_ in numbers), values)


def _with_fix(text: str) -> Selection:
    if text.strip() == "none":
        return Selection("IFNULL(json_array_length(json, '$.fixes'), 0) = 0", ())
    fix = parse_fix(text)
    named = [str(fix)] if ":" in text or "@" in text else [fix.name, f"{fix.name}:*", f"{fix.name}@*"]
    patterns = " OR ".join(["value GLOB ?"] * len(named))
    return Selection(f"EXISTS (SELECT 1 FROM json_each(settings.json, '$.fixes') WHERE {patterns})", tuple(named))
