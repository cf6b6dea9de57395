"""States and signed gradients of single units over time: one row a unit, those whose gradient reaches furthest back on top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnkit.charts.style import BLUE, LOW, ORANGE, named_rows, sized
from rnnkit.charts.vanishing import time_axis, tip
from rnnkit.engine.lags import lag_within
from rnnkit.later import alt, pd
from rnnkit.thinning import evenly


def units_chart(data: pd.DataFrame | None, words: Sequence[str], most: int = 20, height: int = 260) -> alt.LayerChart:
    """Draws a units_table: blue below 0, orange above, pale where the value is small."""
    colour = alt.condition("datum.value < 0", alt.value(BLUE), alt.value(ORANGE))
    size = alt.Opacity("size:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1], clamp=True), legend=None)
    y = alt.Y("row:O", axis=alt.Axis(title="unit", labels=False, ticks=False, domain=False))
    strip = alt.Chart(named_rows(data)).mark_rect()
    tips = [tip("word"), alt.Tooltip("unit:O"), alt.Tooltip("value:Q", format=".3")]
    return sized(strip.encode(time_axis(words, most, "from"), alt.X2("to:Q"), y, size, color=colour, tooltip=tips), height=height)


def reach(gradient: np.ndarray) -> np.ndarray:
    """Returns for each unit the time steps that 99 % of sum_t |dL/ds_t| looks back at most, (H,), of gradients (T, H).

    0 for a unit without a gradient, or with one that is not finite.
    """
    size = np.abs(gradient)
    with np.errstate(all="ignore"):
        shares = size / size.sum(0)
    return np.nan_to_num(lag_within(shares))


def by_reach(gradient: np.ndarray) -> np.ndarray:
    """Returns the units' indices, (H,), the furthest reach first."""
    return np.argsort(-reach(gradient), kind="stable")


def units_table(
    values: np.ndarray, order: np.ndarray, words: Sequence[str], logarithmic: bool = False, units: int = 24, columns: int = 80
) -> pd.DataFrame:
    """For units_chart: values (T, H) of units in this order, evenly fewer of both where there are many.

    size, 0 to 1, is the square root of |value| up to 1; if logarithmic, of log10 |value| from 1e-12 of the largest up to it.
    """
    at, rows = evenly(len(values), columns), evenly(len(order), units)
    which = np.asarray(order)[rows]
    shown = values[np.ix_(at, which)].ravel()
    size = np.sqrt(np.clip(np.abs(shown), 0, 1))
    if logarithmic:
        with np.errstate(all="ignore"):
            size = np.nan_to_num(1 - np.log10(np.abs(shown) / np.abs(values).max()) / np.log10(LOW), neginf=0)
    edges = np.concatenate([[-0.5], (at[1:] + at[:-1]) / 2, [len(values) - 0.5]])
    n, t = len(which), np.repeat(at, len(which))
    table = {"t": t, "word": [words[k] for k in t], "row": np.tile(rows, len(at)), "unit": np.tile(which + 1, len(at))}
    table |= {"value": shown, "size": np.clip(size, 0, 1), "from": np.repeat(edges[:-1], n), "to": np.repeat(edges[1:], n)}
    return pd.DataFrame(table)


def states_text(table: pd.DataFrame, name: str) -> str:
    """The finding of a units_chart of states."""
    ends = [(word, group.value) for (_, word), group in table.groupby(["t", "word"])]
    ranges = " and ".join(f"{v.min():.2f} to {v.max():.2f} at “{word}”" for word, v in (ends[0], ends[-1]))
    return f"Values of {name} over time, of {table.unit.nunique()} units: {ranges}."


def gradient_text(gradient: np.ndarray, name: str) -> str:
    """The finding of a units_chart of gradients (T, H)."""
    steps = reach(gradient)
    order = by_reach(gradient)
    return (
        f"Signed dL/d{name} by unit and time: 99 % of it looks back {steps[order[0]]:g} time steps in unit {order[0] + 1}, the "
        f"furthest, and {steps[order[-1]]:g} in unit {order[-1] + 1}."
    )
