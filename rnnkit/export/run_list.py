"""A shelf of runs: as a file, in words (what its runs differ in, what came out), and all their records in one table.

The file is JSON Lines, so that one cut off in the middle loses its last line only: a header that says how many runs follow, then
a run a line. Reading never raises: what cannot be used is left out, and a message says where, what was expected, and what came.
Names are plain text without control characters; whoever shows them has to escape them.
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

from rnnkit.analysis.describe import LABELS, difference, summary, titles
from rnnkit.analysis.gradient_summary import remaining
from rnnkit.analysis.learnt import SOLVED, bar, last_exam, solved_at
from rnnkit.engine.fixes import Fix
from rnnkit.engine.history import WORST, History, median
from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies
from rnnkit.rounding import percent
from rnnkit.stories.presets import PRESETS, named

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1  # of the file; the Experiments in it have a version of their own
MOST = 24  # runs on a shelf
PLACES = 8  # runs that are drawn together at most: no more lines can be told apart
LONGEST = 60  # characters of a name
MOST_BYTES = 1_000_000  # of a file
MOST_LINES = 1000  # of a file that are looked at
MOST_MESSAGES = 12
MOST_NUMBERS = 20_000_000  # gradient norms in the table of all records; beyond, it goes without those of single time steps
HEADER = f'{{"rnnkit": "shelf", "version": {VERSION}}}'


@dataclass(frozen=True)
class Entry:
    """One run on the shelf."""

    name: str
    experiment: Experiment
    given: bool = False  # its name, by the viewer
    place: int | None = None  # as which of the lines it is drawn, 0 to PLACES - 1; None: not at all

    @cached_property
    def key(self) -> str:
        return self.experiment.key


# ---- names ----


def clean(name: str) -> str:
    """A name in one line of at most LONGEST characters: whatever is no visible character becomes a space."""
    text = unicodedata.normalize("NFC", name[: 10 * LONGEST])
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(text.split())[:LONGEST].rstrip()


def unique(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    tries = chain([name], (f"{name[: LONGEST - 5].rstrip()} ({i})" for i in count(2)))
    return next(text for text in tries if text not in taken)


def default_name(e: Experiment, first: Experiment | None) -> str:
    """The story's title, or what is different from the first run on the shelf; a summary where that says too much or nothing."""
    if preset := named(e):
        return clean(PRESETS[preset].title)
    if first is None or first == e:
        return clean(summary(e))
    told = re.sub(r" \(was [^()]*(\([^()]*\))?\)", "", difference(first, e)).removeprefix("only: ")
    return told if len(told) <= LONGEST else clean(summary(e))


# ---- the file ----


