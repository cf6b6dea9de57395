"""How often the pages look at runs that change, so that a whole lecture hall gets its frames.

Frames are drawn one at a time: drawn side by side by many threads, each would wait for Python's lock at every message that it
sends, and nobody would get one. What a frame takes, as measured on this machine, and the number of viewers then say how
often each may look, such that frames take no more than a SHARE of the time and the rest is free for whoever clicks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

LADDER = (0.2, 0.5, 1.0, 2.0, 4.0, 6.0)  # seconds between two looks; the last one is well below Limits.idle_seconds
SHARE = 0.4  # of the time, for frames
PATIENCE = 1.0  # seconds to wait for one's turn; then out of turn, so that one slow frame does not stop all others
RECENT = 1.5 * LADDER[-1]  # seconds for which somebody who looked counts as looking


class Polls:
    """Whose turn it is, what a frame takes, and who looks."""

    def __init__(self) -> None:
        self.cost = 0.008  # seconds a frame takes, a running mean
        self._turn = threading.Lock()
        self._looked: dict[str, float] = {}

    @contextmanager
    def turn(self, viewer: str) -> Iterator[None]:
        """While a frame of this viewer is drawn."""
        self._looked[viewer] = time.monotonic()
        mine = self._turn.acquire(timeout=PATIENCE)
        start = time.perf_counter()
        try:
            yield
        finally:
            if mine:
                self._turn.release()
            self.cost += 0.05 * (time.perf_counter() - start - self.cost)

    def viewers(self) -> int:
        """How many look now."""
        now = time.monotonic()
        for viewer in [v for v, at in list(self._looked.items()) if now - at > RECENT]:
            self._looked.pop(viewer, None)
        return len(self._looked)

    def seconds(self, now: float | None = None, least: float = LADDER[0]) -> float:
        """Between two looks of each; `now` is kept unless it is too often, or needlessly seldom."""
        wanted = max(least, self.viewers() * self.cost / SHARE)
        step = next((step for step in LADDER if step >= wanted), LADDER[-1])
        return now if now and step < now < 3 * wanted else step


@st.cache_resource(show_spinner=False)
def polls() -> Polls:
    return Polls()


def look_again_after(seconds: float) -> None:
    """From now on this fragment is drawn every so many seconds. Streamlit says that to the browser only where a fragment is
    defined, in a run of the whole page, which costs as much as several frames; so the same message is sent here.
    """
    message, context = ForwardMsg(), get_script_run_ctx()
    fragment = ThreadState.get().fragment_id
    if context and fragment:
        message.auto_rerun.interval, message.auto_rerun.fragment_id = seconds, fragment
        context.enqueue(message)
