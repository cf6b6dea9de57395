"""rnnkit: small recurrent networks, trained live, with the gradient through time in full view.

    from rnnkit import Experiment, train, frame
    df = frame(train(Experiment(length=50, cell="lstm", bias="chrono", lr=0.01, input_scale=0.1)))

`train` needs torch and is only imported when asked for, so that a server can plan and draw runs without it.
"""

from typing import TYPE_CHECKING, Any

from rnnkit.engine.record import Record, frame, gradient_frame
from rnnkit.experiment import Experiment, ExperimentError, diff

if TYPE_CHECKING:
    from rnnkit.engine.trainer import train

__all__ = ["Experiment", "ExperimentError", "Record", "diff", "frame", "gradient_frame", "train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from rnnkit.engine.trainer import train

        return train
    raise AttributeError(f"module 'rnnkit' has no attribute {name!r}")
