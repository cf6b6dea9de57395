"""Charts of a training. Each can also be had without data, as a specification that never changes while rows arrive.

`frame(train(...))` goes straight in: loss_chart(df), accuracy_chart(df, chance=0.5), norm_chart(df). Axes are fixed by the
Experiment, not by the data, so that nothing jumps and two runs can be compared; values past an axis stand at its edge. A second
table, `pinned`, stands behind the first as a dashed line: another run's median.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from rnnkit.charts.style import GREY, GREY_TEXT, INK, MAX_ROWS, VIOLET, WARM, Levels, sized

DASH = [7, 4]  # of the pinned run
EXACT = ".7~g"  # all digits of a float32
CLOSE = 0.07  # of rules: the lower one's name would stand in the higher one's
SELDOM = 20  # measured at so few training steps: dots say when


Table: TypeAlias = pd.DataFrame | None


def loss_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None, guess: float = 0.6931) -> alt.LayerChart:
    """Training loss of every network, their median and range, and the loss of a guesser; columns step, replica, loss."""
    y = {"scale": alt.Scale(domain=[0, 2 * guess], clamp=True), "axis": alt.Axis(tickCount=4, title=None)}
    return _curves(data, pinned, "loss", y, steps, (("guesser", guess),), EXACT)


def accuracy_chart(
    data: Table = None,
    pinned: Table = None,
    *,
    steps: int | None = None,
    chance: float = 0.5,
    levels: Levels | None = None,
) -> alt.LayerChart:
    """Held-out accuracy of every network, their median and range, and chance; columns step, replica, accuracy.

    levels: (name, accuracy) of every rule across the chart, in place of chance alone; see `rnnkit.learnt.levels`.
    """
    ticks = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None)
    y = {"scale": alt.Scale(domain=[0, 1]), "axis": ticks}
    return _curves(data, pinned, "accuracy", y, steps, levels or (("chance", chance),), ".4~%")


def norm_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None) -> alt.LayerChart:
    """Median norm of the weights' gradient before and after the remedies; columns step, grad_norm_raw, grad_norm_applied."""
    names = {"grad_norm_raw": "before remedies", "grad_norm_applied": "after"}
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", offset=2, labelLimit=0)
    colour = alt.Color("kind:O", scale=alt.Scale(domain=list(names.values()), range=[VIOLET, INK]), legend=legend)
    wide = alt.StrokeWidth("kind:O", scale=alt.Scale(domain=list(names.values()), range=[4.5, 2]), legend=legend)
    y = alt.Y(
        "norm:Q",
        scale=alt.Scale(type="log", domain=[1e-6, 1e6], clamp=True),
        axis=alt.Axis(format=".0e", values=[1e-6, 1e-3, 1, 1e3, 1e6], title=None),
    )

    def lines(source: Any, **look: Any) -> alt.Chart:
        base = alt.Chart(source)
        base = base.transform_aggregate(groupby=["step"], raw="median(grad_norm_raw)", applied="median(grad_norm_applied)")
        base = base.transform_calculate(**{names["grad_norm_raw"]: "datum.raw", names["grad_norm_applied"]: "datum.applied"})
        base = base.transform_fold(list(names.values()), as_=["kind", "norm"]).transform_filter(_finite("norm"))
        return base.mark_line(clip=True, **look).encode(_x(steps), y, colour, wide)

    other = lines(_source(pinned, "pinned"), strokeDash=DASH, opacity=0.8)
    pointer = _pointer(_source(data), {f"median({column})": name for column, name in names.items()}, EXACT, steps)
    return sized(*([other] if data is None or pinned is not None else []), lines(_source(data)), *pointer, _cursor(data))


def _curves(
    data: Table, pinned: Table, column: str, y: dict[str, Any], steps: int | None, levels: Levels, form: str
) -> alt.LayerChart:
    base = alt.Chart(_source(data)).transform_filter(_finite(column)).encode(_x(steps))
    one = base.mark_line(strokeWidth=1, opacity=0.35, color=INK).encode(alt.Y(f"{column}:Q", **y), detail="replica:N")
    spread = base.mark_area(opacity=0.16, color=INK).encode(alt.Y(f"min({column}):Q", **y), alt.Y2(f"max({column}):Q"))
    middle = base.mark_line(strokeWidth=3, color=INK).encode(alt.Y(f"median({column}):Q", **y))
    marks = alt.Chart(alt.Data(values=[{"level": level, "name": name} for name, level in levels]))
    rule = marks.mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2)
    named = [
        {"level": level, "name": name} for name, level in levels if not any(0 < other - level < CLOSE for _, other in levels)
    ]
    text = alt.Chart(alt.Data(values=named)).mark_text(
        align="right", baseline="bottom", dy=-3, dx=-3, fontSize=14, color=GREY_TEXT
    )
    guess = [rule.encode(y="level:Q"), text.encode(y="level:Q", x=alt.XValue("width"), text="name:N")]
    other = alt.Chart(_source(pinned, "pinned")).transform_filter(_finite(column)).encode(_x(steps))
    tooltip = ["step:Q", alt.Tooltip(f"median({column}):Q", format=form, title="pinned")]
    other = other.mark_line(strokeWidth=3, strokeDash=DASH, color=WARM).encode(alt.Y(f"median({column}):Q", **y), tooltip=tooltip)
    if data is not None and data["step"].nunique() <= SELDOM:
        middle += base.mark_circle(size=60, opacity=1, color=INK).encode(alt.Y(f"median({column}):Q", **y))
    told = {f"{f}({column})": f for f in ("median", "min", "max")}
    pointer = _pointer(alt.Chart(_source(data)).transform_filter(_finite(column)), told, form, steps)
    return sized(spread, one, *([other] if data is None or pinned is not None else []), middle, *guess, *pointer, _cursor(data))


def _pointer(base: Any, told: dict[str, str], form: str, steps: int | None) -> list[alt.Chart]:
    """A rule at the training step nearest to the pointer, and what stands there: aggregate -> its name.

    A line's own tooltip would give its first point, wherever the pointer is.
    """
    base = base if isinstance(base, alt.Chart) else alt.Chart(base)
    fields = {f"told_{i}": aggregate for i, aggregate in enumerate(told)}
    base = base.transform_aggregate(groupby=["step"], **fields).encode(_x(steps))
    tips = [alt.Tooltip("step:Q", title="training step", format=",d")]
    tips += [alt.Tooltip(f"{field}:Q", title=title, format=form) for field, title in zip(fields, told.values(), strict=True)]
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
    return data[data["step"].isin(steps[::every])].drop(columns="causes", errors="ignore")


def _finite(column: str) -> str:
    return f"isValid(datum.{column}) && isFinite(datum.{column})"  # a NaN in a table is a null in JSON


def _cursor(data: pd.DataFrame | None) -> alt.Chart:
    """A rule at the training step looked at; only live charts have one."""
    source = alt.NamedData("cursor") if data is None else alt.Data(values=[])
    return alt.Chart(source).mark_rule(strokeWidth=1.5, color=GREY).encode(x="step:Q")


def _x(steps: int | None) -> alt.X:
    scale = alt.Scale(domain=[0, steps], nice=False) if steps else alt.Undefined
    return alt.X("step:Q", title="training step", scale=scale, axis=alt.Axis(tickCount=5, tickMinStep=1, grid=False))
