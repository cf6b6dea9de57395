"""The weights of one network of a run, as drawn or after some training steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.studies.networks import network


def study(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Progress | dict[str, np.ndarray]]:
    """Yields Progress, then the weights of network `replica` after `step` training steps: name -> array.

    Shapes are as in bptt.py without the axis R. Raises ValueError for a step or replica out of range.
    """
    p, _ = yield from network(e, step, replica)
    yield {name: W[0].float().numpy() for name, W in p.items()}
