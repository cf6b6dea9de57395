"""The points of a sweep's grid, and the end of a run."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from rnnkit.engine.cells import CELLS
from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.serving.limits import gigaflops
from rnnkit.sweep.row import Row

SECONDS_PER_GIGAFLOP, SECONDS_PER_TIME_STEP = 0.08, 1e-4  # measured on one slow core


class Combination(NamedTuple):
    """One point of the grid, for one variant."""

    variant: str
    axes: dict[str, Any]  # field -> value
    experiment: Experiment

    def __str__(self) -> str:
        return _name(self.variant, self.axes)


class Refused(NamedTuple):
    """A combination that is no valid Experiment."""

    variant: str
    axes: dict[str, Any]
    problem: str

    def __str__(self) -> str:
        return f"{_name(self.variant, self.axes)}: {self.problem}"


class Ended(NamedTuple):
    """A run that has ended, or was found in the store: its rows, or why it failed."""

    experiment: Experiment
    rows: list[Row]
    failure: str = ""
    stored: bool = False


def _name(variant: str, axes: dict[str, Any]) -> str:
    """`LSTM, chrono, length 50`."""
    return ", ".join([variant, *(f"{name} {value_text(name, value)}" for name, value in axes.items())])


def value_text(name: str, value: Any) -> str:
    """Returns the value of a field as text, `none` for no remedy; a value that is not valid cut short."""
    try:
        return FIELDS[name].show(FIELDS[name].check(value)) or "none"
    except ValueError:
        return shorten_repr(value, 30)


def estimated_seconds(e: Experiment) -> float:
    """Returns about how long a run takes on one slow core, if it goes on to its last step.

    It decides the order of runs and the time that a progress line says is left, and nothing else.
    """
    return SECONDS_PER_GIGAFLOP * gigaflops(e) + SECONDS_PER_TIME_STEP * e.steps * e.length * math.sqrt(CELLS[e.cell].gates)
