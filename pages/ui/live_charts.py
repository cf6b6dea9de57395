"""Charts that change several times a second: the specification is made once, only the rows travel, as Arrow bytes.

Streamlit mounts a Vega chart anew whenever its specification changes, and Altair takes longer to write one than everything else
in a frame; so a chart's specification depends on the Experiment alone, and its data come under a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pyarrow as pa
import streamlit as st

from pages.ui import chart_view
from rnnkit import charts
from rnnkit.analysis.describe import amount
from rnnkit.analysis.learnt import levels, others
from rnnkit.corpus.notes import count
from rnnkit.engine.history import WORST, History, median
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent

POINTS = 1200  # per chart: more make the browser mount it anew


@dataclass(frozen=True)
class Curve:
    """One of the charts: what a screen reader says of it, the History's columns that it shows, and how it is made."""

    title: str
    text: Callable[[History, int], str]  # (History, how many of its rows)
    columns: dict[str, str]  # name in the chart's table -> attribute of History
    level: Callable[[Experiment], Any]  # of the rules across it: what a guesser and other baselines have
    make: Callable[[int, Any], alt.LayerChart]  # (last step on the axis, level)


def loss_text(h: History, n: int) -> str:
    value, step, dead = _stands(h, h.loss, n)
    return f"Training loss: {_median_network(h, value, step, dead)}; a guesser has {amount(h.e.guess_loss)}."


def accuracy_text(h: History, n: int) -> str:
    value, step, dead = _stands(h, h.accuracy, n, WORST["accuracy"])
    right = f"the median network has {percent(value)} right after {count(step, 'training step')}"
    if np.isnan(value):
        right = _nan(dead, h.e.replicas) if dead else "no exam yet"
    return f"Accuracy on new {h.e.bound_task.samples}: {right}; {others(h.e)}."


def norms_text(h: History, n: int) -> str:
    raw, step, dead = _stands(h, h.norm_raw, n)
    after = _stands(h, h.norm_applied, n)[0]
    left = "" if np.isnan(after) else f", {amount(after)} after the remedies"
    return f"Norm of the gradient of all weights: {_median_network(h, raw, step, dead)}{left}."


def _nan(dead: int, networks: int) -> str:
    return "every network is NaN" if dead == networks else f"the median network is NaN, as {dead} of {networks} are"


def _median_network(h: History, value: float, step: int, dead: int) -> str:
    if np.isnan(value):
        return _nan(dead, h.e.replicas) if dead else "no network has a number yet"
    after = count(step, "training step")
    return f"the median network stands at {amount(value)} after {after}" + (
        f", {dead} {'is' if dead == 1 else 'are'} NaN" if dead else ""
    )


def _stands(h: History, values: np.ndarray, n: int, worst: float = np.inf) -> tuple[float, int, int]:
    """The median at the last of the first n rows that has a number, NaN where none has; that row's step; how many are NaN."""
    rows = _measured({"": values}, n)
    dead = int((h.diverged[n - 1] >= 0).sum()) if n else 0
    if not len(rows) or dead == values.shape[1]:
        return float("nan"), 0, dead
    return float(median(values[rows[-1:]], worst)[0]), int(h.steps[rows[-1]]), dead


CURVES = {
    "loss": Curve(
        "Training loss of every network",
        loss_text,
        {"loss": "loss"},
        lambda e: e.guess_loss,
        lambda steps, level: charts.loss_chart(steps=steps, guess=level),
    ),
    "accuracy": Curve(
        "Accuracy of every network",
        accuracy_text,
        {"accuracy": "accuracy"},
        levels,
        lambda steps, levels: charts.accuracy_chart(steps=steps, levels=levels),
    ),
    "norms": Curve(
        "Norm of the gradient of all weights, before and after the remedies",
        norms_text,
        {"grad_norm_raw": "norm_raw", "grad_norm_applied": "norm_applied"},
        lambda e: 0.0,  # there is none
        lambda steps, level: charts.norm_chart(steps=steps),
    ),
}


def draw(name: str, history: History, n: int, row: int, pinned: History | None, upto: int, *, resting: bool) -> None:
    """The first n rows with a rule at `row`; of a pinned run the medians of its first `upto` rows.

    resting: nothing moves now. Only then the description states the finding: with another description it is another chart,
    mounted anew.
    """
    curve, e = CURVES[name], history.e
    steps = max(e.steps, pinned.e.steps) if pinned else e.steps
    ghost = pinned or history
    data = {
        "rows": history.once((name, n), lambda: _rows(curve, history, n)),
        "pinned": ghost.once((name, "median", upto), lambda: _medians(curve, ghost, upto)),
        "cursor": _arrow({"step": history.steps[row : row + 1]}),
    }
    spec = chart_view.spec(curve.make, steps, curve.level(e))
    text = curve.text(history, n) if resting else f"{curve.title}, while it trains"
    if pinned and resting and upto == len(pinned.steps):
        text += f" The pinned run: {curve.text(pinned, upto)}"
    st.vega_lite_chart({**spec, "datasets": data}, width="stretch", key=f"chart_{name}", alt=text)


def _rows(curve: Curve, history: History, n: int) -> bytes:
    columns = {k: getattr(history, v) for k, v in curve.columns.items()}
    return _table(history.steps, columns, _measured(columns, n))


def _medians(curve: Curve, history: History, n: int) -> bytes:
    columns = {k: median(getattr(history, v)[:n], WORST.get(k, np.inf))[:, None] for k, v in curve.columns.items()}
    return _table(history.steps, columns, _measured(columns, n))


def _measured(columns: dict[str, np.ndarray], n: int) -> np.ndarray:
    """The rows, of n, with any number in them; evenly fewer where they are many, always with the newest."""
    first = next(iter(columns.values()))
    rows = np.flatnonzero(~np.isnan(first[:n]).all(1))
    return rows[_thinned(len(rows), first.shape[1])]


def _thinned(n: int, replicas: int) -> np.ndarray:
    """Which of n rows to draw: all, or evenly fewer, always with the newest."""
    most = max(2, POINTS // replicas)
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _table(steps: np.ndarray, columns: dict[str, np.ndarray], rows: np.ndarray) -> bytes:
    R = next(iter(columns.values())).shape[1]
    table = {"step": np.repeat(steps[rows], R), "replica": np.tile(np.arange(R), len(rows))}
    return _arrow(table | {name: values[rows].ravel() for name, values in columns.items()})


def _arrow(columns: dict[str, np.ndarray]) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
