"""rnnkit trains small recurrent networks and records the gradient of every time step while they learn.

    from rnnkit import Experiment, charts, run
    history = run(Experiment(length=50, cell="lstm", bias="chrono", lr=0.01, input_scale=0.1))
    charts.gradient_chart(history)

What `__all__` names is the public API (docs/api.md); everything else may move. `train`, `run`, `charts` and `PRESETS` are
imported when they are first asked for, so that `import rnnkit` loads neither torch nor Altair.
"""

import importlib
from typing import TYPE_CHECKING, Any

from rnnkit.engine.history import History
from rnnkit.engine.record import Record, frame, gradient_frame
from rnnkit.experiment import Experiment, ExperimentError, diff

if TYPE_CHECKING:
    from rnnkit import charts
    from rnnkit.engine.trainer import run, train
    from rnnkit.stories.presets import PRESETS

__all__ = [
    "PRESETS",
    "Experiment",
    "ExperimentError",
    "History",
    "Record",
    "charts",
    "diff",
    "frame",
    "gradient_frame",
    "run",
    "train",
]
_LATER = {"PRESETS": "rnnkit.stories.presets", "run": "rnnkit.engine.trainer", "train": "rnnkit.engine.trainer"}


def __getattr__(name: str) -> Any:
    if name == "charts":
        return importlib.import_module("rnnkit.charts")
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'rnnkit' has no attribute {name!r}")
