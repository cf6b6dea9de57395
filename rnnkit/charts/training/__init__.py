"""The curves of a training, one file a curve. The lab, the handout, the files and their menus read CURVES.

`frame(train(...))` goes straight in: loss_chart(df), accuracy_chart(df, chance=0.5), norm_chart(df). Axes are fixed by the
Experiment, not by the data, so that nothing jumps and two runs can be compared; a loss or a norm past the axis stands at its
edge, marked. A second table, `pinned`, stands behind the first as a dashed line: another run's median.

A new curve is one more file and one more line in CURVES; base.py says what it declares.
"""

from rnnkit.charts.training.accuracy import ACCURACY, accuracy_chart
from rnnkit.charts.training.base import Curve
from rnnkit.charts.training.gradient_norm import GRADIENT_NORM, norm_chart
from rnnkit.charts.training.lags import LAGS, lags_chart
from rnnkit.charts.training.loss import LOSS, loss_chart
from rnnkit.experiment import Experiment

__all__ = ["CURVES", "Curve", "accuracy_chart", "curves", "lags_chart", "loss_chart", "norm_chart"]

CURVES: dict[str, Curve] = {  # by the names of their files
    "loss": LOSS,
    "accuracy": ACCURACY,
    "weights": GRADIENT_NORM,
    "lags": LAGS,
}


def curves(e: Experiment) -> dict[str, Curve]:
    """Returns those of CURVES that this Experiment has."""
    return {name: curve for name, curve in CURVES.items() if curve.applies(e)}
