"""Gaussian weights with a given spectral radius."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init
from rnnkit.engine.inits.spectral_radius import with_spectral_radius


def spectral(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """Gaussian, rescaled so that the largest |eigenvalue| is gain (square matrices only)."""
    return with_spectral_radius(rng.standard_normal((fan_in, fan_out)), gain)


SPECTRAL = Init("Spectral radius", spectral)
