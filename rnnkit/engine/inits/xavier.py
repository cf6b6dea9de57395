"""Weights after Glorot & Bengio."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init


def xavier(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """U(+-gain sqrt(6 / (fan_in + fan_out))): unit gain forward and backward (Glorot & Bengio 2010, eq. 16)."""
    bound = gain * np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out))


XAVIER = Init(
    "Xavier / Glorot",
    xavier,
    not_in_panels="uniform weights with spectral radius about 1: see the row with spectral radius 1",
)
