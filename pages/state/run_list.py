"""One viewer's shelf: the runs that they have trained in this session, newest last, and which of them are drawn together.

A run is put on it by itself once it has been played beyond its first row. Nothing here draws, trains or asks the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from rnnkit.experiment import Experiment
from rnnkit.export.run_list import MOST, PLACES, Entry, Outcome, clean, default_name, outcome, unique
from rnnkit.serving.run_pool import Run


@dataclass
class Shelf:
    """`outcomes` are the last ones seen, by the run's key: they stay when the server forgets the rows."""

    entries: list[Entry] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)  # by the viewer: not put on again by itself ...
    present: str = ""  # ... as long as this run is the one looked at
    crowded: bool = False  # a run found no room

    def __contains__(self, e: Experiment) -> bool:
        return any(entry.experiment == e for entry in self.entries)

    def find(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def drawn(self) -> list[Entry]:
        """In the order of the shelf."""
        return [entry for entry in self.entries if entry.place is not None]

    def seen(self, run: Run) -> None:
        """The viewer looks at this run, and further than its first row."""
        key = run.experiment.key
        if key != self.present:
            self.present = key
            self.removed.discard(key)
        if key not in self.removed:
            self.put(run.experiment)
        self.note(run)

    def note(self, run: Run) -> None:
        """Remembers what the run has come to."""
        key, n = run.experiment.key, run.history.n
        known = self.outcomes.get(key)
        if n and self.find(key) and (known is None or known.step != run.history.steps[n - 1]):
            self.outcomes[key] = run.history.once(("outcome", n), lambda: outcome(run.history, n))

    def put(self, e: Experiment) -> bool:
        """Whether it is on the shelf now. Where that is full, the oldest run goes that has no name of the viewer's."""
        if e in self:
            return True
        if len(self.entries) == MOST:
            oldest = next((entry for entry in self.entries if not entry.given), None)
            self.crowded = oldest is None
            if oldest is None:
                return False
            self._drop(oldest.key)
        first = self.entries[0].experiment if self.entries else None
        self.entries.append(Entry(unique(default_name(e, first), self._names()), e, place=self._free()))
        self.removed.discard(e.key)
        return True

    def rename(self, key: str, name: str) -> None:
        """Nothing but white space: the name that it would have by itself."""
        entry = self.find(key)
        if entry is None or clean(name) == entry.name:
            return
        others = {other.name for other in self.entries if other is not entry}
        given = clean(name)
        fallback = default_name(entry.experiment, self.entries[0].experiment)
        self._change(replace(entry, name=unique(given or fallback, others), given=bool(given)))

    def draw(self, key: str, wanted: bool) -> None:
        """Draws a run, if there is a place left, or draws it no longer."""
        entry = self.find(key)
        if entry and wanted != (entry.place is not None):
            self._change(replace(entry, place=self._free() if wanted else None))

    def remove(self, key: str) -> None:
        self._drop(key)
        self.removed.add(key)
        self.crowded = False

    def merge(self, entries: Sequence[Entry]) -> list[str]:
        """Puts the runs of a file before those that are there, drawn as they were; says what could not be done."""
        said: list[str] = []
        claimed, order = {entry.place for entry in entries}, [entry.key for entry in entries]
        moved = [entry.key for entry in self.drawn() if entry.place in claimed]
        for key in moved:
            self.draw(key, False)
        for entry in entries:
            self._take(entry, said)
        for key in moved:
            self.draw(key, True)
        said += [
            f"{PLACES} runs are drawn already: {e.name!r} is not" for e in self.entries if e.key in moved and e.place is None
        ]
        self.entries.sort(key=lambda entry: order.index(entry.key) if entry.key in order else len(order))
        return said

    def _take(self, entry: Entry, said: list[str]) -> None:
        there = self.find(entry.key)
        if there is None and len(self.entries) == MOST:
            said.append(f"{entry.name!r} was left out: the shelf holds {MOST} runs and is full")
        elif there is None:
            self.entries.append(replace(entry, name=unique(entry.name, self._names())))
        else:
            place = there.place if entry.place is None else entry.place
            name = there.name if there.given else unique(entry.name, self._names() - {there.name})
            self._change(replace(there, name=name, given=there.given or entry.given, place=place))
            if name != entry.name:
                said.append(f"{entry.name!r} is on the shelf already and keeps its name, {name!r}")

    def _free(self) -> int | None:
        """The first place that no run has."""
        taken = {entry.place for entry in self.entries}
        return next((place for place in range(PLACES) if place not in taken), None)

    def _names(self) -> set[str]:
        return {entry.name for entry in self.entries}

    def _change(self, entry: Entry) -> None:
        self.entries = [entry if other.key == entry.key else other for other in self.entries]

    def _drop(self, key: str) -> None:
        self.entries = [entry for entry in self.entries if entry.key != key]
        self.outcomes.pop(key, None)


def shelf() -> Shelf:
    """The viewer's."""
    return st.session_state.setdefault("shelf", Shelf())
