"""The interval between two polls of a live run, such that all viewers in a lecture hall get their frames.

Frames are drawn one at a time. Many threads that draw at once would wait for Python's lock at every message that they send, and
no frame would be finished. The measured CPU time of a frame and the number of viewers determine the interval, such that drawing
takes at most SHARE of a core. Sending the frames takes as much again in a full hall. The rest is free for clicks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from pages.server import streamlit_private

LADDER = (0.08, 0.2, 0.5, 1.0, 2.0, 4.5, 6.0)  # seconds between two polls; the last one is well below Limits.idle_seconds
SHARE, MAX_SHARE = 0.2, 0.55  # of a core for drawing frames, and how far it may rise before the interval exceeds ...
LONG_INTERVAL = 4.5  # seconds, so that every viewer gets a frame every five
EARLY, LATE = 0.8, 1.04  # least and greatest share of the interval after which the next poll may come, to spread polls
MAX_TURN_WAIT = 5.0  # seconds; then a frame is drawn out of turn, so that one that hangs does not stop all others
RECENT = 1.5 * LADDER[-1]  # seconds after a poll for which a viewer counts
ROOM_LADDER = (1.0, 2.0, 3.0, 4.5, 6.0, 8.0)  # seconds between two polls of a room, of each member; the last is below RECENT
ROOM_SHARE = 0.1  # of a core for the polls of all members of all rooms, as long as the ladder allows it
RUSH = 3.0  # seconds; as many viewers as came within them are expected in each of the next two such periods


class Turn:
    """A reentrant lock with two first-in, first-out queues.

    Whole pages and frames get it alternately, so that frames are still drawn while a class opens its link.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._pages: deque[threading.Lock] = deque()
        self._frames: deque[threading.Lock] = deque()
        self._taken = self._page_was_last = False
        self._holder: int | None = None

    @contextmanager
    def __call__(self, page: bool = True) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me or not self._take(self._pages if page else self._frames):
            yield
            return
        self._holder = me
        try:
            yield
        finally:
            self._holder = None
            self._pass_on()

    def _take(self, queue: deque[threading.Lock]) -> bool:
        """Returns False after MAX_TURN_WAIT."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            queue.append(mine)
        if mine.acquire(timeout=MAX_TURN_WAIT):
            return True
        with self._mutex:
            if mine not in queue:  # it was given at the last moment
                return True
            queue.remove(mine)
            return False

    def _pass_on(self) -> None:
        with self._mutex:
            queue = (self._frames or self._pages) if self._page_was_last else (self._pages or self._frames)
            self._page_was_last = queue is self._pages
            if queue:
                queue.popleft().release()
            else:
                self._taken = False


class Polls:
    """The turns, the CPU time of a frame, and the viewers who poll.

    ladder: the intervals that there are. share: of a core for drawing frames. long: the interval that is exceeded only where
    drawing would take more than MAX_SHARE.
    """

    def __init__(
        self, turn: Turn | None = None, ladder: Sequence[float] = LADDER, share: float = SHARE, long: float = LONG_INTERVAL
    ) -> None:
        self.turn, self.ladder, self.share, self.long = turn or Turn(), ladder, share, long
        self.cost = 0.004  # seconds of a core that drawing a frame takes, a running mean
        self._polled: dict[str, tuple[float, float]] = {}  # viewer -> when first and last
        self._slot = 0.0  # time of the last poll that has been assigned

    @contextmanager
    def frame(self, viewer: str) -> Iterator[None]:
        """Draws a frame of this viewer in its turn, and measures its CPU time."""
        now = time.monotonic()
        self._polled[viewer] = (self._polled.get(viewer, (now, now))[0], now)
        with self.turn(page=False):
            start = time.thread_time()
            try:
                yield
            finally:
                self.cost += 0.05 * (time.thread_time() - start - self.cost)

    def viewers(self) -> tuple[int, int]:
        """Returns how many viewers poll now, and how many are expected to when a class opens its link."""
        now, polled = time.monotonic(), list(self._polled.items())
        for viewer in [viewer for viewer, (_, last) in polled if now - last > RECENT]:
            self._polled.pop(viewer, None)
        came = [first for _, (first, last) in polled if now - last <= RECENT]
        return len(came), len(came) + 2 * max(0, sum(now - first < RUSH for first in came) - 1)

    def seconds(self) -> float:
        """Returns the interval between two polls of a viewer."""
        here, expected = self.viewers()
        wanted = min(expected * self.cost / self.share, max(self.long, here * self.cost / MAX_SHARE))
        return next((step for step in self.ladder if step >= wanted), self.ladder[-1])

    def wait(self, seconds: float) -> float:
        """Returns the seconds until this viewer's next poll, about `seconds`. Polls of all viewers are spread evenly.

        The polls of a class that opens its link coincide. They would stay so, and each would wait for the others.
        """
        now = time.monotonic()
        self._slot += seconds / max(1, len(self._polled))
        if not EARLY * seconds <= self._slot - now <= LATE * seconds:
            self._slot = now + EARLY * seconds
        return self._slot - now


@st.cache_resource(show_spinner=False)
def polls() -> Polls:
    """Returns the polls of this server."""
    return Polls()


@st.cache_resource(show_spinner=False)
def room_polls() -> Polls:
    """Returns the polls of rooms. They take turns with the frames."""
    return Polls(polls().turn, ROOM_LADDER, ROOM_SHARE, ROOM_LADDER[-1])


def poll_again_after(seconds: float | None, among: Polls | None = None) -> None:
    """Has the browser rerun this fragment about `seconds` after it has received this frame. None stops the reruns.

    among: the polls that this one is spread among, by default those of frames.
    """
    streamlit_private.rerun_fragment_every(None if seconds is None else (among or polls()).wait(seconds))