def dump(entries: Sequence[Entry]) -> str:
    """The file's text."""
    lines: list[dict[str, Any]] = [{"rnnkit": "shelf", "version": VERSION, "runs": len(entries)}]
    for entry in entries:
        marks = {"given": entry.given, "place": entry.place}
        kept = {k: v for k, v in marks.items() if v is not None and v is not False}
        lines.append({"name": entry.name, **kept, "experiment": json.loads(entry.experiment.to_json())})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def load(content: str | bytes) -> tuple[list[Entry], list[str]]:
    """The runs in a shelf file, and what is wrong with it in plain text, line by line; never raises."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    if len(data) > MOST_BYTES:
        return [], [f"the file has {len(data):,} bytes, a shelf has at most {MOST_BYTES:,}: nothing of it was read"]
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", MOST_LINES)
    beyond = len(lines) > MOST_LINES and bool(lines.pop().strip())
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        return [], [f"the file is empty: expected a first line {HEADER}, then one run a line"]
    reader = _Reader(cut=not data.endswith(b"\n"))
    begins = reader.head(*filled[0])
    for at, (number, line) in enumerate(filled[1:] if begins else filled):
        reader.run(number, line, last=at == len(filled) - 1 - begins)
    if not begins and not reader.entries:
        return [], [f"this is no shelf file: {reader.messages[0]}"]
    if beyond:
        reader.messages.insert(0, f"only the first {MOST_LINES:,} lines were read")
    return reader.entries, reader.said()


class _Wrong(ValueError):
    """Why a line is left out."""


@dataclass
class _Reader:
    """What has been read of a file so far."""

    cut: bool  # the file does not end with a line's end
    entries: list[Entry] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    promised: int = 0
    seen: int = 0
    over: int = 0

    def head(self, number: int, line: bytes) -> bool:
        """Whether this is a header; where it is none, it may be a run."""
        try:
            values = _object(line, f"the header {HEADER}")
            if values.get("rnnkit") != "shelf":
                raise _Wrong(f"expected the header {HEADER}, got {_clip(line)}")
        except _Wrong as wrong:
            self.messages.append(f"line {number}: {wrong}")
            return False
        version, runs = values.get("version"), values.get("runs", 0)
        if version != VERSION:
            self.messages.append(f"line {number}: expected version {VERSION}, got {_clip(version)}: read as well as it goes")
        self.promised = runs if isinstance(runs, int) and 0 < runs <= MOST else 0
        return True

    def run(self, number: int, line: bytes, last: bool) -> None:
        self.seen += 1
        if len(self.entries) == MOST:
            self.over += 1
            return
        try:
            self.entries.append(self._entry(number, line))
        except _Wrong as wrong:
            where = f"line {number}, where the file is cut off" if last and self.cut else f"line {number}"
            self.messages.append(f"{where}: {wrong}: left out")

    def _entry(self, number: int, line: bytes) -> Entry:
        values = _object(line, "a run with its name and its experiment")
        e = _experiment(values.get("experiment"))
        for other in self.entries:
            if other.experiment == e:
                raise _Wrong(f"the same run as {other.name!r} before")
        place = values.get("place")
        taken = {entry.place for entry in self.entries}
        free = isinstance(place, int) and not isinstance(place, bool) and 0 <= place < PLACES and place not in taken
        return Entry(self._name(number, values.get("name"), e), e, values.get("given") is True, place if free else None)

    def _name(self, number: int, given: Any, e: Experiment) -> str:
        name = clean(given) if isinstance(given, str) else ""
        taken = {entry.name for entry in self.entries}
        kept = unique(name or default_name(e, self.entries[0].experiment if self.entries else None), taken)
        if kept != given:
            expected = f"a name of its own of 1 to {LONGEST} visible characters"
            self.messages.append(f"line {number}: expected {expected}, got {_clip(given)}: kept as {kept!r}")
        return kept

    def said(self) -> list[str]:
        """All messages, not too many, and at the end what was kept."""
        told = list(self.messages)
        if self.over:
            told.append(f"a shelf holds {MOST} runs, the file has {self.over} more: these were left out")
        if self.seen < self.promised:
            told.append(f"the header promises {self.promised} runs, the file ends after {self.seen}: it was cut off")
        if not told:
            return [] if self.entries else ["there is no run in this file"]
        if len(told) > MOST_MESSAGES:
            told[MOST_MESSAGES - 1 :] = [f"and {len(told) - MOST_MESSAGES + 1} more of this kind"]
        return [*told, f"{len(self.entries)} of {max(self.seen, self.promised)} runs were read"]


def _object(line: bytes, expected: str) -> dict[str, Any]:
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError:
        raise _Wrong(f"expected {expected} as UTF-8 text, got bytes that are none: {_clip(line)}") from None
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "nested too deeply, or a number of thousands of digits")
        raise _Wrong(f"expected {expected} as JSON, got {_clip(line)} ({why[0].lower()}{why[1:]})") from None
    if not isinstance(values, dict):
        raise _Wrong(f"expected {expected} as a JSON object, got {_clip(line)}")
    return values


def _experiment(values: Any) -> Experiment:
    if not isinstance(values, dict):
        raise _Wrong(f"expected an experiment as a JSON object of settings, got {_clip(values)}")
    try:
        return Experiment.from_json(json.dumps(values))
    except (ValueError, RecursionError) as error:
        raise _Wrong(str(error)[:300]) from None


def _clip(value: Any) -> str:
    """What came, in one line that is short enough to be read."""
    if not isinstance(value, bytes):
        return shorten_repr(value)
    text = value.strip()[:300].decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= 60 else text[:57] + "..."


# ---- in words ----


def varying(experiments: Sequence[Experiment]) -> list[str]:
    """The fields in which these differ, in the order of the controls."""
    return [name for name in FIELDS if len({getattr(e, name) for e in experiments}) > 1]


def value(e: Experiment, name: str) -> str:
    """A field's value in words."""
    it = getattr(e, name)
    if name == "fixes":
        return ", ".join(map(_fix, it)) or "none"
    return titles(name).get(it, it or "the example") if isinstance(it, str) else f"{it:g}"


