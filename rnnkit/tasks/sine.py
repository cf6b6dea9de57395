"""Sine: the next value of a sine wave.

sin(t / 20), the wave of PyTorch's example time_sequence_prediction. A linear recurrence of two values gives the next one exactly:
x_{t+1} = 2 cos(1/20) x_t - x_{t-1}.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnkit.tasks.forecast import Forecast, Rows

STEP = 1 / 20  # radians a time step
N_SINE = 40_000


class Sine(Forecast):
    """See the module. The values have the standard deviation 1."""

    title = "sine, one step ahead"
    about = (
        "The network reads a sine wave of 126 steps a period, and predicts its next value at every step. It is right within 0.05 "
        "standard deviations of the wave."
    )
    n_in = n_out = 1
    max_squared_error = 0.0025

    def rows(self) -> Rows:
        return sine_rows()


@lru_cache(maxsize=1)
def sine_rows() -> Rows:
    """Returns N_SINE values of sqrt(2) sin(t / 20), and the next of each."""
    values = np.sqrt(2) * np.sin(STEP * np.arange(N_SINE + 1))[:, None]
    return Rows(values[:-1], values[1:])
