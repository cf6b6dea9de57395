"""Mackey-Glass: the next value of a chaotic series, the echo state network's benchmark (Jaeger & Haas 2004).

dx/dt = .2 x(t - tau) / (1 + x(t - tau)^10) - .1 x(t),  tau = 17   (Mackey & Glass 1977)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnkit.corpus.series import TRAINED_SHARE
from rnnkit.tasks.forecast import Forecast, Rows, standardized

TAU = 17
SUBSTEPS = 10  # of Euler's method in one time step, as in Jaeger & Haas 2004
INITIAL = 1.2  # x(t) at all times before 0
TRANSIENT = 1000  # time steps that are left out at the beginning
N_MACKEY_GLASS = 40_000


class MackeyGlass(Forecast):
    """See the module. The values are standardized by the training part: mean 0, standard deviation 1."""

    title = "Mackey-Glass, one step ahead"
    about = (
        "The network reads a chaotic series, and predicts its next value at every step: the benchmark of echo state networks, "
        "tau = 17 as in Jaeger & Haas 2004. It is right within 0.05 standard deviations of the series."
    )
    n_in = n_out = 1
    max_squared_error = 0.0025

    def rows(self) -> Rows:
        return mackey_glass_rows()


def mackey_glass(n: int) -> np.ndarray:
    """Returns x(t) at n successive time steps, (n,), after TRANSIENT steps from the constant INITIAL."""
    delay = TAU * SUBSTEPS
    x = [INITIAL] * (delay + 1)
    for k in range((TRANSIENT + n) * SUBSTEPS):
        past, now = x[k], x[-1]
        x.append(now + (0.2 * past / (1 + past**10) - 0.1 * now) / SUBSTEPS)
    return np.array(x[delay::SUBSTEPS][TRANSIENT:][:n])


@lru_cache(maxsize=1)
def mackey_glass_rows() -> Rows:
    """Returns N_MACKEY_GLASS values and the next of each."""
    values = standardized(mackey_glass(N_MACKEY_GLASS + 1), int(TRAINED_SHARE * N_MACKEY_GLASS))[:, None]
    return Rows(values[:-1], values[1:])
