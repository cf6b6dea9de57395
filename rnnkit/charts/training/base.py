"""What a curve of a training declares, the rows that its chart shows, and what the texts of all curves share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnkit.corpus.notes import count
from rnnkit.engine.history import WORST, History, median
from rnnkit.experiment import Experiment
from rnnkit.later import alt
from rnnkit.rounding import amount
from rnnkit.thinning import evenly

LINES = "Thick: the median network; thin: each network; band: from the lowest to the highest."
BARS = (
    "Bars: dL/dW_rec is a sum of one term a time step; each bar is that term's share at the training step looked at, a red one "
    "points against the sum."
)
NAN_IN_MEDIAN = " In the median a network that is NaN counts as the worst: it ends where half of them are."


@dataclass(frozen=True, eq=False)
class Curve:
    """A number of every network over the training steps: its chart and its texts, for pages and for files.

    chart(data, pinned, steps=..., **options(e)) draws it. `data` and `pinned` are tables of step, replica and `columns`; without
    data it returns a specification for rows that come later, under the names "rows", "summary", "pinned" and "cursor"; of the
    pinned run comes the summary alone. `steps` is the last training step on the axis.
    """

    menu: str  # its name in a menu
    title: Callable[[Experiment], str]  # what stands above the chart; Markdown, with the number in bold
    about: str  # its text for screen readers while the chart changes
    columns: dict[str, str]  # column of the chart's table -> attribute of History, (N, R)
    chart: Callable[..., alt.LayerChart]
    options: Callable[[Experiment], dict[str, Any]]  # of the chart, e.g. the baselines; hashable
    state: Callable[[History, int], str]  # where the networks stand after the first n rows
    finding: Callable[[History], str]  # how the number went, from the first row to the last
    reading: Callable[[History], str]  # how to read the chart
    applies: Callable[[Experiment], bool] = lambda e: True  # whether this Experiment has the curve

    def rows(self, h: History, n: int, most: int) -> dict[str, np.ndarray]:
        """Returns step, replica and the columns of the first n rows: about `most` rows, at recorded steps with any number."""
        return _table(h.steps, {column: getattr(h, name)[:n] for column, name in self.columns.items()}, most)

    def summary(self, h: History, n: int, most: int) -> dict[str, np.ndarray]:
        """Returns step, and median_, min_ and max_ of each column over the networks, where any has a finite number.

        The steps are those of `rows`. A live chart would compute the same in the browser (layers.summary), at every frame.
        """
        values = {column: getattr(h, name)[:n] for column, name in self.columns.items()}
        rows = _rows(values, most)
        rows = rows[np.any([np.isfinite(of_all[rows]).any(1) for of_all in values.values()], axis=0)]
        table = {"step": h.steps[rows]}
        for column, of_all in values.items():
            middle, finite = median(of_all[rows], WORST.get(column, np.inf)), np.isfinite(of_all[rows])
            table[f"median_{column}"] = np.where(np.isfinite(middle), middle, np.nan)
            for name, bound in (("min", np.fmin), ("max", np.fmax)):
                table[f"{name}_{column}"] = bound.reduce(np.where(finite, of_all[rows], np.nan), 1)
        return table


def _rows(columns: dict[str, np.ndarray], most: int) -> np.ndarray:
    """Returns rows at which the first column (n, R) has any number, evenly, for about `most` numbers."""
    first = next(iter(columns.values()))
    measured = np.flatnonzero(~np.isnan(first).all(1))
    return measured[evenly(len(measured), max(2, most // first.shape[1]))]


def _table(steps: np.ndarray, columns: dict[str, np.ndarray], most: int) -> dict[str, np.ndarray]:
    rows, R = _rows(columns, most), next(iter(columns.values())).shape[1]
    table = {"step": np.repeat(steps[rows], R), "replica": np.tile(np.arange(R), len(rows))}
    return table | {name: values[rows].ravel() for name, values in columns.items()}


# ---- texts ----


def last_median(h: History, values: np.ndarray, n: int, worst: float = np.inf) -> tuple[float, int, int]:
    """Returns the last median of the first n rows (NaN where none has a number), its step, and how many networks are NaN."""
    measured = np.flatnonzero(~np.isnan(values[:n]).all(1))
    dead = int((h.diverged[n - 1] >= 0).sum()) if n else 0
    if not len(measured) or dead == values.shape[1]:
        return float("nan"), 0, dead
    return float(median(values[measured[-1:]], worst)[0]), int(h.steps[measured[-1]]), dead


def median_is_nan(dead: int, networks: int) -> str:
    """Returns why the median is not a number."""
    return "every network is NaN" if dead == networks else f"the median network is NaN, as {dead} of {networks} are"


def median_network(h: History, value: float, step: int, dead: int) -> str:
    """Returns what `last_median` gives in words."""
    if np.isnan(value):
        return median_is_nan(dead, h.e.replicas) if dead else "no network has a number yet"
    text = f"the median network stands at {amount(value)} after {count(step, 'training step')}"
    return text + (f", {dead} {'is' if dead == 1 else 'are'} NaN" if dead else "")


def trend(h: History, values: np.ndarray, form: Callable[[float], str], worst: float = np.inf) -> str:
    """Returns `from 0.69 at step 0 to 0.01 at step 200 (median).`"""
    middle = median(values[: h.n], worst)
    finite = np.flatnonzero(np.isfinite(middle))
    if not len(finite):
        return "no number."
    first, last = (f"{form(middle[i])} at step {h.steps[i]:,}" for i in (finite[0], finite[-1]))
    of = " (median)" if values.shape[1] > 1 else ""
    return f"{first}{of}." if finite[0] == finite[-1] else f"from {first} to {last}{of}."


def nan_at_the_end(h: History) -> str:
    """Returns how many networks are NaN at the end; "" for none."""
    lost = int((h.diverged[h.n - 1] >= 0).sum())
    return f" At the end {lost} of {h.e.replicas} networks are NaN." if lost else ""


def nan_in_median(h: History, n: int) -> str:
    """Returns NAN_IN_MEDIAN where one of several networks is NaN after the first n rows; else ""."""
    return NAN_IN_MEDIAN if h.e.replicas > 1 and (h.diverged[n - 1] >= 0).any() else ""
