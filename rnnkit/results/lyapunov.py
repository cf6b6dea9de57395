"""The Lyapunov exponents of one network along its task's sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lyapunov:
    """Of a state of S numbers and N measured time steps; natural logarithms per time step.

    The largest exponent is the mean growth of a small difference between two states, e^exponent a step. Below 0 states converge,
    above 0 they diverge: the sign is the edge of chaos. The gradient, far back, grows or shrinks by the same factor a step.
    """

    exponents: np.ndarray  # (k,) the k = min(S, 64) largest, largest first; -inf for a direction that is erased; empty: too large
    t: np.ndarray  # (n,) time steps after which the estimate of the largest is taken, evenly from 1 to N ...
    running: np.ndarray  # (n,) ... and that estimate
    steps: int  # N, up to 1000; fewer of a large network, or where the states became infinite
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
