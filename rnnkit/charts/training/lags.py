"""How far back the gradient of W_rec looks: the lag that holds 99 % of it."""

from __future__ import annotations

from typing import Any

from rnnkit.charts.training import layers
from rnnkit.charts.training.base import LINES, Curve, last_median, median_network, nan_in_median, trend
from rnnkit.charts.training.layers import Table
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.lags import WITHIN
from rnnkit.experiment import Experiment
from rnnkit.later import alt
from rnnkit.rounding import amount, percent

SHARE = percent(WITHIN)


def lags_chart(
    data: Table = None, pinned: Table = None, *, steps: int | None = None, length: int = 0, source: tuple[str, int] | None = None
) -> alt.LayerChart:
    """Draws the number of time steps that 99 % of dL/dW_rec looks back at most, from 0 to length - 1.

    Columns: step, lag_within. `source` is the name and the lag of the step that decides the answer, a rule across the chart.
    """
    scale = alt.Scale(domain=[0, max(1, length - 1)]) if length else alt.Undefined
    y: dict[str, Any] = {"scale": scale, "axis": alt.Axis(tickCount=4, tickMinStep=1, title=None)}
    levels = () if source is None else (source,)
    return layers.median_and_range(data, pinned, "lag_within", y, steps, levels, "d")


def _options(e: Experiment) -> dict[str, Any]:
    task = e.bound_task
    return {"length": e.length, "source": (task.evidence_name, e.length - 1 - task.evidence_step(e.length))}


def _state(h: History, n: int) -> str:
    return f"Time steps that {SHARE} of dL/dW_rec looks back at most: {median_network(h, *last_median(h, h.lag_within, n))}."


def _finding(h: History) -> str:
    return f"{SHARE} of dL/dW_rec looks back at most so many time steps: {trend(h, h.lag_within, amount)}"


LAGS = Curve(
    menu="How far back the gradient of W_rec looks",
    title=lambda e: f"**How far back** {SHARE} of dL/dW_rec looks",
    about=f"Time steps that {SHARE} of dL/dW_rec looks back at most",
    columns={"lag_within": "lag_within"},
    chart=lags_chart,
    options=_options,
    state=_state,
    finding=_finding,
    reading=lambda h: (
        f"dL/dW_rec is a sum of one term a time step. {SHARE} of it comes from terms that look back at most so many time steps; "
        f"rule: the {h.e.bound_task.evidence_name}.{' Of the last loss alone.' if h.e.several_losses else ''} {LINES}"
        f"{nan_in_median(h, h.n)}"
    ),
    applies=lambda e: CELLS[e.cell].trains_recurrence,
)
