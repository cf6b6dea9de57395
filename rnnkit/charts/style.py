"""What all charts share: colours, sizes, fonts."""

from __future__ import annotations

from typing import Any

import altair as alt

INK, WARM = "#0b7a75", "#c2410c"  # legible on white and on near-black
GREY = "#8a949e"
HEIGHT = 250
MAX_ROWS = 5000  # of Altair


def sized(*layers: Any, height: int = HEIGHT) -> alt.LayerChart:
    """The layers as one chart as wide as its place, with text that can be read from the last row."""
    return with_fonts(alt.layer(*layers).properties(height=height, width="container"))


def with_fonts(chart: Any) -> Any:
    chart = chart.configure_axis(labelFontSize=14, titleFontSize=14, titleFontWeight="normal")
    return chart.configure_legend(labelFontSize=14)
