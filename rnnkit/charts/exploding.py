"""Charts of an explosion: a network's curves until it is NaN and after the rewind, and the fixed points of a single unit.

Loss and gradient norm stand on one logarithmic axis each; what is above it stands at its edge, and NaN above that in crimson.
"""

from __future__ import annotations

from rnnkit.charts.style import CRIMSON, CRIMSON_TEXT, GREY, GREY_TEXT, INK, POWER, WARM, sized
from rnnkit.later import alt, pd

LOW, HIGH = 1e-3, 1e6
TICKS = [1e-3, 1, 1e3, 1e6]
ROLES = {"other": GREY, "selected": WARM, "clipped": INK}  # column `role` of the rows


def curve_chart(*, steps: int, wide: bool, height: int = 330) -> alt.LayerChart:
    """Rows step, line, role, value under the name "rows"; step, role, text of what became NaN under "nan"; step under "rewind".

    `wide`: the axis spreads the first steps, which are the interesting ones, over more of its width.
    """
    scale = alt.Scale(domain=[0, steps], nice=False, type="sqrt" if wide else "linear")
    ticks = [0, 5, 25, *range(100, steps + 1, 100)] if wide else alt.Undefined
    axis = alt.Axis(grid=False, tickMinStep=1, format="d", values=ticks, tickCount=min(steps, 8))
    x = alt.X("step:Q", title="training step", scale=scale, axis=axis)
    top = alt.Scale(type="log", domain=[LOW, HIGH], clamp=True)
    y = alt.Y("value:Q", scale=top, axis=alt.Axis(labelExpr=POWER, values=TICKS, title=None, offset=4))
    colour = alt.Color("role:N", scale=alt.Scale(domain=list(ROLES), range=list(ROLES.values())), legend=None)
    base = alt.Chart(alt.NamedData("rows")).encode(x, y, colour, detail="line:N")
    tips = ["step:Q", "line:N", alt.Tooltip("value:Q", format=".2e")]
    thin = base.transform_filter("datum.role == 'other'").mark_line(strokeWidth=1, opacity=0.5)
    thick = base.transform_filter("datum.role != 'other'").mark_line(strokeWidth=3)
    dots = base.transform_filter("datum.role == 'selected'").mark_point(size=60, filled=True, opacity=1).encode(tooltip=tips)
    reader = base.transform_filter("datum.role == 'clipped'").mark_point(size=120, opacity=0).encode(tooltip=tips)
    rewind = alt.Chart(alt.NamedData("rewind")).mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=2).encode(x)
    is_nan = alt.Chart(alt.NamedData("nan")).encode(x, alt.YValue(-7))
    selected = "datum.role == 'selected'"
    cross = is_nan.mark_point(shape="cross", angle=45, filled=True, color=CRIMSON).encode(
        size=alt.condition(selected, alt.value(170), alt.value(60)),
        opacity=alt.condition(selected, alt.value(1), alt.value(0.5)),
        tooltip=["step:Q", "text:N"],
    )
    named = is_nan.transform_filter(selected)
    words = named.mark_text(text="NaN", dx=9, dy=1, align="left", fontSize=16, fontWeight="bold", color=CRIMSON_TEXT)
    return sized(thin, rewind, thick, dots, reader, cross, words, height=height)


def bifurcation_chart(
    branches: pd.DataFrame, marks: pd.DataFrame, *, along: str, domain: tuple[float, float], x0: float, height: int = 300
) -> alt.LayerChart:
    """Fixed points x over one parameter: branches has columns at, x, piece, stable; marks has at, x, name, colour.

    A horizontal line marks x_0: where the dashed branch, the unstable one, crosses it, the error surface has its wall.
    """
    y = alt.Y(
        "x:Q", title="fixed point x", scale=alt.Scale(domain=[-4.5, 5], clamp=False), axis=alt.Axis(tickCount=5, grid=False)
    )
    x = alt.X("at:Q", title=along, scale=alt.Scale(domain=list(domain), nice=False), axis=alt.Axis(tickCount=6, grid=False))
    base = alt.Chart(branches).encode(x, y, detail="piece:N", order="x:Q")
    stable = base.transform_filter("datum.stable").mark_line(clip=True, strokeWidth=3, color=INK)
    unstable = base.transform_filter("!datum.stable").mark_line(clip=True, strokeWidth=2.5, color=WARM, strokeDash=[7, 5])
    level = alt.Chart(pd.DataFrame({"x": [x0], "at": [domain[0]], "name": ["x₀"]}))
    start = level.mark_rule(color=GREY, strokeDash=[2, 3], strokeWidth=2).encode(y=y)
    name = level.mark_text(align="left", dx=4, dy=-9, fontSize=15, color=GREY_TEXT, text="x₀").encode(x=x, y=y)
    points = alt.Chart(marks)
    rules = points.mark_rule(clip=True, strokeWidth=1.5).encode(x, color=alt.Color("colour:N", scale=None))
    dots = points.mark_point(filled=True, size=140, opacity=1, clip=True).encode(
        x, y, color=alt.Color("colour:N", scale=None), tooltip=["name:N", alt.Tooltip("at:Q", title=along, format=".3f"), "x:Q"]
    )
    return sized(start, name, stable, unstable, rules, dots, height=height)
