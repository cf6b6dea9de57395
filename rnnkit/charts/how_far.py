"""How far networks can remember: the share that learns and the share of the gradient that arrives, by sequence length.

Two charts of one width on the same axis. A variant has a colour and a dash of its own, so that it can be told without colours.
Its dots stand a little to the side of the others', so that equal values do not hide each other. A dot is hollow where it comes
from the record, filled where it has been trained here. Its area is the number of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnkit.charts.run_list import COLOURS, DASHES
from rnnkit.charts.style import HIGH, LOW, POWER, with_fonts
from rnnkit.later import alt, pd
from rnnkit.rounding import amount, smallest

APART = 0.035  # distance of two variants' dots on the logarithmic axis
AREA = 12  # square pixels of a dot for each network
MAX_NETWORKS = 32  # of one dot
LEFT = 62  # pixels beside both charts, so that their axes stand under each other


class Point(NamedTuple):
    """What came out of one variant at one length."""

    id: str  # by which a click names it
    variant: str
    length: int
    networks: int
    solved: int  # of them
    low: float  # Wilson's 95 % interval of the share that learns
    high: float
    solved_step: float  # median of those that learn, NaN where none does
    ratio: float  # of the gradient before training, median; NaN where there is none
    trained: bool  # here; False: from the record
    origin: str  # in words


def share_chart(variants: Sequence[str], lengths: Sequence[int], height: int = 205) -> alt.LayerChart:
    """Draws the share of networks that learn, with its interval, as a fixed specification; data "points" (`map_table`).

    A click selects a point: the parameter is called "point", its field "id".
    """
    scale = alt.Scale(domain=[0, 1], nice=False, padding=8)
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title="networks that learn", minExtent=LEFT, maxExtent=LEFT)
    base, x = _base(), _x(lengths, None)
    bars = base.mark_rule(strokeWidth=2, opacity=0.45).encode(
        x, alt.Y("low:Q", scale=scale, axis=axis), alt.Y2("high:Q"), _colour()
    )
    y = alt.Y("share:Q", scale=scale, axis=axis)
    return _sized(bars, *_lines(base, variants, x, y), height=height)


def gradient_chart(variants: Sequence[str], lengths: Sequence[int], title: str, height: int = 170) -> alt.LayerChart:
    """Draws the share of the gradient that arrives before training, on the axis of all gradient norms; data as in share_chart.

    title: of the horizontal axis.
    """
    scale = alt.Scale(type="log", domain=[LOW, HIGH], nice=False, padding=4)
    axis = alt.Axis(values=[1e-12, 1e-8, 1e-4, 1, 1e4], labelExpr=POWER, title="gradient left", minExtent=LEFT, maxExtent=LEFT)
    base = _base().transform_filter("isValid(datum.shown)")
    y = alt.Y("shown:Q", scale=scale, axis=axis)
    return _sized(*_lines(base, variants, _x(lengths, title), y), height=height)


def _base() -> alt.Chart:
    return alt.Chart(alt.NamedData("points"))


def _lines(base: alt.Chart, variants: Sequence[str], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Returns the layers of lines and dots."""
    dashes = alt.Scale(domain=list(variants), range=[list(dash) for dash in DASHES[: len(variants)]])
    size = alt.Size("networks:Q", scale=alt.Scale(domain=[0, MAX_NETWORKS], range=[0, AREA * MAX_NETWORKS]), legend=None)
    tips = [
        alt.Tooltip("variant:N"),
        alt.Tooltip("length:Q", title="length"),
        alt.Tooltip("text:N", title="learn"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("median:N", title="median step"),
        alt.Tooltip("left:N", title="gradient left"),
        alt.Tooltip("origin:N", title="from"),
    ]
    dash = alt.StrokeDash("variant:N", scale=dashes, legend=None)
    ground = alt.value(alt.ExprRef("isString(background) ? background : 'white'"))
    fill = alt.condition("datum.trained", "colour:N", ground, scale=None)
    dots = base.mark_point(filled=True, opacity=1, cursor="pointer", strokeWidth=2.5)
    dots = dots.encode(x, y, size, stroke=alt.Stroke("colour:N", scale=None), fill=fill, tooltip=tips)
    return [base.mark_line(strokeWidth=2.5, opacity=0.75).encode(x, y, _colour(), dash), dots]


def _colour() -> alt.Color:
    return alt.Color("colour:N", scale=None)


def _x(lengths: Sequence[int], title: str | None) -> alt.X:
    low, high = min(lengths), max(lengths)
    scale = alt.Scale(type="log", domain=[low / 1.25, high * 1.25], nice=False)
    axis = alt.Axis(values=list(lengths), format="d", grid=True, title=title, labels=title is not None, labelOverlap=True)
    return alt.X("x:Q", scale=scale, axis=axis)


def _sized(*layers: Any, height: int) -> alt.LayerChart:
    picked = alt.selection_point(name="point", fields=["id"], on="click", empty=False)
    *others, dots = layers
    return with_fonts(alt.layer(*others, dots.add_params(picked)).properties(height=height, width="container"))


def map_table(points: Sequence[Point], variants: Sequence[str]) -> pd.DataFrame:
    """Returns the data of both charts, one row a point."""
    rows = []
    for p in points:
        place = variants.index(p.variant) - (len(variants) - 1) / 2
        rows.append(
            {
                **p._asdict(),
                "colour": COLOURS[variants.index(p.variant)],
                "x": p.length * np.exp(APART * place),
                "share": p.solved / p.networks,
                "shown": np.clip(p.ratio, LOW, HIGH),
                "text": f"{p.solved} of {p.networks}",
                "interval": f"{p.low:.0%} to {p.high:.0%}",
                "median": f"{p.solved_step:,.0f}" if np.isfinite(p.solved_step) else "–",
                "left": amount(p.ratio, smallest()) if np.isfinite(p.ratio) else "not measured",
            }
        )
    columns = [*Point._fields, "colour", "x", "share", "shown", "text", "interval", "median", "left"]
    return pd.DataFrame(rows, columns=columns).astype({"x": float, "share": float, "shown": float, "ratio": float})
