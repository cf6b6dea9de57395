"""Orthogonal weights."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.inits.base import Init


def orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain Q with orthonormal rows or columns, uniform over the group: every singular value is gain (Saxe et al. 2014)."""
    q, r = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out))))
    q *= np.sign(np.diag(r))  # without it the distribution is not uniform
    return gain * (q if fan_in >= fan_out else q.T)


ORTHOGONAL = Init("Orthogonal", orthogonal)
