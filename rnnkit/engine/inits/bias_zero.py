"""Gates that start half open."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import GateBias


def zero(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """0: every gate starts half open, and half of the memory is lost at each step."""
    return np.zeros(units)


ZERO = GateBias("0", zero)
