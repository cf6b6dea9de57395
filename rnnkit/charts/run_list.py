"""Some runs drawn together: accuracy and loss over training, and how much of the gradient is left on its way back.

A run has a place, 0 to 7, and with it a colour and a dash of its own, so that it can be distinguished without colours. Its
line is the median of its networks; at the pointer their range appears. Axes are the same for all: training steps up to the last
one of the longest run, time counted from the end of the sequence, so that sequences of different length end together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from rnnkit.charts.style import GREY, GREY_TEXT, HIGH, LOW, POWER, Levels, sized
from rnnkit.engine.history import WORST, History, median
from rnnkit.engine.record import ABSENT
from rnnkit.later import alt, pd
from rnnkit.rounding import amount, smallest
from rnnkit.thinning import evenly

# A contrast of 3 with white and near-black; for every kind of colour-blindness at least 14 apart in CIE Lab.
COLOURS = ("#0b7a75", "#c2410c", "#8b5cf6", "#1890d8", "#f000c0", "#a89060", "#18a830", "#c078a8")
DASHES = ((1, 0), (8, 4), (2, 3), (14, 4), (9, 3, 2, 3), (5, 2), (2, 6), (14, 3, 2, 3, 2, 3))
MAX_POINTS = 100  # of one line: with eight of them few enough for the browser
Runs: TypeAlias = Mapping[int, tuple[str, History]]  # place -> name, history
Table: TypeAlias = "pd.DataFrame | None"


def training_chart(
    data: Table, column: str, steps: int, levels: Levels = (), top: float = 1, height: int = 300
) -> alt.LayerChart:
    """Draws a training_table of "accuracy" or "loss" over training steps; levels: baselines; top: end of the loss's axis."""
    accuracy = column == "accuracy"
    ticks: dict[str, Any] = {"format": "%", "values": [0, 0.25, 0.5, 0.75, 1]} if accuracy else {"tickCount": 4}
    look: dict[str, Any] = {
        "scale": alt.Scale(domain=[0, 1 if accuracy else top], clamp=True, nice=False),
        "axis": alt.Axis(title=None, **ticks),
    }
    scale = alt.Scale(domain=[0, steps], nice=False)
    x = alt.X("x:Q", title="training step", scale=scale, axis=alt.Axis(tickCount=5, tickMinStep=1, format="~s", grid=False))
    y, form = alt.Y("value:Q", **look), ".4~%" if accuracy else ".3g"
    tips = [alt.Tooltip("name:N", title="run"), alt.Tooltip("x:Q", title="step", format=",d")]
    tips += [
        alt.Tooltip(f"{k}:Q", title=t, format=form) for k, t in (("value", "median"), ("low", "lowest"), ("high", "highest"))
    ]
    base = _base(data).encode(x, _colour())
    guess = alt.Chart(alt.Data(values=[{"level": v, "name": name} for name, v in levels]))
    rule = guess.mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=1.5).encode(y=alt.Y("level:Q", **look))
    words = guess.mark_text(align="right", baseline="bottom", dy=-3, dx=-3, fontSize=14, color=GREY_TEXT)
    words = words.encode(y=alt.Y("level:Q", **look), x=alt.XValue("width"), text="name:N")
    hovered = alt.selection_point("hovered", fields=["place"], nearest=True, on="pointerover", clear="pointerout", empty=False)
    catch = base.mark_point(size=90, opacity=0).encode(y, tooltip=tips).add_params(hovered)
    band = base.transform_filter(hovered).mark_area(opacity=0.25).encode(alt.Y("low:Q", **look), alt.Y2("high:Q"))
    lines = base.mark_line(strokeWidth=3).encode(y, _dash())
    return sized(rule, words, band, lines, catch, height=height)


def profile_chart(data: Table, longest: int, height: int = 360) -> alt.LayerChart:
    """Draws a profile_table over the time steps before the end of the sequence, on the domain of all gradient norms."""
    scale = alt.Scale(domain=[1 - longest, 0], nice=False, padding=8)
    axis = alt.Axis(tickCount=8, tickMinStep=1, grid=False, labelExpr="datum.value == 0 ? 'end' : format(-datum.value, 'd')")
    x = alt.X("x:Q", title="time steps before the end of the sequence", scale=scale, axis=axis)
    axis = alt.Axis(values=[1e-12, 1e-8, 1e-4, 1, 1e4], labelExpr=POWER, title=None)
    y = alt.Y("shown:Q", scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False), axis=axis)
    titles = {"name": "run", "text": "left of it", "norm": "norm itself"}
    before = alt.Tooltip("before:Q", title="steps before the end", format="d")
    tips = [before, *(alt.Tooltip(f"{k}:N", title=title) for k, title in titles.items())]
    base = _base(data).encode(x, y, _colour())
    lines = base.mark_line(strokeWidth=3).encode(_dash(), detail="piece:N")
    shapes = alt.Scale(domain=["below", "above"], range=["triangle-down", "triangle-up"])
    edge = base.transform_filter("datum.edge != ''").mark_point(filled=True, size=110, opacity=1)
    edge = edge.encode(shape=alt.Shape("edge:N", scale=shapes, legend=None), tooltip=tips)
    return sized(lines, edge, base.mark_point(size=90, opacity=0).encode(tooltip=tips), height=height)


