"""A run list: its file, the differences and outcomes of its runs in words, and a table of all their records.

The file is JSON Lines: a header with the number of runs, then one run a line. A file that is cut off loses its last line only.
Reading never raises. It leaves out what cannot be used, with a message that says where, what was expected, and what came.
Names are plain text without control characters; the code that shows them must escape them.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.analysis.describe import difference, summary
from rnnkit.analysis.gradient_summary import remaining_text
from rnnkit.analysis.learnt import SOLVED, last_accuracy, solved_at, solved_threshold
from rnnkit.engine.history import WORST, History, median
from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies
from rnnkit.rounding import percent
from rnnkit.stories.presets import PRESETS, named

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1  # of the file; each Experiment in it has its own
MAX_RUNS = 24  # in a run list
MAX_DRAWN = 8  # drawn together; more lines cannot be distinguished
MAX_NAME_CHARS = 60
MAX_BYTES = 1_000_000  # of a file
MAX_LINES = 1000  # of a file that are read
MAX_MESSAGES = 12
MAX_NORMS = 20_000_000  # gradient norms in the table of all records; with more, it leaves them out
HEADER = f'{{"rnnkit": "shelf", "version": {VERSION}}}'  # "shelf" is the file format's name since version 1


@dataclass(frozen=True)
class Entry:
    """One run of a run list."""

    name: str
    experiment: Experiment
    custom_name: bool = False  # whether the viewer has named it
    place: int | None = None  # index of its line style in charts, 0 to MAX_DRAWN - 1; None where it is not drawn

    @cached_property
    def key(self) -> str:
        """The key of its Experiment."""
        return self.experiment.key


# ---- names ----


def clean_name(name: str) -> str:
    """Returns the name in one line of at most MAX_NAME_CHARS; invisible characters become spaces."""
    text = unicodedata.normalize("NFC", name[: 10 * MAX_NAME_CHARS])
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(text.split())[:MAX_NAME_CHARS].rstrip()


def unique_name(name: str, taken: Collection[str]) -> str:
    """Returns the name, followed by a number where it is taken."""
    candidates = chain([name], (f"{name[: MAX_NAME_CHARS - 5].rstrip()} ({i})" for i in count(2)))
    return next(text for text in candidates if text not in taken)


def default_name(e: Experiment, first: Experiment | None) -> str:
    """Returns the preset's title, else the difference to the first run; a summary where that is too long or there is none."""
    if preset := named(e):
        return clean_name(PRESETS[preset].title)
    if first is None or first == e:
        return clean_name(summary(e))
    changes = re.sub(r" \(was [^()]*(\([^()]*\))?\)", "", difference(first, e)).removeprefix("only: ")
    return changes if len(changes) <= MAX_NAME_CHARS else clean_name(summary(e))


# ---- the file ----


