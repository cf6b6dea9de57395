"""The charts of one run for files and the handout, each with a title, a text alternative and how to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnkit.analysis.describe import summary
from rnnkit.analysis.summary import verdict
from rnnkit.charts.gradient import gradient_chart
from rnnkit.charts.style import MAX_ROWS
from rnnkit.charts.training import Curve, curves
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.later import alt, pd

LAST_ALONE = "Shown is the loss of the last step alone on its way back, its mean over the batch."


@dataclass(frozen=True)
class Figure:
    """A chart with its texts."""

    name: str  # of its file, without an ending
    title: str
    finding: str  # what it shows, the text alternative
    reading: str  # how to read it
    chart: alt.LayerChart


def figures(history: History) -> list[Figure]:
    """Returns the Figures of a run: gradient of every part of the state, loss, accuracy, norm of the weights' gradient.

    Where more steps have a loss, there is a gradient of the last loss and one of all losses together.
    """
    e = history.e
    gradients = [_gradient(history, part, all_losses) for part, all_losses in _parts(e)]
    return [*gradients, *(_curve(name, curve, history) for name, curve in curves(e).items())]


def names(e: Experiment) -> list[str]:
    """Returns the names of all Figures, which need no record."""
    return [*(_name(e, part, all_losses) for part, all_losses in _parts(e)), *curves(e)]


def _parts(e: Experiment) -> list[tuple[int, bool]]:
    """Returns (index of a part of the state, whether of all losses together) for each gradient chart."""
    return [(part, of) for of in ((False, True) if e.several_losses else (False,)) for part in range(len(CELLS[e.cell].parts))]


def _name(e: Experiment, part: int, all_losses: bool) -> str:
    return f"gradient-{CELLS[e.cell].parts[part]}{'-all' * all_losses}"


def titled_chart(figure: Figure, history: History) -> Any:
    """Returns the chart with its title, the experiment and the seeds, for a file of its own."""
    e = history.e
    networks = f"{e.replicas} networks, seeds {e.seed} to {e.seed + e.replicas - 1}" if e.replicas > 1 else f"seed {e.seed}"
    return figure.chart.properties(title=alt.Title(figure.title, subtitle=f"{summary(e)} · {networks}"))


def _gradient(history: History, part: int, all_losses: bool) -> Figure:
    e, symbol = history.e, history.parts[part]
    which = f" (median of {e.replicas} networks)" if e.replicas > 1 else ""
    of = (" of all losses together" if all_losses else " of the last loss") if e.several_losses else ""
    name, title = _name(e, part, all_losses), f"Gradient dL/d{symbol}{of} through time{which}"
    finding = verdict(history).gradient
    return Figure(name, title, finding, reading(e, symbol, all_losses), gradient_chart(history, part, all_losses=all_losses))


def _curve(name: str, curve: Curve, history: History) -> Figure:
    e = history.e
    table = pd.DataFrame(curve.rows(history, history.n, MAX_ROWS))
    chart = curve.chart(table, steps=e.steps, **curve.options(e))
    return Figure(name, curve.title(e).replace("**", ""), curve.finding(history), curve.reading(history), chart)


def reading(e: Experiment, symbol: str, all_losses: bool = False) -> str:
    """Returns how to read the heatmap of a part of the state (`symbol`), and what it shows exactly."""
    task = e.bound_task
    text = "One row is one training step, one column one time step; the colour is the norm of the derivative of the loss with "
    text += f"respect to {symbol} at that time, over units and batch"
    text += ", including the path through h." if symbol == "c" else "."
    if e.several_losses:
        asked = task.n_targets(e.length)
        which = "All" if asked == e.length else f"The last {asked}"
        text += f" {which} steps have a loss of their own. "
        text += "All of them together: each adds to what comes from later ones." if all_losses else LAST_ALONE
    if task.padded:
        text += f" {task.samples.capitalize()} are aligned at the {task.end_name}; where some of a batch have not begun, "
        text += "the norm is scaled up to the batch. Columns in which none has begun stay grey."
    if CELLS[e.cell].reservoir:
        text += " The recurrent weights of a reservoir are not trained: this is the gradient that would reach them."
    return text
