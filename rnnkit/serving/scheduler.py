"""The line in front of the training processes: who is next, fairly between persons, and how long it may take.

A person's runs are taken in turn with everybody else's, however many they asked for: of each person first the run they look at,
then the patient ones (pinned, on a shelf, in a panel); between persons, whoever was served longest ago, or came first. A
patient run lets others pass for PATIENCE seconds. Nobody's place can be pushed back for ever: what decides is when somebody came
or was served last, and that only gets longer ago.

A run that goes on for more than a slice of time, while other persons wait, gives its worker away and stands in line again
(`slice_of`). Training can only be resumed by training again up to where it was, so a slice is at least as long as what is done
already: the slices double, and all the repeating together costs no more than the run itself once more. Without slices, thirty
viewers with thirty runs of ten minutes each would wait up to five hours for their first row; so they have it within a
quarter of an hour. A person's own runs do not interrupt each other, and runs shorter than one slice are never interrupted.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

PATIENCE = 30.0  # seconds
Key = TypeVar("Key")


class Request(NamedTuple):
    """One person waits for a run. Of one person's wishes the smallest is the most urgent."""

    patient: bool
    since: float
    person: str


class QueuePosition(NamedTuple):
    """In line: 1 for the next, 0 for a run that does not wait; seconds until it begins."""

    number: int
    seconds: float

    def __str__(self) -> str:
        """`3rd in line, about 20 s`."""
        return f"{ordinal(self.number) if self.number > 1 else 'next'} in line, {rough(self.seconds)}" if self.number else ""


def in_order(runs: Mapping[Key, Iterable[Request]], busy: Counter[str], served: Mapping[str, float]) -> list[Key]:
    """The waiting runs, the next one first. busy: how many of a person's runs train now; served: when one last began.

    A run that several wait for has the best of their places.
    """
    waiting: dict[str, dict[Key, Request]] = defaultdict(dict)
    for key, wishes in runs.items():
        for wish in wishes:
            waiting[wish.person][key] = min(wish, waiting[wish.person].get(key, wish))
    best: dict[Key, tuple[int, float]] = {}
    for person, theirs in waiting.items():
        for turn, key in enumerate(sorted(theirs, key=theirs.__getitem__), busy[person]):
            wish = theirs[key]
            rank = (turn, max(wish.since, served.get(person, wish.since)) + PATIENCE * wish.patient)
            best[key] = min(rank, best.get(key, rank))
    return sorted(best, key=best.__getitem__)


def slice_of(seconds: float, done: float) -> float:
    """How long a run may keep its worker while others wait: as long as it takes to be where it was, and as long again."""
    return done + max(seconds, done)


def start_times(training: Iterable[float], waiting: Sequence[float]) -> list[float]:
    """Seconds until each of the waiting runs begins, from what the training ones still take and the waiting ones will."""
    free = list(training) or [0.0]
    heapq.heapify(free)
    begin = []
    for seconds in waiting:
        begin.append(free[0])
        heapq.heapreplace(free, free[0] + seconds)
    return begin


def ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def rough(seconds: float) -> str:
    """An estimate, told as one."""
    if seconds <= 55:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    return f"about {max(1, round(seconds / 60))} min" if seconds < 3600 else "more than an hour"
