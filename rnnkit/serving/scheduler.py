"""The queue in front of the training processes: which run is next, fairly between users, and how long it may train.

A user's runs take turns with those of all other users, however many each of them has requested. Of one user's runs the one
with normal priority comes first, then those with low priority (pinned runs, the run list, panels). Between users, whoever was
served longest ago, or requested first, comes first. A run with low priority lets others pass for LOW_PRIORITY_DELAY seconds.
No run starves: its rank depends on a moment in the past, and later requests have later moments.

A run that trains for more than a slice of time while other users wait is interrupted and queued again (`slice_of`). To resume
it, the worker trains it again up to where it was. A slice is therefore at least as long as what is done already: the slices
double, and all repetitions together cost at most the run once more. Without slices, thirty users with a run of ten minutes
each would wait up to five hours for their first row; with them, a quarter of an hour. A user's own runs do not interrupt each
other. Runs shorter than one slice are never interrupted.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

LOW_PRIORITY_DELAY = 30.0  # seconds
Key = TypeVar("Key")


class Request(NamedTuple):
    """A user requests rows of a run. Of one user's requests the smallest is the most urgent."""

    low_priority: bool
    since: float
    user: str


class QueuePosition(NamedTuple):
    """Where a run is in the queue."""

    number: int  # 1 for the next run; 0 for one that does not wait
    seconds: float  # until it begins, about

    def __str__(self) -> str:
        """`3rd in line, about 20 s`; empty for a run that does not wait."""
        return f"{ordinal(self.number) if self.number > 1 else 'next'} in line, {rough(self.seconds)}" if self.number else ""


def in_order(runs: Mapping[Key, Iterable[Request]], busy: Counter[str], served: Mapping[str, float]) -> list[Key]:
    """Sorts the waiting runs, the next one first.

    busy: how many of a user's runs train now. served: when one of them last began to. A run that several users request has the
    best of their ranks.
    """
    waiting: dict[str, dict[Key, Request]] = defaultdict(dict)
    for key, requests in runs.items():
        for request in requests:
            waiting[request.user][key] = min(request, waiting[request.user].get(key, request))
    best: dict[Key, tuple[int, float]] = {}
    for user, theirs in waiting.items():
        for turn, key in enumerate(sorted(theirs, key=theirs.__getitem__), busy[user]):
            request = theirs[key]
            rank = (turn, max(request.since, served.get(user, request.since)) + LOW_PRIORITY_DELAY * request.low_priority)
            best[key] = min(rank, best.get(key, rank))
    return sorted(best, key=best.__getitem__)


def slice_of(seconds: float, done: float) -> float:
    """Seconds that a run may train while others wait: `done` to be where it was, and as long again, at least `seconds`."""
    return done + max(seconds, done)


def start_times(training: Iterable[float], waiting: Sequence[float]) -> list[float]:
    """Seconds until each waiting run begins, from the seconds that the training and the waiting ones still take."""
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
    """Words for an estimated duration."""
    if seconds <= 55:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    return f"about {max(1, round(seconds / 60))} min" if seconds < 3600 else "more than an hour"
