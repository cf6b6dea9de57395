"""The share of the gradient that arrives, by gain of W_rec and length of the sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RegimeMap:
    """Of P parts of the state, n lengths found so far and G gains: medians of 8 untrained networks, in float64."""

    gains: np.ndarray  # (G,) factors on W_rec
    lengths: np.ndarray  # (n,) time steps T
    ratio: np.ndarray  # (P, n, G) ||dL/ds|| at the task's evidence_step over that at the last step
    units: int  # hidden units that the networks have: at most 64
    singular: float | None  # largest singular value of W_rec at gain 1; None for gated cells
    radius: float | None  # spectral radius of W_rec at gain 1; None for gated cells
