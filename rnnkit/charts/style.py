"""Colours, sizes and fonts of all charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from rnnkit.later import alt, pd


def named_rows(data: pd.DataFrame | None) -> Any:
    """Returns the data of a chart: this table, or for None the name under which the page sends the rows."""
    return alt.NamedData("rows") if data is None else data


def legible(light: str, dark: str) -> dict[str, str]:
    """Returns a colour for text by the background: no single one has a contrast of 4.5 with both white and near-black.

    It is what alt.expr would give, written out: this module is imported before Altair.
    """
    return {"expr": f"isString(background) && luminance(background) < 0.3 ? '{dark}' : '{light}'"}


INK, WARM = "#0b7a75", "#c2410c"  # of lines and areas: a contrast of 3 with white and with near-black, as all of these
VIOLET = "#8b5cf6"  # for a third series
GREY = "#8a949e"
CRIMSON = "#dc143c"  # NaN, as in the heatmap
INK_TEXT = legible(INK, "#35c0b2")  # the same colours, for words
AXIS_TEXT = legible("#3d4852", "#c3cbd3")  # numbers and titles of axes and legends: Streamlit's own grey has a contrast of 3.7
GREY_TEXT = legible("#5f6a74", "#9aa5b0")
CRIMSON_TEXT = legible(CRIMSON, "#ff6b81")
BLUE, ORANGE = "#2166ac", "#b35806"  # activations below and above 0
LOW, HIGH = 1e-12, 1e4  # the domain of gradient norms, the same on every page
POWER = "datum.value == 1 ? '1' : replace(format(datum.value, '.0e'), '+', '')"  # a label of its axis: 1, 1e-4
HEIGHT = 250
MAX_ROWS = 5000  # of Altair
Levels: TypeAlias = Sequence[tuple[str, float]]  # name and height of rules across a chart


def sized(*layers: Any, height: int = HEIGHT) -> alt.LayerChart:
    """Returns the layers as one chart of its container's width, with text legible from the last row."""
    return with_fonts(alt.layer(*layers).properties(height=height, width="container"))


def with_fonts(chart: Any) -> Any:
    ink = {"labelColor": AXIS_TEXT, "titleColor": AXIS_TEXT}
    chart = chart.configure_axis(labelFontSize=14, titleFontSize=14, titleFontWeight="normal", **ink)
    chart = chart.configure_legend(labelFontSize=14, **ink)
    chart.config.aria = False  # a chart is one picture with one description, not thousands of symbols without a name
    chart.config.mark = alt.MarkConfig(aria=False)
    return chart
