"""The charts of one run, each with a title, what it shows in words, and how to read it: for files, and for the handout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from rnnkit import charts
from rnnkit.analysis.describe import amount, summary
from rnnkit.analysis.learnt import levels, others
from rnnkit.analysis.summary import verdict
from rnnkit.charts.gradient import gradient_chart, picked
from rnnkit.charts.style import MAX_ROWS
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import WORST, History, median
from rnnkit.experiment import Experiment, applies
from rnnkit.rounding import percent

CURVES = "Thick: the median network; thin: each network; band: from the lowest to the highest."
NAN_IN_MEDIAN = "In the median a network that is NaN counts as the worst: it ends where half of them are."
LAST_ALONE = "Shown is the loss of the last step alone on its way back, its mean over the batch."


@dataclass(frozen=True)
class Figure:
    name: str  # of a file
    title: str
    finding: str  # the text alternative
    reading: str
    chart: alt.LayerChart


def figures(history: History) -> list[Figure]:
    """The gradient of every part of the state, the loss, the accuracy, and the norm of the gradient of all weights.

    Where every step has a loss: the gradient of the last one, and that of all together.
    """
    e = history.e
    gradients = [_gradient(history, part, all_losses) for part, all_losses in _parts(e)]
    curves = [_loss(history), _accuracy(history), *([_norms(history)] if applies(e, "fixes") else [])]
    return [*gradients, *curves]


def names(e: Experiment) -> list[str]:
    """Those of all figures, before there is a record."""
    weights = ["weights"] if applies(e, "fixes") else []
    return [*(_name(e, part, all_losses) for part, all_losses in _parts(e)), "loss", "accuracy", *weights]


def _parts(e: Experiment) -> list[tuple[int, bool]]:
    """Which gradients there are: the number of a part of the state, and whether it is that of all losses together."""
    return [(part, of) for of in ((False, True) if e.several_losses else (False,)) for part in range(len(CELLS[e.cell].parts))]


def _name(e: Experiment, part: int, all_losses: bool) -> str:
    return f"gradient-{CELLS[e.cell].parts[part]}{'-all' * all_losses}"


def pictured(figure: Figure, history: History) -> Any:
    """The chart of a figure, titled: for a file that stands alone."""
    e = history.e
    networks = f"{e.replicas} networks, seeds {e.seed} to {e.seed + e.replicas - 1}" if e.replicas > 1 else f"seed {e.seed}"
    return figure.chart.properties(title=alt.Title(figure.title, subtitle=f"{summary(e)} · {networks}"))


# ---- one function a figure ----


def _gradient(history: History, part: int, all_losses: bool) -> Figure:
    e, symbol = history.e, history.parts[part]
    which = f" (median of {e.replicas} networks)" if e.replicas > 1 else ""
    of = (" of all losses together" if all_losses else " of the last loss") if e.several_losses else ""
    name, title = _name(e, part, all_losses), f"Gradient dL/d{symbol}{of} through time{which}"
    told = verdict(history).gradient
    return Figure(name, title, told, reading(e, symbol, all_losses), gradient_chart(history, part, all_losses=all_losses))


def _loss(history: History) -> Figure:
    e = history.e
    table = _table(history, {"loss": history.loss})
    chart = charts.loss_chart(table, steps=e.steps, guess=e.guess_loss)
    told = f"Loss: {_course(history, history.loss, amount)} A guesser has {amount(e.guess_loss)}.{_lost(history)}"
    return Figure("loss", "Loss while training", told, f"{_curves(history)} Dashed: the loss of a guesser.", chart)


def _accuracy(history: History) -> Figure:
    e, task = history.e, history.e.bound_task
    table = _table(history, {"accuracy": history.accuracy})
    chart = charts.accuracy_chart(table, steps=e.steps, levels=levels(e))
    told = f"Right: {_course(history, history.accuracy, percent, WORST['accuracy'])} Others: {others(e)}.{_lost(history)}"
    dashed = " and ".join(name for name, _ in levels(e))
    reading = f"Share of new {task.samples} that are right. {_curves(history)} Dashed: {dashed}."
    return Figure("accuracy", f"Accuracy on new {task.samples}", told, reading, chart)


def _norms(history: History) -> Figure:
    table = _table(history, {"grad_norm_raw": history.norm_raw, "grad_norm_applied": history.norm_applied})
    chart = charts.norm_chart(table, steps=history.e.steps)
    told = f"Before the remedies: {_course(history, history.norm_raw, amount)}"
    told += f" After them: {_course(history, history.norm_applied, amount)}{_lost(history)}"
    reading = (
        "The norm of the gradient of all weights together: as it was computed, and what the remedies left of it. Median network."
    )
    return Figure("weights", "Gradient norm of all weights", told, reading, chart)


# ---- in words ----


def _curves(history: History) -> str:
    """How to read the curves."""
    lost = history.e.replicas > 1 and (history.diverged[history.n - 1] >= 0).any()
    return f"{CURVES} {NAN_IN_MEDIAN}" if lost else CURVES


def _course(history: History, values: np.ndarray, form: Any, worst: float = np.inf) -> str:
    """`from 0.69 at step 0 to 0.01 at step 200 (median).`"""
    middle = median(values[: history.n], worst)
    there = np.flatnonzero(np.isfinite(middle))
    if not len(there):
        return "no number."
    first, last = (f"{form(middle[i])} at step {history.steps[i]:,}" for i in (there[0], there[-1]))
    of = " (median)" if values.shape[1] > 1 else ""
    return f"{first}{of}." if there[0] == there[-1] else f"from {first} to {last}{of}."


def _lost(history: History) -> str:
    lost = int((history.diverged[history.n - 1] >= 0).sum())
    return f" At the end {lost} of {history.e.replicas} networks are NaN." if lost else ""


def reading(e: Experiment, symbol: str, all_losses: bool = False) -> str:
    """How to read the heatmap of this part of the state, and what exactly it shows."""
    task = e.bound_task
    told = "One row is one training step, one column one time step; the colour is the norm of the derivative of the loss with "
    told += f"respect to {symbol} at that time, over units and batch"
    told += ", including the path through h." if symbol == "c" else "."
    if e.several_losses:
        asked = task.asked(e.length)
        which = "All" if asked == e.length else f"The last {asked}"
        told += f" {which} steps have a loss of their own. "
        told += "All of them together: each adds to what comes from later ones." if all_losses else LAST_ALONE
    if task.padded:
        told += " Sentences are aligned at the verb; where some of a batch have not begun, the norm is scaled up to the batch."
    if CELLS[e.cell].reservoir:
        told += " The recurrent weights of a reservoir are not trained: this is the gradient that would reach them."
    return told


# ---- tables for the curves ----


def _table(history: History, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """step, replica and the columns at the steps that have any number; evenly fewer where they are many, the last among them."""
    R = history.e.replicas
    values = list(columns.values())
    measured = np.flatnonzero(~np.isnan(values[0][: history.n]).all(1))
    rows = measured[picked(len(measured), max(2, MAX_ROWS // R))] if len(measured) else measured
    table = {"step": np.repeat(history.steps[rows], R), "replica": np.tile(np.arange(R), len(rows))}
    return pd.DataFrame(table | {name: value[rows].ravel() for name, value in columns.items()})