def dump(entries: Sequence[Entry]) -> str:
    """Returns the text of a run list's file."""
    lines: list[dict[str, Any]] = [{"rnnkit": "shelf", "version": VERSION, "runs": len(entries)}]
    for entry in entries:
        optional = {"given": entry.custom_name, "place": entry.place}
        present = {k: v for k, v in optional.items() if v is not None and v is not False}
        lines.append({"name": entry.name, **present, "experiment": json.loads(entry.experiment.to_json())})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def load(content: str | bytes) -> tuple[list[Entry], list[str]]:
    """Returns the runs in a file, and messages in plain text on what is wrong with it; never raises."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    if len(data) > MAX_BYTES:
        return [], [f"the file has {len(data):,} bytes, a run list has at most {MAX_BYTES:,}: nothing of it was read"]
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", MAX_LINES)
    has_more = len(lines) > MAX_LINES and bool(lines.pop().strip())
    nonblank = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not nonblank:
        return [], [f"the file is empty: expected a first line {HEADER}, then one run a line"]
    reader = _Reader(truncated=not data.endswith(b"\n"))
    has_header = reader.head(*nonblank[0])
    for at, (number, line) in enumerate(nonblank[1:] if has_header else nonblank):
        reader.run(number, line, last=at == len(nonblank) - 1 - has_header)
    if not has_header and not reader.entries:
        return [], [f"this is no run list: {reader.messages[0]}"]
    if has_more:
        reader.messages.insert(0, f"only the first {MAX_LINES:,} lines were read")
    return reader.entries, reader.all_messages()


class _Wrong(ValueError):
    """Why a line is left out."""


@dataclass
class _Reader:
    """State while a file is read."""

    truncated: bool  # whether the file does not end with a line break
    entries: list[Entry] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    n_expected: int = 0  # runs by the header
    n_read: int = 0
    n_extra: int = 0  # runs beyond MAX_RUNS

    def head(self, number: int, line: bytes) -> bool:
        """Reads the header and returns True; False where the line is none, which may be a run."""
        try:
            values = _object(line, f"the header {HEADER}")
            if values.get("rnnkit") != "shelf":
                raise _Wrong(f"expected the header {HEADER}, got {_shorten(line)}")
        except _Wrong as wrong:
            self.messages.append(f"line {number}: {wrong}")
            return False
        version, runs = values.get("version"), values.get("runs", 0)
        if version != VERSION:
            self.messages.append(f"line {number}: expected version {VERSION}, got {_shorten(version)}: read as well as it goes")
        self.n_expected = runs if isinstance(runs, int) and 0 < runs <= MAX_RUNS else 0
        return True

    def run(self, number: int, line: bytes, last: bool) -> None:
        """Reads one run, or appends a message that says why it is left out."""
        self.n_read += 1
        if len(self.entries) == MAX_RUNS:
            self.n_extra += 1
            return
        try:
            self.entries.append(self._entry(number, line))
        except _Wrong as wrong:
            where = f"line {number}, where the file is cut off" if last and self.truncated else f"line {number}"
            self.messages.append(f"{where}: {wrong}: left out")

    def _entry(self, number: int, line: bytes) -> Entry:
        values = _object(line, "a run with its name and its experiment")
        e = _experiment(values.get("experiment"))
        for other in self.entries:
            if other.experiment == e:
                raise _Wrong(f"the same run as {other.name!r} before")
        place = values.get("place")
        taken = {entry.place for entry in self.entries}
        free = isinstance(place, int) and not isinstance(place, bool) and 0 <= place < MAX_DRAWN and place not in taken
        return Entry(self._name(number, values.get("name"), e), e, values.get("given") is True, place if free else None)

    def _name(self, number: int, in_file: Any, e: Experiment) -> str:
        name = clean_name(in_file) if isinstance(in_file, str) else ""
        taken = {entry.name for entry in self.entries}
        unique = unique_name(name or default_name(e, self.entries[0].experiment if self.entries else None), taken)
        if unique != in_file:
            expected = f"a name of its own of 1 to {MAX_NAME_CHARS} visible characters"
            self.messages.append(f"line {number}: expected {expected}, got {_shorten(in_file)}: kept as {unique!r}")
        return unique

    def all_messages(self) -> list[str]:
        """Returns at most MAX_MESSAGES messages, and then how many runs were read; [] where nothing was wrong."""
        messages = list(self.messages)
        if self.n_extra:
            messages.append(f"a run list holds {MAX_RUNS} runs, the file has {self.n_extra} more: these were left out")
        if self.n_read < self.n_expected:
            messages.append(f"the header promises {self.n_expected} runs, the file ends after {self.n_read}: it was cut off")
        if not messages:
            return [] if self.entries else ["there is no run in this file"]
        if len(messages) > MAX_MESSAGES:
            messages[MAX_MESSAGES - 1 :] = [f"and {len(messages) - MAX_MESSAGES + 1} more of this kind"]
        return [*messages, f"{len(self.entries)} of {max(self.n_read, self.n_expected)} runs were read"]


def _object(line: bytes, expected: str) -> dict[str, Any]:
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError:
        raise _Wrong(f"expected {expected} as UTF-8 text, got bytes that are none: {_shorten(line)}") from None
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "nested too deeply, or a number of thousands of digits")
        raise _Wrong(f"expected {expected} as JSON, got {_shorten(line)} ({why[0].lower()}{why[1:]})") from None
    if not isinstance(values, dict):
        raise _Wrong(f"expected {expected} as a JSON object, got {_shorten(line)}")
    return values


def _experiment(values: Any) -> Experiment:
    if not isinstance(values, dict):
        raise _Wrong(f"expected an experiment as a JSON object of settings, got {_shorten(values)}")
    try:
        return Experiment.from_json(json.dumps(values))
    except (ValueError, RecursionError) as error:
        raise _Wrong(str(error)[:300]) from None


def _shorten(value: Any) -> str:
    """Returns a value in one line of at most 60 characters."""
    if not isinstance(value, bytes):
        return shorten_repr(value)
    text = value.strip()[:300].decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= 60 else text[:57] + "..."


# ---- in words ----


def varying(experiments: Sequence[Experiment]) -> list[str]:
    """Returns the fields in which the Experiments differ, in the order of the controls."""
    return [name for name in FIELDS if len({getattr(e, name) for e in experiments}) > 1]


def differences(e: Experiment, others: Sequence[Experiment]) -> list[tuple[str, str]]:
    """Returns (label, value) of every field in which these Experiments differ and which applies to e."""
    return [(FIELDS[name].label, FIELDS[name].words(getattr(e, name))) for name in varying(others) if applies(e, name)]


@dataclass(frozen=True)
class Outcome:
    """Result of a run up to one training step."""

    step: int
    steps: int  # of the whole run
    networks: int
    n_solved: int  # networks that reached rnnkit.analysis.learnt.solved_threshold in any evaluation
    n_forgot: int  # of these, below it in the last evaluation
    n_diverged_later: int  # of these, NaN
    median_step: float  # median step at which they reached it; NaN where none did
    accuracy: float  # median in the last evaluation; NaN counts as lowest; NaN before the first one
    n_diverged: int  # networks that are NaN
    gradient_left: str  # gradient_summary.remaining_text; "" where the data are gone, and with them the source


def outcome(h: History, n: int) -> Outcome:
    """Returns the Outcome of the first n rows, n at least 1."""
    threshold = _threshold(h.e)
    at, diverged = solved_at(h.steps[:n], h.accuracy[:n], threshold), h.diverged[n - 1] >= 0
    now, solved = last_accuracy(h.accuracy[:n], h.diverged[n - 1]), at >= 0
    return Outcome(
        step=int(h.steps[n - 1]),
        steps=h.e.steps,
        networks=len(at),
        n_solved=int(solved.sum()),
        n_forgot=int((solved & ~diverged & (now < threshold)).sum()),
        n_diverged_later=int((solved & diverged).sum()),
        median_step=float(np.median(at[solved])) if solved.any() else math.nan,
        accuracy=float(median(now[None], WORST["accuracy"])[0]),
        n_diverged=int(diverged.sum()),
        gradient_left=_gradient_left(h, n - 1),
    )


def _threshold(e: Experiment) -> float:
    try:
        return solved_threshold(e)
    except ExperimentError:  # its data are no longer in memory, so there are no baselines
        return SOLVED


def _gradient_left(h: History, row: int) -> str:
    try:
        return remaining_text(h, row)
    except ExperimentError:  # its data are no longer in memory, so the source is unknown
        return ""


def outcome_text(o: Outcome) -> str:
    """Returns `5 of 8 solved, median at training step 120; accuracy 98 % at the end; gradient left: 3e-5`."""
    words = [f"{o.n_solved} of {o.networks} solved" + (f", median at training step {o.median_step:,.0f}" if o.n_solved else "")]
    words += [f"{o.n_forgot} lost it again"] if o.n_forgot else []
    words += [f"{o.n_diverged_later} of these became NaN"] if o.n_diverged_later else []
    where = "at the end" if o.step == o.steps else f"by training step {o.step:,} of {o.steps:,}"
    words.append(f"no accuracy {where}" if math.isnan(o.accuracy) else f"accuracy {percent(o.accuracy)} {where}")
    words += [f"NaN: {o.n_diverged} of {o.networks}"] if o.n_diverged else []
    words += [f"gradient left: {o.gradient_left}"] if o.gradient_left else []
    return "; ".join(words)


# ---- all records ----


def with_gradients(histories: Iterable[History]) -> bool:
    """Whether the table of all records holds the gradient norms of every time step: at most MAX_NORMS in all."""
    return sum(h.state_grad[: h.n].size * (2 if h.e.several_losses else 1) for h in histories) <= MAX_NORMS


def records(runs: Sequence[tuple[str, History]]) -> pa.Table:
    """Returns a table with one row for each run, step and network. Columns that a run does not have (dh_50, dc_0) are null."""
    import pyarrow as pa

    wide, tables = with_gradients(h for _, h in runs), []
    for name, h in runs:
        columns = h.table(gradients=wide)
        tables.append(pa.table({"run": np.full(len(columns["step"]), name, dtype=object), **columns}))
    return pa.concat_tables(tables, promote_options="default") if tables else pa.table({"run": pa.array([], pa.string())})


def to_csv(runs: Sequence[tuple[str, History]]) -> bytes:
    """Returns `records` as CSV. An apostrophe precedes names that a spreadsheet would take for formulas, also in wide letters."""
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    safe = [(f"'{name}" if name[:1] in tuple("=+-@＝＋－＠") else name, h) for name, h in runs]
    pyarrow.csv.write_csv(records(safe), sink)
    return sink.getvalue().to_pybytes()


def to_parquet(runs: Sequence[tuple[str, History]]) -> bytes:
    """Returns `records` as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(records(runs), sink)
    return sink.getvalue().to_pybytes()
