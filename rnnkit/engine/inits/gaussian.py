"""Gaussian weights."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init


def gaussian(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """N(0, gain^2 / (3 fan_in)): at gain 1 the variance of torch.nn's default, U(+-1/sqrt(H)). Spectral radius about 0.58."""
    return rng.standard_normal((fan_in, fan_out)) * gain / np.sqrt(3 * fan_in)


GAUSSIAN = Init("Gaussian", gaussian)
