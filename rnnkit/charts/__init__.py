"""DataFrame -> alt.Chart: one module a subject, and what all of them share in style.py."""

from rnnkit.charts.gradient import gradient_chart
from rnnkit.charts.style import GREY, HEIGHT, INK, MAX_ROWS, WARM
from rnnkit.charts.training import accuracy_chart, loss_chart, norm_chart

__all__ = ["GREY", "HEIGHT", "INK", "MAX_ROWS", "WARM", "accuracy_chart", "gradient_chart", "loss_chart", "norm_chart"]
