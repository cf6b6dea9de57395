"""Functions DataFrame -> alt.Chart, one file a subject; they draw the same charts as the dashboard.

style.py holds the colours, sizes and fonts that all of them share. Nothing here computes or trains.
"""

from rnnkit.charts.gradient import gradient_chart
from rnnkit.charts.style import GREY, HEIGHT, INK, MAX_ROWS, WARM
from rnnkit.charts.training import accuracy_chart, loss_chart, norm_chart

__all__ = ["GREY", "HEIGHT", "INK", "MAX_ROWS", "WARM", "accuracy_chart", "gradient_chart", "loss_chart", "norm_chart"]
