"""A sweep: the share of networks that learn, and the share of the gradient that arrives before training, over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnkit.charts.run_list import COLOURS, DASHES
from rnnkit.charts.style import AXIS_TEXT, HIGH, LOW, POWER, with_fonts
from rnnkit.later import alt, pd

WIDTH, HEIGHTS = 640, (280, 180)


def sweep_chart(summary: pd.DataFrame, x: str, others: Sequence[str] = (), width: int = WIDTH) -> alt.VConcatChart:
    """Draws SweepResult.summary over its column x: shares with Wilson's 95 % interval above, gradient ratios below.

    There is a line for each variant and each combination of the columns `others`. A length is drawn on a logarithmic axis, texts
    in their order. A ratio off the gradient's axis stands at its edge; the tooltip has the number.
    """
    data = sweep_table(summary, x, others)
    names = list(dict.fromkeys(data.line))
    colour, dash = (_scale(names, values) for values in (COLOURS, [list(dash) for dash in DASHES]))
    look: dict[str, Any] = {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolSize": 400, "symbolOpacity": 1}
    legend = alt.Legend(title=None, orient="top", labelLimit=0, columns=3, **look) if len(names) > 1 else None
    base = alt.Chart(data).encode(
        _x(data.x, x),
        alt.Color("line:N", scale=colour, sort=names, legend=legend),
        tooltip=_tips(x),
    )
    dashed = alt.StrokeDash("line:N", scale=dash, sort=names, legend=legend)
    share = alt.Y("share:Q", title="networks that learn", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5))
    upper = alt.layer(
        base.mark_area(opacity=0.15).encode(alt.Y("low:Q", title="networks that learn"), alt.Y2("high:Q")),
        base.mark_line(strokeWidth=3).encode(share, dashed),
        base.mark_point(size=70, filled=True, opacity=1).encode(share),
    ).properties(width=width, height=HEIGHTS[0], title="Share of networks that learn, with Wilson's 95 % interval")
    log = alt.Scale(type="log", domain=[LOW, HIGH], nice=False)
    ratio = alt.Y(
        "shown:Q", title="share of the gradient", scale=log, axis=alt.Axis(values=[1e-12, 1e-8, 1e-4, 1, 1e4], labelExpr=POWER)
    )
    lower = alt.layer(
        base.mark_line(strokeWidth=3).encode(ratio, dashed), base.mark_point(size=70, filled=True, opacity=1).encode(ratio)
    ).properties(width=width, height=HEIGHTS[1], title="Share of the gradient that arrives before training (median)")
    return with_fonts(alt.vconcat(upper, lower)).configure_title(color=AXIS_TEXT, fontSize=15, fontWeight="normal")


def sweep_table(summary: pd.DataFrame, x: str, others: Sequence[str] = ()) -> pd.DataFrame:
    """Returns what sweep_chart draws: line (its name), x, ratio, shown (within the axis), share, low, high, networks, solved."""
    lines = [
        ", ".join([str(row["variant"]), *(f"{name} {_text(row[name])}" for name in others)]) for row in summary.to_dict("records")
    ]
    data = {"line": lines, "x": list(summary[x]), "ratio": summary.ratio_before}
    data |= {name: summary[name] for name in ("share", "low", "high", "networks", "solved")}
    return pd.DataFrame(data).assign(shown=np.clip(summary.ratio_before.to_numpy(float), LOW, HIGH))


def _text(value: Any) -> str:
    return f"{value:g}" if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def _x(values: pd.Series, name: str) -> alt.X:
    if not all(map(_is_number, values)):
        return alt.X("x:O", title=name, sort=list(dict.fromkeys(values)), axis=alt.Axis(labelAngle=0))
    ticks = sorted(set(values))
    axis = alt.Axis(values=ticks, format="~g", labelOverlap=True, grid=False)
    scale = alt.Scale(type="log" if name == "length" else "linear", zero=False, nice=False, padding=12)
    return alt.X("x:Q", title=name, scale=scale, axis=axis)


def _scale(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[values[i % len(values)] for i in range(len(names))])


def _tips(x: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("line:N", title="variant"),
        alt.Tooltip("x", title=x),
        alt.Tooltip("solved:Q", title="networks that learn"),
        alt.Tooltip("networks:Q", title="of"),
        alt.Tooltip("low:Q", title="interval from", format=".0%"),
        alt.Tooltip("high:Q", title="to", format=".0%"),
        alt.Tooltip("ratio:Q", title="gradient that is left", format=".2g"),
    ]
