"""Gates that start open."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import GateBias


def forget_1(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """1: the keeping gate starts at sigma(1) = 0.73 (Gers et al. 2000; Jozefowicz et al. 2015)."""
    return np.ones(units)


FORGET_1 = GateBias("Forget 1", forget_1)
