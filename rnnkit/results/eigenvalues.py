"""The eigenvalues, singular values and powers of one network's recurrence while it trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Eigenvalues:
    """Of the matrix J (S, S) at n training steps, by which backpropagation multiplies dL/ds_t: dL/ds_{t-1} = dL/ds_t J.

    J is W_rec^T, which is ds_t / ds_{t-1} where every slope is 1. Of a gated cell it is the mean of ds_t / ds_{t-1} over time.
    """

    steps: np.ndarray  # (n,) training steps found so far
    real: np.ndarray  # (n, S) real parts of the eigenvalues, the largest modulus first ...
    imag: np.ndarray  # (n, S) ... and their imaginary parts
    singular: np.ndarray  # (n, S) singular values, largest first
    powers: np.ndarray  # (n, N, K + 1) log10 ||x J^k||, k = 0 ... K, of N random unit vectors x (1, S); -inf for a norm of 0
    matrix: str  # "W_rec", "M" where it is built from W_rec, or "mean Jacobian"
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
