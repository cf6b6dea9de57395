"""What the charts of a training share: the median and the range of the networks, the pinned run, marks and the pointer's rule.

A chart has data, or it has none and is a specification that never changes while rows arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from rnnkit.charts.style import GREY, GREY_TEXT, INK, INK_TEXT, MAX_ROWS, WARM, Levels, sized
from rnnkit.engine.history import WORST
from rnnkit.later import alt, pd

DASH = [7, 4]  # of the pinned run
EXACT = ".7~g"  # all digits of a float32
CLOSE = 0.07  # of rules: the lower one's name would stand in the higher one's
SELDOM = 20  # measured at so few training steps: dots say when
Table: TypeAlias = "pd.DataFrame | None"


def median_and_range(
    data: Table,
    pinned: Table,
    column: str,
    y: dict[str, Any],
    steps: int | None,
    levels: Levels,
    form: str,
    top: float | None = None,
    seldom: bool = False,
) -> alt.LayerChart:
    """levels: (name, value) of every rule across the chart. top: of the axis, where numbers can be above it; marks say so.

    seldom: measured at few training steps; dots say when.
    """
    rows = alt.Chart(source(data))
    one = rows.transform_filter(finite(column)).mark_line(strokeWidth=1, opacity=0.35, color=INK)
    one = one.encode(x_axis(steps), alt.Y(f"{column}:Q", **y), detail="replica:N")
    base = summary(data, "summary", [column]).encode(x_axis(steps))
    spread = base.mark_area(opacity=0.16, color=INK).encode(alt.Y(f"min_{column}:Q", **y), alt.Y2(f"max_{column}:Q"))
    median = base.transform_filter(finite(f"median_{column}"))
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
    other = summary(pinned, "pinned", [column]).transform_filter(finite(f"median_{column}"))
    tooltip = ["step:Q", alt.Tooltip(f"median_{column}:Q", format=form, title="pinned")]
    other = other.mark_line(strokeWidth=3, strokeDash=DASH, color=WARM)
    other = other.encode(x_axis(steps), alt.Y(f"median_{column}:Q", **y), tooltip=tooltip)
    if seldom or (data is not None and data["step"].nunique() <= SELDOM):
        middle += median.mark_circle(size=60, opacity=1, color=INK).encode(alt.Y(f"median_{column}:Q", **y))
    above = [] if top is None else marks_above(median, f"median_{column}", top)
    nearest = pointer(base, {f"{f}_{column}": f for f in ("median", "min", "max")}, form, steps)
    shown = [other] if data is None or pinned is not None else []
    return sized(spread, one, *shown, middle, *above, *guess, *nearest, cursor(data))


def summary(data: Table, name: str, columns: Sequence[str]) -> alt.Chart:
    """Rows of one training step -> median_, min_ and max_ of each column, where any network has a number.

    A network that is NaN counts as the worst in the median, which is not a number where half of them are (History's median).
    Without data: of rows that will come under this name, as `Curve.summary` makes them.
    """
    if data is None:
        return alt.Chart(alt.NamedData(name))
    chart = alt.Chart(source(data))
    fields: dict[str, Any] = {}
    for column in columns:
        worst = np.clip(WORST.get(column, np.inf), -1e308, 1e308)  # no infinity in Vega's expressions
        numbers = {f"worst_{column}": f"{finite(column)} ? datum.{column} : {worst}"}
        numbers[f"some_{column}"] = f"{finite(column)} ? datum.{column} : null"
        chart = chart.transform_calculate(**numbers)
        fields |= {f"median_{column}": f"median(worst_{column})", f"there_{column}": f"valid(some_{column})"}
        fields |= {f"{f}_{column}": f"{f}(some_{column})" for f in ("min", "max")}
    chart = chart.transform_aggregate(groupby=["step"], **fields)
    chart = chart.transform_filter(" || ".join(f"datum.there_{column} > 0" for column in columns))
    medians = {f"median_{c}": f"abs(datum.median_{c}) < 1e300 ? datum.median_{c} : NaN" for c in columns}
    return chart.transform_calculate(**medians)


def marks_above(median: alt.Chart, field: str, top: float) -> list[alt.Chart]:
    """Draws marks at the upper edge where the median is above the axis, with a label."""
    rows = median.transform_filter(f"datum.{field} > {top}")
    marks = rows.mark_point(shape="triangle-up", filled=True, size=45, opacity=0.8, color=INK).encode(y=alt.value(5))
    words = rows.transform_aggregate(most=f"max({field})")
    words = words.transform_calculate(text=f"'above ' + format({top}, '.2~g') + ', up to ' + format(datum.most, '.2~g')")
    text = words.mark_text(baseline="top", fontSize=14, color=INK_TEXT).encode(
        x=alt.value(alt.ExprRef("width / 2")), y=alt.value(14), text="text:N"
    )
    return [marks, text]


def pointer(base: alt.Chart, titles: dict[str, str], form: str, steps: int | None) -> list[alt.Chart]:
    """A rule at the training step nearest to the pointer, and what stands there: field of a summary -> its name.

    A line's own tooltip would give its first point, wherever the pointer is.
    """
    base = base.encode(x_axis(steps))
    tips = [alt.Tooltip("step:Q", title="training step", format=",d")]
    tips += [alt.Tooltip(f"{field}:Q", title=title, format=form) for field, title in titles.items()]
    look: dict[str, Any] = {"nearest": True, "on": "pointerover", "clear": "pointerout", "empty": False}
    nearest = alt.selection_point(name="nearest", fields=["step"], **look)
    catcher = base.mark_point(opacity=0, size=1).encode(y=alt.value(0), tooltip=tips).add_params(nearest)
    return [base.transform_filter(nearest).mark_rule(color=GREY, strokeWidth=1.5), catcher]


def source(data: Table) -> Any:
    """The table, with evenly fewer steps where Altair would refuse its length; or the name under which rows will come."""
    if data is None:
        return alt.NamedData("rows")
    steps = data["step"].unique()
    every = max(1, -(-len(data) // MAX_ROWS))
    return data[data["step"].isin(steps[::every])].drop(columns=["cause", "causes"], errors="ignore")


def finite(column: str) -> str:
    return f"isValid(datum.{column}) && isFinite(datum.{column})"  # a NaN in a table is a null in JSON


def cursor(data: pd.DataFrame | None) -> alt.Chart:
    """Draws a rule at the selected training step; only live charts have one."""
    step = alt.NamedData("cursor") if data is None else alt.Data(values=[])
    return alt.Chart(step).mark_rule(strokeWidth=1.5, color=GREY).encode(x="step:Q")


def x_axis(steps: int | None) -> alt.X:
    scale = alt.Scale(domain=[0, steps], nice=False) if steps else alt.Undefined
    return alt.X("step:Q", title="training step", scale=scale, axis=alt.Axis(tickCount=5, tickMinStep=1, grid=False))
