"""rnnkit trains small recurrent networks and records the gradient of every time step while they learn.

    from rnnkit import Experiment, charts, run
    history = run(Experiment(length=50, cell="lstm", bias="chrono", lr=0.01, input_scale=0.1))
    charts.gradient_chart(history)

What `__all__` names is the public API (docs/api.md); everything else may move. Each name is imported when it is first asked for,
so that `import rnnkit` loads neither torch nor Altair, and a part of the package that needs little loads little.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnkit import charts
    from rnnkit.engine.backends import use_backend
    from rnnkit.engine.history import History
    from rnnkit.engine.record import Record, frame, gradient_frame, lag_frame
    from rnnkit.engine.trainer import run, train
    from rnnkit.experiment import Experiment, ExperimentError, diff
    from rnnkit.stories.presets import PRESETS
    from rnnkit.sweep.result import SweepResult
    from rnnkit.sweep.sweep import Sweep
    from rnnkit.watch import watch
    from rnnkit.watch.keras_layout import from_keras
    from rnnkit.watch.weights import LoadedWeights, load, state_dict

__all__ = [
    "PRESETS",
    "Experiment",
    "ExperimentError",
    "History",
    "LoadedWeights",
    "Record",
    "Sweep",
    "SweepResult",
    "charts",
    "diff",
    "frame",
    "from_keras",
    "gradient_frame",
    "lag_frame",
    "load",
    "run",
    "state_dict",
    "train",
    "use_backend",
    "watch",
]
_LATER = {
    "Experiment": "rnnkit.experiment",
    "ExperimentError": "rnnkit.experiment",
    "History": "rnnkit.engine.history",
    "PRESETS": "rnnkit.stories.presets",
    "Record": "rnnkit.engine.record",
    "Sweep": "rnnkit.sweep.sweep",
    "SweepResult": "rnnkit.sweep.result",
    "LoadedWeights": "rnnkit.watch.weights",
    "diff": "rnnkit.experiment",
    "frame": "rnnkit.engine.record",
    "from_keras": "rnnkit.watch.keras_layout",
    "gradient_frame": "rnnkit.engine.record",
    "lag_frame": "rnnkit.engine.record",
    "load": "rnnkit.watch.weights",
    "run": "rnnkit.engine.trainer",
    "state_dict": "rnnkit.watch.weights",
    "train": "rnnkit.engine.trainer",
    "use_backend": "rnnkit.engine.backends",
}


def __getattr__(name: str) -> Any:
    if name in ("charts", "watch"):  # packages; rnnkit.watch can be called
        return importlib.import_module(f"rnnkit.{name}")
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'rnnkit' has no attribute {name!r}")
