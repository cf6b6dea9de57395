"""One viewer's run list: the runs that they have trained in this session, newest last, and which of them are drawn together.

A run is added by itself once it has been played beyond its first row. Nothing here draws, trains or asks the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rnnkit.experiment import Experiment
from rnnkit.export.run_list import MAX_DRAWN, MAX_RUNS, Entry, Outcome, clean_name, default_name, outcome, unique_name
from rnnkit.serving.run_pool import Run


@dataclass
class RunList:
    """`outcomes`: key of a run -> its last known outcome, which stays when the server drops the rows."""

    entries: list[Entry] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)  # by the viewer: not added again by itself ...
    present: str = ""  # ... while this is the key of the run shown
    crowded: bool = False  # the list is full and a run could not be added

    def __contains__(self, e: Experiment) -> bool:
        return any(entry.experiment == e for entry in self.entries)

    def find(self, key: str) -> Entry | None:
        """Returns the entry of the run with this key, None where there is none."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def drawn(self) -> list[Entry]:
        """Returns the runs that are drawn, in the order of the list."""
        return [entry for entry in self.entries if entry.place is not None]

    def seen(self, run: Run) -> None:
        """Adds a run of which the viewer has seen more than the first row."""
        key = run.experiment.key
        if key != self.present:
            self.present = key
            self.removed.discard(key)
        if key not in self.removed:
            self.put(run.experiment)
        self.note(run)

    def note(self, run: Run) -> None:
        """Stores the outcome of the run so far."""
        key, n = run.experiment.key, run.history.n
        known = self.outcomes.get(key)
        if n and self.find(key) and (known is None or known.step != run.history.steps[n - 1]):
            self.outcomes[key] = run.history.once(("outcome", n), lambda: outcome(run.history, n))

    def put(self, e: Experiment) -> bool:
        """Adds a run. Returns whether it is in the list now.

        A full list drops its oldest run that the viewer has not named.
        """
        if e in self:
            return True
        if len(self.entries) == MAX_RUNS:
            oldest = next((entry for entry in self.entries if not entry.custom_name), None)
            self.crowded = oldest is None
            if oldest is None:
                return False
            self._drop(oldest.key)
        first = self.entries[0].experiment if self.entries else None
        self.entries.append(Entry(unique_name(default_name(e, first), self._names()), e, place=self._free()))
        self.removed.discard(e.key)
        return True

    def rename(self, key: str, name: str) -> None:
        """Renames a run. A blank name restores the default one."""
        entry = self.find(key)
        if entry is None or clean_name(name) == entry.name:
            return
        others = {other.name for other in self.entries if other is not entry}
        custom_name = clean_name(name)
        fallback = default_name(entry.experiment, self.entries[0].experiment)
        self._change(replace(entry, name=unique_name(custom_name or fallback, others), custom_name=bool(custom_name)))

    def draw(self, key: str, wanted: bool) -> None:
        """Draws a run, if a place is free, or stops drawing it."""
        entry = self.find(key)
        if entry and wanted != (entry.place is not None):
            self._change(replace(entry, place=self._free() if wanted else None))

    def remove(self, key: str) -> None:
        """Removes a run. It is not added again while it is the run shown."""
        self._drop(key)
        self.removed.add(key)
        self.crowded = False

    def merge(self, entries: Sequence[Entry]) -> list[str]:
        """Puts the runs of a file first, drawn as in the file. Returns messages about what could not be done."""
        messages: list[str] = []
        claimed, order = {entry.place for entry in entries}, [entry.key for entry in entries]
        moved = [entry.key for entry in self.drawn() if entry.place in claimed]
        for key in moved:
            self.draw(key, False)
        for entry in entries:
            self._take(entry, messages)
        for key in moved:
            self.draw(key, True)
        messages += [
            f"{MAX_DRAWN} runs are drawn already: {e.name!r} is not" for e in self.entries if e.key in moved and e.place is None
        ]
        self.entries.sort(key=lambda entry: order.index(entry.key) if entry.key in order else len(order))
        return messages

    def _take(self, entry: Entry, messages: list[str]) -> None:
        there = self.find(entry.key)
        if there is None and len(self.entries) == MAX_RUNS:
            messages.append(f"{entry.name!r} was left out: the run list holds {MAX_RUNS} runs and is full")
        elif there is None:
            self.entries.append(replace(entry, name=unique_name(entry.name, self._names())))
        else:
            place = there.place if entry.place is None else entry.place
            name = there.name if there.custom_name else unique_name(entry.name, self._names() - {there.name})
            self._change(replace(there, name=name, custom_name=there.custom_name or entry.custom_name, place=place))
            if name != entry.name:
                messages.append(f"{entry.name!r} is in the run list already and keeps its name, {name!r}")

    def _free(self) -> int | None:
        """Returns the first place that no run has, None where all are taken."""
        taken = {entry.place for entry in self.entries}
        return next((place for place in range(MAX_DRAWN) if place not in taken), None)

    def _names(self) -> set[str]:
        return {entry.name for entry in self.entries}

    def _change(self, entry: Entry) -> None:
        self.entries = [entry if other.key == entry.key else other for other in self.entries]

    def _drop(self, key: str) -> None:
        self.entries = [entry for entry in self.entries if entry.key != key]
        self.outcomes.pop(key, None)
