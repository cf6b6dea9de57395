"""What weights with a given spectral radius are made of."""

from __future__ import annotations

import numpy as np


def thinned(rng: np.random.Generator, fan_in: int, fan_out: int, inputs: int) -> np.ndarray:
    """Gaussian weights (fan_in, fan_out) with so many `inputs` a unit that are not 0."""
    keep = np.argsort(rng.random((fan_in, fan_out)), axis=0) < inputs
    return np.where(keep, rng.standard_normal((fan_in, fan_out)), 0.0)


def with_spectral_radius(W: np.ndarray, radius: float) -> np.ndarray:
    """W (H, H) times the factor that makes the largest |eigenvalue| this `radius`."""
    largest = np.abs(np.linalg.eigvals(W)).max()
    if largest < 1e-9:  # a nilpotent draw (a few units, very sparse) cannot be scaled to any radius
        return radius * np.eye(len(W))
    return W * (radius / largest)
