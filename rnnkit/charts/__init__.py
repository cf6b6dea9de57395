"""Functions DataFrame -> alt.Chart, one file a subject; they draw the same charts as the dashboard.

style.py holds the colours, sizes and fonts that all of them share. Nothing here computes or trains. A new subject is one more
file and one more line in SUBJECTS. A new curve of a training is one more file in training/ and one more line in its CURVES.
Where a chart has several series, its file has SERIES: name -> colour, dash, and what else it needs. The tests of colours read
all of them.
"""

from types import ModuleType

from rnnkit.charts import (
    agreement,
    corpora,
    dynamics,
    exploding,
    gradient,
    lag_split,
    language,
    regimes,
    run_list,
    sweep,
    training,
    units,
    vanishing,
)
from rnnkit.charts.gradient import gradient_chart
from rnnkit.charts.style import GREY, HEIGHT, INK, MAX_ROWS, WARM
from rnnkit.charts.training import CURVES, accuracy_chart, lags_chart, loss_chart, norm_chart

__all__ = [
    "CURVES",
    "GREY",
    "HEIGHT",
    "INK",
    "MAX_ROWS",
    "SUBJECTS",
    "WARM",
    "accuracy_chart",
    "gradient_chart",
    "lags_chart",
    "loss_chart",
    "norm_chart",
]

SUBJECTS: dict[str, ModuleType] = {
    "training": training,
    "gradient": gradient,
    "vanishing": vanishing,
    "dynamics": dynamics,
    "units": units,
    "lag_split": lag_split,
    "exploding": exploding,
    "regimes": regimes,
    "agreement": agreement,
    "corpora": corpora,
    "language": language,
    "run_list": run_list,
    "sweep": sweep,
}
