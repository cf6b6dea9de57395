"""Rows of runs that the server has trained once: from the results store, and from the pool's runs as they end.

All viewers share them. A run is asked of the store first, and trained where it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from pages.state import navigation, session
from rnnkit.analysis.run_outcome import run_outcome
from rnnkit.experiment import Experiment
from rnnkit.serving.run_pool import Run
from rnnkit.sweep.row import Row, rows_of
from rnnkit.sweep.store_thread import StoreThread

MAX_WAIT = 0.25  # seconds that a page waits for the store


@st.cache_resource(show_spinner=False)
def store() -> StoreThread:
    """Returns the server's results store (RNNKIT_STORE)."""
    return StoreThread()


@dataclass
class Gathered:
    """What is known of some runs."""

    rows: dict[Experiment, list[Row]]  # of those that have ended
    read: bool  # whether the store has answered
    training: list[Run] = field(default_factory=list)  # in the queue or in training
    failed: list[Run] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.read and not self.training


def gather(runs: Sequence[Experiment], role: str) -> Gathered:
    """Returns what is known of these runs, and asks for the training of the others in their order, with low priority.

    This viewer's earlier requests in the same role end, as do those for runs that have ended. A run ends once each of its
    networks has solved the task or diverged.
    """
    rows, read = store().get(runs, MAX_WAIT)
    gathered = Gathered(dict(rows), read)
    for e in runs if read else ():
        if e in rows:
            continue
        run = session.pool().get(e)
        if (n := run.history.n) and (outcome := run_outcome(run.history, n, seconds=run.seconds)):
            gathered.rows[e] = rows_of(e, outcome)
            store().put(e, gathered.rows[e])
        elif run.error:
            gathered.failed.append(run)
        else:
            gathered.training.append(run)
    wanted = {run.experiment.key for run in gathered.training}
    navigation.end(lambda what: isinstance(what, tuple) and what[0] == role and what[1] not in wanted)
    for run in gathered.training:
        session.watch(run, role, low_priority=True)
    return gathered
