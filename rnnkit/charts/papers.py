"""A part of a paper: our values with their intervals, and the published ones as diamonds, a colour for each variant."""

from __future__ import annotations

import math
from typing import Any

from rnnkit.charts.run_list import COLOURS
from rnnkit.charts.style import with_fonts
from rnnkit.later import alt, pd

HEIGHT = 260
LETTER = 6.5  # pixels of one in a label


def paper_chart(
    table: pd.DataFrame, title: str, measure: str, share: bool, width: int | str = "container", legend: bool = True
) -> alt.LayerChart:
    """Draws a `papers.comparison` table: variants over the axis named `title`.

    measure: title of the vertical axis. share: from 0 to 100 %; else numbers of sequences, on a logarithmic axis. Values of
    the axis are drawn in their order, with equal distances, and the variants beside each other. legend: False where the page
    draws one. A click selects one of our values: the parameter is called "point", its fields "variant" and "place".
    """
    variants, places = list(dict.fromkeys(table.variant)), _ordered(table.x)
    data = table.assign(place=table.x.map(str), paper=_published(table, share))
    if share:
        y: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1], nice=False, padding=9)}
        axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=measure)
    else:
        tens = _powers(table)
        y = {"scale": alt.Scale(type="log", domain=[tens[0], tens[-1]], nice=False)}
        axis = alt.Axis(format="~s", values=tens, title=measure)
    colours = alt.Scale(domain=variants, range=[colour(i) for i in range(len(variants))])
    names = alt.Legend(title=None, orient="top", labelLimit=0) if legend else None
    base = alt.Chart(data).encode(
        alt.X(
            "place:N", sort=places, title=title, axis=alt.Axis(grid=True, **_turned(places)), scale=alt.Scale(paddingInner=0.2)
        ),
        alt.XOffset("variant:N", sort=variants, scale=alt.Scale(paddingOuter=1)),
        alt.Color("variant:N", sort=variants, scale=colours, legend=names),
        tooltip=[
            alt.Tooltip("variant:N"),
            alt.Tooltip("place:N", title=title),
            alt.Tooltip("text:N", title="ours"),
            alt.Tooltip("paper:N", title="published"),
        ],
    )
    ours, paper = base.transform_filter("isValid(datum.ours)"), base.transform_filter("isValid(datum.published)")
    picked = alt.selection_point(name="point", fields=["variant", "place"], on="click", empty=False)
    dots = ours.mark_point(filled=True, size=110, opacity=1, cursor="pointer")
    layers = (
        ours.mark_rule(strokeWidth=2.5, opacity=0.5).encode(alt.Y("low:Q", axis=axis, **y), alt.Y2("high:Q")),
        dots.encode(alt.Y("ours:Q", axis=axis, **y)).add_params(picked),
        paper.mark_point(shape="diamond", size=260, strokeWidth=2.5, filled=False, opacity=1).encode(
            alt.Y("published:Q", axis=axis, **y)
        ),
    )
    return with_fonts(alt.layer(*layers).properties(height=HEIGHT, width=width))


def colour(variant: int) -> str:
    """Returns the colour of the variant at this place."""
    return COLOURS[variant % len(COLOURS)]


def _powers(table: pd.DataFrame) -> list[float]:
    """Returns the powers of ten around all values, at least two."""
    values = pd.concat([table[name] for name in ("low", "high", "published")]).dropna().astype(float)
    low, high = (math.log10(of()) for of in (values.min, values.max)) if len(values) else (0.0, 0.0)
    return [10.0**power for power in range(math.floor(low), max(math.ceil(high), math.floor(low) + 1) + 1)]


def _turned(places: list[str]) -> dict[str, Any]:
    """Returns the options of labels that are turned where the longest has no room between two of them."""
    narrow = f"width / {len(places)} < {LETTER} * {max(map(len, places))}"
    turned = {"labelAngle": alt.ExprRef(f"{narrow} ? -35 : 0"), "labelAlign": alt.ExprRef(f"{narrow} ? 'right' : 'center'")}
    return {**turned, "labelLimit": 0, "labelOverlap": False}


def _ordered(values: pd.Series) -> list[str]:
    found = list(dict.fromkeys(values))
    return list(map(str, found if any(isinstance(value, str) for value in found) else sorted(found)))


def _published(table: pd.DataFrame, share: bool) -> list[str]:
    values = [f"{value:.0%}" if share else f"{value:,.0f} sequences" for value in table.published]
    return [value if known else "no number" for value, known in zip(values, table.published.notna(), strict=True)]