def _base(data: Table) -> alt.Chart:
    return alt.Chart(alt.NamedData("rows") if data is None else data)


def _colour() -> alt.Color:
    return alt.Color("place:O", scale=alt.Scale(domain=list(range(len(COLOURS))), range=list(COLOURS)), legend=None)


def _dash() -> alt.StrokeDash:
    scale = alt.Scale(domain=list(range(len(DASHES))), range=[list(dash) for dash in DASHES])
    return alt.StrokeDash("place:O", scale=scale, legend=None)


# ---- tables ----


def training_table(runs: Runs, column: str) -> pd.DataFrame:
    """Returns place, name, x, and the median (value), lowest and highest of a History's column, where any network has a number.

    A NaN counts as the worst number in the median, which is NaN where half of the networks or more are.
    """
    pieces = []
    for place, (name, h) in runs.items():
        values = getattr(h, column)[: h.n]
        rows = np.flatnonzero(np.isfinite(values).any(1))
        rows = rows[evenly(len(rows), MAX_POINTS)]
        some = np.where(np.isfinite(values[rows]), values[rows], np.nan)
        middle = median(some, WORST.get(column, np.inf))
        spread = {"value": middle, "low": np.nanmin(some, 1), "high": np.nanmax(some, 1)} if len(rows) else {}
        pieces.append(pd.DataFrame({"place": place, "name": name, "x": h.steps[rows], **spread}))
    columns = ["place", "name", "x", "value", "low", "high"]
    return pd.concat(pieces, ignore_index=True)[columns] if any(len(p) for p in pieces) else pd.DataFrame(columns=columns)


def profile_table(runs: Runs, last: bool = True) -> pd.DataFrame:
    """Returns the median network's ||dL/dh_t|| as a share of that at the end, in the first or the last recorded row.

    `piece` counts up where a line is interrupted, because it is off the axis. `edge` marks where a line, seen from the end, first
    leaves the axis; it stands at the edge there. No line is clipped: in the browser the clip once kept a height of 15 pixels.
    """
    pieces = [_profile(place, name, h, last) for place, (name, h) in runs.items() if h.n]
    columns = ["place", "name", "x", "before", "shown", "piece", "edge", "text", "norm"]
    return pd.concat(pieces, ignore_index=True)[columns] if pieces else pd.DataFrame(columns=columns)


def _profile(place: int, name: str, h: History, last: bool) -> pd.DataFrame:
    row = h.n - 1 if last else 0
    norm = h.profile(row, row + 1)[0].astype(np.float64)
    norm[norm == ABSENT] = np.nan
    with np.errstate(all="ignore"):
        share = norm / norm[-1]
    t = np.arange(len(norm))
    at = np.unique([*evenly(len(t), MAX_POINTS), *_leaves(share)])
    at = at[np.isfinite(share[at])]
    off = np.isin(at, _leaves(share))
    below, above = share[at] < LOW, share[at] > HIGH
    hidden = (below | above) & ~off
    edge = np.where(below, "below", "above")
    cut, norm_type = h.e.first_uncut, h.state_grad.dtype
    columns = {
        "x": t[at] - t[-1],
        "before": t[-1] - t[at],
        "shown": np.where(off, np.where(below, LOW, HIGH), np.where(hidden, np.nan, share[at])),
        "piece": [f"{place}.{n}" for n in np.cumsum(hidden)],
        "edge": np.where(off, edge, ""),
        "text": [
            "exactly 0: cut by truncation" if share[t] == 0 and t < cut else amount(share[t], smallest(norm_type)) for t in at
        ],
        "norm": [amount(norm[t], smallest(norm_type)) for t in at],
    }
    return pd.DataFrame({"place": place, "name": name, **columns})


def _leaves(share: np.ndarray) -> list[int]:
    """The last time step at which the share is off the axis, if there is one: there the line leaves it, seen from the end."""
    with np.errstate(invalid="ignore"):
        off = np.flatnonzero((share < LOW) | (share > HIGH))
    return [int(off[-1])] if len(off) else []