def _fix(fix: Fix) -> str:
    strength, since = fix.strength, getattr(fix, "start_step", 0)
    told = strength if isinstance(strength, str) else f"{strength:g}"
    return f"{fix.title} {told}" + (f" from training step {since} on" if since else "")


def differences(e: Experiment, others: Sequence[Experiment]) -> list[tuple[str, str]]:
    """(label, value) of every field in which the shelf's runs differ and which applies to this one."""
    return [(LABELS[name], value(e, name)) for name in varying(others) if applies(e, name)]


@dataclass(frozen=True)
class Outcome:
    """What a run has come to at one training step."""

    step: int
    steps: int
    networks: int
    solved: int  # networks that had learnt the task in some exam (rnnkit.analysis.learnt.bar) ...
    lost: int  # ... of these, at the last exam no longer
    blown: int  # ... and of these, NaN by now
    when: float  # median step at which they had; NaN where none did
    accuracy: float  # median at the last exam, a network that is NaN counts as lowest; NaN before the first one, and of most
    dead: int  # networks that became NaN
    left: str  # of the gradient at the end, at the step that holds the answer; "" where nobody knows which step that is


def outcome(h: History, n: int) -> Outcome:
    """From the first n rows, at least one."""
    enough = _bar(h.e)
    at, dead = solved_at(h.steps[:n], h.accuracy[:n], enough), h.diverged[n - 1] >= 0
    now, solved = last_exam(h.accuracy[:n], h.diverged[n - 1]), at >= 0
    return Outcome(
        step=int(h.steps[n - 1]),
        steps=h.e.steps,
        networks=len(at),
        solved=int(solved.sum()),
        lost=int((solved & ~dead & (now < enough)).sum()),
        blown=int((solved & dead).sum()),
        when=float(np.median(at[solved])) if solved.any() else math.nan,
        accuracy=float(median(now[None], WORST["accuracy"])[0]),
        dead=int(dead.sum()),
        left=_left(h, n - 1),
    )


def _bar(e: Experiment) -> float:
    try:
        return bar(e)
    except ExperimentError:  # its sentences are not here any more, and so no baselines
        return SOLVED


def _left(h: History, row: int) -> str:
    try:
        return remaining(h, row)
    except ExperimentError:  # its sentences are not here any more: nobody knows where the answer stands
        return ""


def told(o: Outcome) -> str:
    """`5 of 8 solved, median at training step 120; accuracy 98 % at the end; gradient left: 3e-5`."""
    words = [f"{o.solved} of {o.networks} solved" + (f", median at training step {o.when:,.0f}" if o.solved else "")]
    words += [f"{o.lost} lost it again"] if o.lost else []
    words += [f"{o.blown} of these became NaN"] if o.blown else []
    where = "at the end" if o.step == o.steps else f"by training step {o.step:,} of {o.steps:,}"
    words.append(f"no accuracy {where}" if math.isnan(o.accuracy) else f"accuracy {percent(o.accuracy)} {where}")
    words += [f"NaN: {o.dead} of {o.networks}"] if o.dead else []
    words += [f"gradient left: {o.left}"] if o.left else []
    return "; ".join(words)


# ---- all records ----


def with_gradients(histories: Iterable[History]) -> bool:
    """Whether the table of all records has room for the gradient norms of every time step."""
    return sum(h.state_grad[: h.n].size * (2 if h.e.several_losses else 1) for h in histories) <= MOST_NUMBERS


def records(runs: Sequence[tuple[str, History]]) -> pa.Table:
    """One row a run, step and network; what a run does not have (a longer one's dh_50, a cell's dc_0) is null."""
    import pyarrow as pa

    wide, tables = with_gradients(h for _, h in runs), []
    for name, h in runs:
        columns = h.table(gradients=wide)
        tables.append(pa.table({"run": np.full(len(columns["step"]), name, dtype=object), **columns}))
    return pa.concat_tables(tables, promote_options="default") if tables else pa.table({"run": pa.array([], pa.string())})


def to_csv(runs: Sequence[tuple[str, History]]) -> bytes:
    """A name that a spreadsheet would take for a formula, in some countries in wide letters too, has an apostrophe in front."""
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    safe = [(f"'{name}" if name[:1] in tuple("=+-@＝＋－＠") else name, h) for name, h in runs]
    pyarrow.csv.write_csv(records(safe), sink)
    return sink.getvalue().to_pybytes()


def to_parquet(runs: Sequence[tuple[str, History]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(records(runs), sink)
    return sink.getvalue().to_pybytes()
