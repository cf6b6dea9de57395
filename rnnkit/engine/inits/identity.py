"""The identity."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init


def identity(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain I: with ReLU the IRNN, whose state is copied until something is written (Le, Jaitly & Hinton 2015)."""
    return gain * np.eye(fan_in, fan_out)


IDENTITY = Init("Identity (IRNN)", identity)
