"""Sparse weights with a given spectral radius."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init
from rnnkit.engine.inits.spectral_radius import thinned, with_spectral_radius


def sparse(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """15 non-zero inputs a unit, rescaled to spectral radius gain: "smart tanh" of Pascanu et al. 2013, who take 0.95."""
    return with_spectral_radius(thinned(rng, fan_in, fan_out, min(15, fan_in)), gain)


SPARSE = Init(
    "Sparse, 15 inputs a unit",
    sparse,
    not_in_panels="spectral radius set as in the row with spectral radius 1, with fewer connections",
)
