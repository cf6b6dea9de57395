"""What all charts share: colours, sizes, fonts."""

from __future__ import annotations

from typing import Any

import altair as alt

INK, WARM = "#0b7a75", "#c2410c"  # legible on white and on near-black
VIOLET = "#8b5cf6"  # for a third series
GREY = "#8a949e"
BLUE, ORANGE = "#2166ac", "#b35806"  # activations below and above 0
LOW, HIGH = 1e-12, 1e4  # the domain of gradient norms, the same on every page
HEIGHT = 250
MAX_ROWS = 5000  # of Altair


def sized(*layers: Any, height: int = HEIGHT) -> alt.LayerChart:
    """The layers as one chart as wide as its place, with text that can be read from the last row."""
    return with_fonts(alt.layer(*layers).properties(height=height, width="container"))


def with_fonts(chart: Any) -> Any:
    chart = chart.configure_axis(labelFontSize=14, titleFontSize=14, titleFontWeight="normal")
    return chart.configure_legend(labelFontSize=14)
