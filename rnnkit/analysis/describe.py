"""Experiments in words: a short name, and what two experiments differ in."""

from __future__ import annotations

from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment, applies, diff
from rnnkit.tasks import TASKS


def summary(e: Experiment) -> str:
    """Returns a short name: `tanh: agreement, 50 time steps`, or `tanh with given weights: ...`."""
    return f"{CELLS[e.cell].title}{' with given weights' if e.weights else ''}: {TASKS[e.task].title}, {e.length} time steps"


def difference(a: Experiment, b: Experiment) -> str:
    """Returns what b changes in a: `only: clipping by norm 1`, or `initialization Orthogonal (was Gaussian), gain 2 (was 1)`."""
    changes = [
        change
        for name, (old, new) in diff(a, b).items()
        if FIELDS[name].fits(b) and (applies(a, name) or new != FIELDS[name].default)
        for change in FIELDS[name].changes(old, new)
    ]
    if not changes:
        return "nothing"
    return ("only: " if len(changes) == 1 else "") + ", ".join(changes)
