"""One viewer's way through the run that they look at: the callbacks of the transport, and how often to look again.

A run is shared by all its viewers; what changes here is this viewer's place in it (playback.py).
"""

from __future__ import annotations

import time

import streamlit as st

from pages.server import polling
from pages.state import run_list, session
from pages.state.playback import PACES, Playback
from rnnkit.serving.run_pool import Run


def playback() -> Playback:
    return st.session_state.playback


def run() -> Run:
    """The run this viewer looks at."""
    st.session_state.run = session.pool().adopt(st.session_state.run)
    return st.session_state.run


def tick(r: Run) -> None:
    """This viewer's sign of life, and the passing of time."""
    p = playback()
    if r.error and p.playing:
        p.pause()
    if p.stopped:
        session.pool().leave(r, st.session_state.viewer)
    else:
        session.pool().watch(r, st.session_state.viewer, p.wants(r.rows))
    p.tick(time.monotonic(), r.history.n, r.rows, r.done)
    if p.shown(r.history.n) > 1:
        run_list.shelf().seen(r)


def interval(r: Run) -> float | None:
    """Seconds to the next look; None where nothing will change by itself."""
    p = playback()
    waiting = not p.stopped and not r.done and not r.error and p.shown(r.history.n) < p.wants(r.rows)
    other = st.session_state.pinned
    if not p.playing and not waiting and not (other and other.hungry):
        return None
    return polling.polls().seconds()


FIRST_ROWS = 10  # they say little about the time that the others take: the first step and the first exam are slow


def time_left(r: Run) -> list[str]:
    """In words, as soon as it can be known."""
    return [f"about {seconds_left(r):.0f} s left"] if r.history.n >= min(FIRST_ROWS, r.rows) else []


def seconds_left(r: Run) -> float:
    """Until this viewer has seen the whole run: the slower of training and pace."""
    p = playback()
    pace = PACES[p.pace] * (r.rows - p.head) / r.rows
    training = r.seconds / max(r.history.n, 1) * (r.rows - r.history.n)
    return max(pace, training)


def looked_at() -> int | None:
    """The training step at which this viewer stands still, for the link; None where the run has not begun, or goes to its end."""
    p, steps = playback(), run().experiment.recorded_steps
    if p.playing or (p.cursor is None and not 1 < int(p.head) < len(steps)):
        return None
    return steps[p.row(len(steps))]


def look_at(step: int) -> None:
    """From a link: stands still at this training step, or the one recorded next to it."""
    steps = run().experiment.recorded_steps
    playback().seek(min(range(len(steps)), key=lambda row: abs(steps[row] - step)))


def set_pace() -> None:
    if pace := session.heard("c_pace"):
        playback().pace = pace


def press(action: str) -> None:
    """Callback of the buttons: train, pause, step, reset or stop the run that is looked at by now, whichever drew the button."""
    p, rows = playback(), run().rows
    st.session_state.address_due = True
    {"train": lambda: p.train(rows), "step": lambda: p.step(rows), "pause": p.pause, "reset": p.reset, "stop": p.stop}[action]()


def seek_bar() -> str:
    """Key of the seek bar: a new one wherever something else moved the cursor."""
    return f"seek_{run().experiment.key}_{playback().moves}"


def seek(bar: str, steps: list[int]) -> None:
    """Callback of the seek bar. One that is gone can still be heard of, from a browser that is slow to let go of it."""
    step = session.heard(bar)
    if bar == seek_bar() and not playback().playing and step is not None:
        playback().seek(steps.index(step), by_bar=True)
        st.session_state.address_due = True


def pick(step: int) -> None:
    """Callback of the heatmap: looks at this training step."""
    playback().seek(nearest(step))
    st.session_state.address_due = True


def nearest(step: int) -> int:
    """The row of the present run that is nearest to a training step."""
    return int(abs(run().history.steps - step).argmin())


def retry(r: Run) -> None:
    session.pool().retry(r)
    playback().train(r.rows)
