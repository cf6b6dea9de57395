"""Callbacks of the transport (Train, Pause, Step, ...), and the interval between two polls of the run.

All viewers share a run. What changes here is this viewer's place in it (playback.py).
"""

from __future__ import annotations

import time

from pages.server import polling
from pages.state import navigation, session, viewer_state, widgets
from pages.state.playback import PACES, Playback
from pages.state.widgets import VersionedKey
from rnnkit.serving.run_pool import Run


def playback() -> Playback:
    """Returns this viewer's place in the run."""
    return viewer_state.current().playback


def run() -> Run:
    """Returns the run shown to this viewer."""
    return session.run()


def tick(r: Run) -> None:
    """Tells the pool which rows this viewer needs, and advances the playback to the present time."""
    p, viewer = playback(), viewer_state.current()
    if r.error and p.playing:
        p.pause()
    if p.stopped:
        session.pool().leave(r, viewer.id)
    else:
        session.pool().watch(r, viewer.id, p.wants(r.rows))
    p.tick(time.monotonic(), r.history.n, r.rows, r.done)
    if p.shown(r.history.n) > 1:
        viewer.run_list.seen(r)


def interval(r: Run) -> float | None:
    """Returns seconds to the next poll, None where nothing will change by itself."""
    p = playback()
    waiting = not p.stopped and not r.done and not r.error and p.shown(r.history.n) < p.wants(r.rows)
    other = viewer_state.current().pinned
    if not p.playing and not waiting and not (other and other.needs_training):
        return None
    return polling.polls().seconds()


MIN_ROWS_TO_ESTIMATE = 10  # the first step and the first evaluation are slower than later ones


def time_left(r: Run) -> list[str]:
    """Returns the time left in words, [] while too few rows are known."""
    return [f"about {seconds_left(r):.0f} s left"] if r.history.n >= min(MIN_ROWS_TO_ESTIMATE, r.rows) else []


def seconds_left(r: Run) -> float:
    """Returns seconds until this viewer has seen the whole run: the slower of training and pace."""
    p = playback()
    pace = PACES[p.pace] * (r.rows - p.head) / r.rows
    training = r.seconds / max(r.history.n, 1) * (r.rows - r.history.n)
    return max(pace, training)


def paused_at() -> int | None:
    """Returns the training step at which this viewer has paused, for the link. None before the first and at the last one."""
    p, steps = playback(), run().experiment.recorded_steps
    if p.playing or (p.cursor is None and not 1 < int(p.head) < len(steps)):
        return None
    return steps[p.row(len(steps))]


def pause_at(step: int) -> None:
    """Pauses at this training step of a link, or at the nearest recorded one."""
    steps = run().experiment.recorded_steps
    playback().seek(min(range(len(steps)), key=lambda row: abs(steps[row] - step)))


def set_pace() -> None:
    """Callback of the pace control."""
    if pace := widgets.value("c_pace"):
        playback().set_pace(pace)


def press(action: str) -> None:
    """Callback of the buttons. Trains, pauses, steps, resets or stops the present run, even where another one drew the button."""
    p, rows = playback(), run().rows
    navigation.address_changed()
    {"train": lambda: p.train(rows), "step": lambda: p.step(rows), "pause": p.pause, "reset": p.reset, "stop": p.stop}[action]()


def seek_bar() -> VersionedKey:
    """Returns the key of the seek bar, a new one whenever something else has moved the cursor."""
    return VersionedKey(f"seek_{run().experiment.key}", playback().moves)


def seek(bar: str, steps: list[int]) -> None:
    """Callback of the seek bar."""
    step = widgets.value(bar)
    if seek_bar().is_current(bar) and not playback().playing and step is not None:
        playback().seek(steps.index(step), by_bar=True)
        navigation.address_changed()


def pick(step: int) -> None:
    """Callback of the heatmap: pauses at this training step."""
    playback().seek(nearest(step))
    navigation.address_changed()


def nearest(step: int) -> int:
    """Returns the row of the present run that is nearest to a training step."""
    return int(abs(run().history.steps - step).argmin())


def retry(r: Run) -> None:
    """Callback: trains a run again that has stopped with an error."""
    session.pool().retry(r)
    playback().train(r.rows)
