"""The interval between two polls of a live run, such that all viewers in a lecture hall get their frames.

Frames are drawn one at a time. Many threads that draw at once would wait for Python's lock at every message that they send, and
no frame would be finished. The measured CPU time of a frame and the number of viewers determine the interval, such that drawing
takes at most SHARE of a core. Sending the frames takes as much again in a full hall. The rest is free for clicks. Where other
programs take the cores, a frame takes longer than its CPU time. Then the interval is such that turns take MAX_BUSY of the time:
polls come as fast as they are answered, and no queue of them grows.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from pages.server import streamlit_private
from pages.server.tabs import Tabs

LADDER = (0.08, 0.2, 0.5, 1.0, 2.0, 4.5, 6.0, 8.0)  # seconds between two polls; the last one is well below Limits.idle_seconds
SHARE, MAX_SHARE = 0.2, 0.55  # of a core for drawing frames, and how far it may rise before the interval exceeds ...
MAX_BUSY = 1.0  # of the time for the turns of frames; above it the interval is longer, whatever it is
LONG_INTERVAL = 4.5  # seconds, so that every viewer gets a frame every five
EARLY, LATE = 0.8, 1.04  # least and greatest share of the interval after which the next poll may come, to spread polls
LONG_WAIT = 0.2  # seconds for a turn, from which on the browser's timer is stopped meanwhile
MAX_TURN_SECONDS = 3.0  # that a page or frame may take; then the next one is drawn beside it
RECENT = 1.5 * LADDER[-1]  # seconds after a poll for which a viewer counts
ROOM_LADDER = (1.0, 2.0, 3.0, 4.5, 6.0, 8.0)  # seconds between two polls of a room, of each member; the last is below RECENT
ROOM_SHARE = 0.1  # of a core for the polls of all members of all rooms, as long as the ladder allows it
RUSH = 3.0  # seconds; as many viewers as came within them are expected in each of the next two such periods


class Turn:
    """A reentrant lock with two first-in, first-out queues.

    Whole pages and frames get it alternately, so that frames are still drawn while a class opens its link. Where a thread has it
    for MAX_TURN_SECONDS, the next one takes it over, and the first one's end passes nothing on. So one that hangs does not stop
    all others, and a long queue that moves stays a queue.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._pages: deque[tuple[int, threading.Lock]] = deque()  # threads that wait, and what each of them waits for
        self._frames: deque[tuple[int, threading.Lock]] = deque()
        self._page_was_last = False
        self._holder: int | None = None  # the thread that has the turn
        self.since = 0.0  # when it got it

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    @contextmanager
    def __call__(self, page: bool = True) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me:
            yield
            return
        self._take(me, self._pages if page else self._frames)
        try:
            yield
        finally:
            self._pass_on(me)

    def _take(self, me: int, queue: deque[tuple[int, threading.Lock]]) -> None:
        with self._mutex:
            if self._holder is None:
                self._give(me)
                return
            mine = me, threading.Lock()
            mine[1].acquire()
            queue.append(mine)
        while not mine[1].acquire(timeout=MAX_TURN_SECONDS):
            with self._mutex:
                if mine not in queue:  # it was given at the last moment
                    return
                if time.monotonic() - self.since >= MAX_TURN_SECONDS:
                    queue.remove(mine)
                    self._give(me)
                    return

    def _give(self, thread: int | None) -> None:
        self._holder, self.since = thread, time.monotonic()

    def _pass_on(self, me: int) -> None:
        with self._mutex:
            if self._holder != me:  # another thread has taken it over
                return
            queue = (self._frames or self._pages) if self._page_was_last else (self._pages or self._frames)
            self._page_was_last = queue is self._pages
            if not queue:
                self._give(None)
                return
            thread, waits = queue.popleft()
            self._give(thread)
            waits.release()


class Polls:
    """The turns, the CPU time of a frame, and the viewers who poll.

    ladder: the intervals that there are. share: of a core for drawing frames. long: the interval that is exceeded only where
    drawing would take more than MAX_SHARE.
    """

    def __init__(
        self, turn: Turn | None = None, ladder: Sequence[float] = LADDER, share: float = SHARE, long: float = LONG_INTERVAL
    ) -> None:
        self.turn, self.ladder, self.share, self.long = turn or Turn(), ladder, share, long
        self.cost = 0.004  # seconds of a core that drawing a frame takes, a running mean ...
        self.wall = 0.004  # ... and seconds from one frame to the next where several wait, another one
        self._polled: dict[str, tuple[float, float]] = {}  # viewer -> when first and last
        self._slot = 0.0  # time of the last poll that has been assigned

    @contextmanager
    def frame(self, viewer: str) -> Iterator[None]:
        """Draws a frame of this viewer in its turn, and measures its CPU time and that of its turn.

        Stops the browser's timer where the turn is far off, until this frame sets it anew (`poll_again_after`). Else a second
        poll waits behind each one, is drawn at once after it, and replaces what has not been sent yet. Such a queue never ends.
        """
        now = time.monotonic()
        self._polled[viewer] = (self._polled.get(viewer, (now, now))[0], now)
        stopped = self.turn.waiting * self.wall > LONG_WAIT
        if stopped:
            streamlit_private.rerun_fragment_every(None)
        with self.turn(page=False):
            start, began = time.thread_time(), max(now, self.turn.since)  # not that of a page around this frame
            try:
                yield
            except Exception:  # this frame will set no timer
                if stopped:
                    streamlit_private.rerun_fragment_every(self.seconds())
                raise
            finally:
                self.cost += 0.05 * (time.thread_time() - start - self.cost)
                self.wall += 0.01 * (time.monotonic() - began - self.wall)  # slowly: with each change polls meet

    def viewers(self) -> tuple[int, int]:
        """Returns how many viewers poll now, and how many are expected to when a class opens its link.

        Who has closed a tab, or loaded it again, is not counted for the rest of RECENT: there are no more viewers than tabs.
        """
        now, polled = time.monotonic(), list(self._polled.items())
        for viewer in [viewer for viewer, (_, last) in polled if now - last > RECENT]:
            self._polled.pop(viewer, None)
        came = [first for _, (first, last) in polled if now - last <= RECENT]
        here = min(len(came), Tabs.open or len(came))
        rush = min(here, sum(now - first < RUSH for first in came))
        return here, here + 2 * max(0, rush - 1)

    def seconds(self) -> float:
        """Returns the interval between two polls of a viewer."""
        here, expected = self.viewers()
        wanted = min(expected * self.cost / self.share, max(self.long, here * self.cost / MAX_SHARE))
        wanted = max(wanted, here * self.wall / MAX_BUSY)
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
