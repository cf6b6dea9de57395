"""Gates for memories of all lengths."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import GateBias


def chrono(rng: np.random.Generator, units: int, length: int) -> np.ndarray:
    """log U(1, T - 1): memories that last between 1 and T steps (Tallec & Ollivier 2018, section 3)."""
    return np.log(rng.uniform(1, max(length - 1, 1), units))


CHRONO = GateBias("Chrono(T)", chrono, mirrored=True)
