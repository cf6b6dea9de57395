"""The split of dL/dW_rec by lag, of the last loss and of all losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LagSplit:
    """Of T time steps and K losses, in float64: shares of ||dL/dW_rec||^2 by lag, each summing to 1; NaN without a gradient."""

    last: np.ndarray  # (T,) share that looks back 0, 1, ... time steps, L the last step's loss
    # (T,) the same with L the mean of all K losses, each looking back from its own step; None where K is 1
    all: np.ndarray | None
    losses: int  # K; 0 where they are too many for `all`
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
