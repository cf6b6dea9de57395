"""The eigenvalues and singular values of one network's recurrence while it trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Eigenvalues:
    """Of the S x S matrix M at n training steps: W_rec, or of a gated cell the mean over time of the Jacobian ds_t / ds_{t-1}."""

    steps: np.ndarray  # (n,) training steps found so far
    real: np.ndarray  # (n, S) real parts of the eigenvalues, the largest modulus first ...
    imag: np.ndarray  # (n, S) ... and their imaginary parts
    singular: np.ndarray  # (n, S) singular values, largest first
    matrix: str  # "W_rec" or "mean Jacobian"
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
