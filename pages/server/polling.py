"""How often the pages look at runs that change, so that a whole lecture hall gets its frames.

Frames are drawn one at a time: drawn side by side by many threads, each would wait for Python's lock at every message that it
sends, and nobody would get one. What drawing one takes of this machine's core, as measured, and the number of viewers then say
how often each may look, such that drawing takes no more than a SHARE of the core. Sending what was drawn takes as much again
in a full hall; the rest is free for whoever clicks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.server import streamlit_private

LADDER = (0.2, 0.5, 1.0, 2.0, 4.5, 6.0)  # seconds between two looks; the last one is well below Limits.idle_seconds
SHARE, MOST = 0.2, 0.55  # of a core, for drawing frames; the most before they become less frequent than ...
SELDOM = 4.5  # seconds, so that something new comes every five
EARLY, LATE = 0.8, 1.04  # of the seconds between two looks, for which a look may be moved to where fewer others are
PATIENCE = 5.0  # seconds to wait for one's turn; then out of turn, so that nothing that hangs stops everybody
RECENT = 1.5 * LADDER[-1]  # seconds for which somebody who looked counts as looking
RUSH = 3.0  # seconds; as many as came within them are expected to come in each of the next two times as long


class Turn:
    """A lock that is given to those who wait in the order in which they came, and that its holder may take again.

    Whole pages and frames take turns: while a class comes in, who is there already still sees something move.
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

    def _take(self, line: deque[threading.Lock]) -> bool:
        """False where PATIENCE came to its end."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            line.append(mine)
        if mine.acquire(timeout=PATIENCE):
            return True
        with self._mutex:
            if mine not in line:  # it was given at the last moment
                return True
            line.remove(mine)
            return False

    def _pass_on(self) -> None:
        with self._mutex:
            line = (self._frames or self._pages) if self._page_was_last else (self._pages or self._frames)
            self._page_was_last = line is self._pages
            if line:
                line.popleft().release()
            else:
                self._taken = False


class Polls:
    """Whose turn it is, what a frame takes, and who looks."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.cost = 0.004  # seconds of a core that drawing a frame takes, a running mean
        self._looked: dict[str, tuple[float, float]] = {}  # viewer -> when first and last
        self._slot = 0.0  # when the look is due that was given out last

    @contextmanager
    def frame(self, viewer: str) -> Iterator[None]:
        """While a frame of this viewer is drawn."""
        now = time.monotonic()
        self._looked[viewer] = (self._looked.get(viewer, (now, now))[0], now)
        with self.turn(page=False):
            start = time.thread_time()
            try:
                yield
            finally:
                self.cost += 0.05 * (time.thread_time() - start - self.cost)

    def viewers(self) -> tuple[int, int]:
        """How many look now; and how many will, when a class opens its link."""
        now, looked = time.monotonic(), list(self._looked.items())
        for viewer in [viewer for viewer, (_, last) in looked if now - last > RECENT]:
            self._looked.pop(viewer, None)
        came = [first for _, (first, last) in looked if now - last <= RECENT]
        return len(came), len(came) + 2 * max(0, sum(now - first < RUSH for first in came) - 1)

    def seconds(self) -> float:
        """Between two looks of each."""
        here, expected = self.viewers()
        wanted = min(expected * self.cost / SHARE, max(SELDOM, here * self.cost / MOST))
        return next((step for step in LADDER if step >= wanted), LADDER[-1])

    def wait(self, seconds: float) -> float:
        """About as many seconds, until this viewer's next look: one after the other, at equal distances.

        The looks of a class that opens its link come together; so they would go on for ever, and each would wait for the others.
        """
        now = time.monotonic()
        self._slot += seconds / max(1, len(self._looked))
        if not EARLY * seconds <= self._slot - now <= LATE * seconds:
            self._slot = now + EARLY * seconds
        return self._slot - now


@st.cache_resource(show_spinner=False)
def polls() -> Polls:
    return Polls()


def look_again_after(seconds: float | None) -> None:
    """Draws this fragment again about so many seconds after this frame has reached the browser; None: not by itself."""
    streamlit_private.rerun_fragment_every(None if seconds is None else polls().wait(seconds))
