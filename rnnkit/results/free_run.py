"""Free running: predictions from a network's own predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FreeRun:
    """Of one network, in standard deviations of the training part. n free runs of H steps, each after T true steps.

    An error is the root of the mean over the runs, or the held-out predictions, and over the O numbers predicted at once (NRMSE).
    """

    one_step: float  # error of the held-out predictions from true numbers
    same_one_step: float  # that of the rule "same as now"; NaN where the present values are not all read
    mean_one_step: float  # that of the mean of the training part: above 1 where the series has a trend
    error: np.ndarray  # (H,) after 1, 2, ... steps; empty, as the next four, where outputs cannot be fed back
    same: np.ndarray  # (H,) that of the rule that repeats the last true numbers
    mean: np.ndarray  # (H,) that of the mean of the training part
    true: np.ndarray  # (T + H, O) targets of the first run: of its T true steps, but the last, and of the H free ones
    free: np.ndarray  # (H, O) predictions of the first run
    n: int  # runs
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
