"""The recurrent weights of an echo state network, which are no choice but set by its density and spectral radius."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.spectral_radius import thinned, with_spectral_radius


def reservoir(rng: np.random.Generator, units: int, radius: float, density: float) -> np.ndarray:
    """An echo state network's W_rec: a share `density` of non-zero inputs a unit, rescaled to spectral radius `radius`."""
    return with_spectral_radius(thinned(rng, units, units, max(1, round(density * units))), radius)
