"""Charts of a training. Each can also be had without data, as a specification that never changes while rows arrive.

`frame(train(...))` goes straight in: loss_chart(df), accuracy_chart(df, chance=0.5), norm_chart(df). Axes are fixed by the
Experiment, not by the data, so that nothing jumps and two runs can be compared; a loss past the axis stands at its edge, marked,
and the axis of the norms grows with them. A second table, `pinned`, stands behind the first as a dashed line: another run's
median.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd

from rnnkit.charts.style import GREY, GREY_TEXT, INK, INK_TEXT, MAX_ROWS, VIOLET, WARM, Levels, sized
from rnnkit.engine.history import WORST

DASH = [7, 4]  # of the pinned run
EXACT = ".7~g"  # all digits of a float32
CLOSE = 0.07  # of rules: the lower one's name would stand in the higher one's
NORM_TOP = 1e6  # end of the axis of norms
SELDOM = 20  # measured at so few training steps: dots say when


Table: TypeAlias = pd.DataFrame | None


def loss_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None, guess: float = 0.6931) -> alt.LayerChart:
    """Training loss of every network, their median and range, and the loss of a guesser; columns step, replica, loss."""
    y = {"scale": alt.Scale(domain=[0, 2 * guess], clamp=True, nice=False), "axis": alt.Axis(tickCount=4, title=None)}
    return _curves(data, pinned, "loss", y, steps, (("guesser", guess),), EXACT, top=2 * guess)


def accuracy_chart(
    data: Table = None,
    pinned: Table = None,
    *,
    steps: int | None = None,
    chance: float = 0.5,
    levels: Levels | None = None,
) -> alt.LayerChart:
    """Held-out accuracy of every network, their median and range, and chance; columns step, replica, accuracy.

    levels: (name, accuracy) of every rule across the chart, in place of chance alone; see `rnnkit.analysis.learnt.levels`.
    """
    ticks = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None)
    y = {"scale": alt.Scale(domain=[0, 1]), "axis": ticks}
    return _curves(data, pinned, "accuracy", y, steps, levels or (("chance", chance),), ".4~%")


def norm_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None) -> alt.LayerChart:
    """Median norm of the weights' gradient before and after the remedies; columns step, grad_norm_raw, grad_norm_applied.

    The axis goes from 1e-6 to 1e6; what is above stands at the edge, with marks and words that say so.
    """
    names = {"grad_norm_raw": "before remedies", "grad_norm_applied": "after"}
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", offset=2, labelLimit=0)
    colour = alt.Color("kind:O", scale=alt.Scale(domain=list(names.values()), range=[VIOLET, INK]), legend=legend)
    wide = alt.StrokeWidth("kind:O", scale=alt.Scale(domain=list(names.values()), range=[4.5, 2]), legend=legend)
    scale = alt.Scale(type="log", domain=[1e-6, NORM_TOP], clamp=True)
    y = alt.Y("norm:Q", scale=scale, axis=alt.Axis(format=".0e", tickCount=5, title=None))

    def medians(source: Any) -> alt.Chart:
        base = _summary(alt.Chart(source), list(names))
        base = base.transform_calculate(**{name: f"datum.median_{column}" for column, name in names.items()})
        base = base.transform_fold(list(names.values()), as_=["kind", "norm"])
        return base.transform_filter(f"{_finite('norm')} && datum.norm > 0").encode(_x(steps))

    look: dict[str, Any] = {"clip": True, "strokeDash": DASH, "opacity": 0.8}
    other = medians(_source(pinned, "pinned")).mark_line(**look).encode(y, colour, wide)
    own = medians(_source(data))
    told = {f"median_{column}": name for column, name in names.items()}
    pointer = _pointer(_summary(alt.Chart(_source(data)), list(names)), told, EXACT, steps)
    shown = [other] if data is None or pinned is not None else []
    drawn = own.mark_line(clip=True).encode(y, colour, wide)
    return sized(*shown, drawn, *_above(own, "norm", NORM_TOP), *pointer, _cursor(data))


def _curves(
    data: Table,
    pinned: Table,
    column: str,
    y: dict[str, Any],
    steps: int | None,
    levels: Levels,
    form: str,
    top: float | None = None,
) -> alt.LayerChart:
    """levels: (name, value) of every rule across the chart. top: of the axis, where numbers can be above it; marks say so."""
    source = alt.Chart(_source(data))
    one = source.transform_filter(_finite(column)).mark_line(strokeWidth=1, opacity=0.35, color=INK)
    one = one.encode(_x(steps), alt.Y(f"{column}:Q", **y), detail="replica:N")
    base = _summary(source, [column]).encode(_x(steps))
    spread = base.mark_area(opacity=0.16, color=INK).encode(alt.Y(f"min_{column}:Q", **y), alt.Y2(f"max_{column}:Q"))
    median = base.transform_filter(_finite(f"median_{column}"))
    middle = median.mark_line(strokeWidth=3, color=INK).encode(alt.Y(f"median_{column}:Q", **y))
    marks = alt.Chart(alt.Data(values=[{"level": level, "name": name} for name, level in levels]))
    rule = marks.mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2)
    named = [
        {"level": level, "name": name} for name, level in levels if not any(0 < other - level < CLOSE for _, other in levels)
    ]
    text = alt.Chart(alt.Data(values=named)).mark_text(
        align="right", baseline="bottom", dy=-3, dx=-3, fontSize=14, color=GREY_TEXT
    )
    guess = [rule.encode(y="level:Q"), text.encode(y="level:Q", x=alt.XValue("width"), text="name:N")]
    other = _summary(alt.Chart(_source(pinned, "pinned")), [column]).transform_filter(_finite(f"median_{column}"))
    tooltip = ["step:Q", alt.Tooltip(f"median_{column}:Q", format=form, title="pinned")]
    other = other.mark_line(strokeWidth=3, strokeDash=DASH, color=WARM)
    other = other.encode(_x(steps), alt.Y(f"median_{column}:Q", **y), tooltip=tooltip)
    if data is not None and data["step"].nunique() <= SELDOM:
        middle += median.mark_circle(size=60, opacity=1, color=INK).encode(alt.Y(f"median_{column}:Q", **y))
    above = [] if top is None else _above(median, f"median_{column}", top)
    pointer = _pointer(base, {f"{f}_{column}": f for f in ("median", "min", "max")}, form, steps)
    shown = [other] if data is None or pinned is not None else []
    return sized(spread, one, *shown, middle, *above, *guess, *pointer, _cursor(data))


def _summary(chart: alt.Chart, columns: Sequence[str]) -> alt.Chart:
    """Rows of one training step -> median_, min_ and max_ of each column, where any network has a number.

    A network that is NaN counts as the worst in the median, which is not a number where half of them are (History's median).
    """
    fields: dict[str, Any] = {}
    for column in columns:
        worst = np.clip(WORST.get(column, np.inf), -1e308, 1e308)  # no infinity in Vega's expressions
        numbers = {f"worst_{column}": f"{_finite(column)} ? datum.{column} : {worst}"}
        numbers[f"some_{column}"] = f"{_finite(column)} ? datum.{column} : null"
        chart = chart.transform_calculate(**numbers)
        fields |= {f"median_{column}": f"median(worst_{column})", f"there_{column}": f"valid(some_{column})"}
        fields |= {f"{f}_{column}": f"{f}(some_{column})" for f in ("min", "max")}
    chart = chart.transform_aggregate(groupby=["step"], **fields)
    chart = chart.transform_filter(" || ".join(f"datum.there_{column} > 0" for column in columns))
    medians = {f"median_{c}": f"abs(datum.median_{c}) < 1e300 ? datum.median_{c} : NaN" for c in columns}
    return chart.transform_calculate(**medians)


def _above(median: alt.Chart, field: str, top: float) -> list[alt.Chart]:
    """Marks at the upper edge where the median is above the axis, and in words what they mean."""
    rows = median.transform_filter(f"datum.{field} > {top}")
    marks = rows.mark_point(shape="triangle-up", filled=True, size=45, opacity=0.8, color=INK).encode(y=alt.value(5))
    words = rows.transform_aggregate(most=f"max({field})")
    words = words.transform_calculate(text=f"'above ' + format({top}, '.2~g') + ', up to ' + format(datum.most, '.2~g')")
    text = words.mark_text(baseline="top", fontSize=14, color=INK_TEXT).encode(
        x=alt.value(alt.ExprRef("width / 2")), y=alt.value(14), text="text:N"
    )
    return [marks, text]


def _pointer(base: alt.Chart, told: dict[str, str], form: str, steps: int | None) -> list[alt.Chart]:
    """A rule at the training step nearest to the pointer, and what stands there: field of a summary -> its name.

    A line's own tooltip would give its first point, wherever the pointer is.
    """
    base = base.encode(_x(steps))
    tips = [alt.Tooltip("step:Q", title="training step", format=",d")]
    tips += [alt.Tooltip(f"{field}:Q", title=title, format=form) for field, title in told.items()]
    look: dict[str, Any] = {"nearest": True, "on": "pointerover", "clear": "pointerout", "empty": False}
    nearest = alt.selection_point(name="nearest", fields=["step"], **look)
    catcher = base.mark_point(opacity=0, size=1).encode(y=alt.value(0), tooltip=tips).add_params(nearest)
    return [base.transform_filter(nearest).mark_rule(color=GREY, strokeWidth=1.5), catcher]


def _source(data: Table, name: str = "rows") -> Any:
    """The table, with evenly fewer steps where Altair would refuse its length; or a name under which rows will come."""
    if data is None:
        return alt.NamedData(name)
    steps = data["step"].unique()
    every = -(-len(data) // MAX_ROWS)
    return data[data["step"].isin(steps[::every])].drop(columns=["cause", "causes"], errors="ignore")


def _finite(column: str) -> str:
    return f"isValid(datum.{column}) && isFinite(datum.{column})"  # a NaN in a table is a null in JSON


def _cursor(data: pd.DataFrame | None) -> alt.Chart:
    """A rule at the training step looked at; only live charts have one."""
    source = alt.NamedData("cursor") if data is None else alt.Data(values=[])
    return alt.Chart(source).mark_rule(strokeWidth=1.5, color=GREY).encode(x="step:Q")


def _x(steps: int | None) -> alt.X:
    scale = alt.Scale(domain=[0, steps], nice=False) if steps else alt.Undefined
    return alt.X("step:Q", title="training step", scale=scale, axis=alt.Axis(tickCount=5, tickMinStep=1, grid=False))
