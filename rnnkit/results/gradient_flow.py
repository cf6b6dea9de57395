"""The gradient through time of one network on one sentence, beside what theory predicts for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GradientFlow:
    """Of P parts of the state, T steps and H units, all in float64; L is the loss of the last step alone, truncation left out.

    None stands for what is not defined for the cell, or, of the Jacobians' four, for what is too large to multiply out.
    """

    norm: np.ndarray  # (P, T) ||dL/ds_t||, measured by BPTT
    gradient: np.ndarray  # (P, T, H) dL/ds_t itself, signed
    states: np.ndarray  # (P, T, H) s_t
    diverged: int  # training step at which the network became NaN (its last sound weights are used), or -1
    product: np.ndarray | None  # (P, T) ||dL/ds_t|| by the explicit product of all Jacobians ...
    off: float | None  # ... and the largest relative difference of the two vectors dL/ds_t
    spectrum_t: np.ndarray | None  # (T',) steps t at which singular values are taken
    spectrum: np.ndarray | None  # (P, T', H) singular values of dh_T-1/ds_t, largest first; NaN where rounding hides them
    slope: np.ndarray | None  # (5, T) minimum, quartiles and maximum of the units' phi'(a_t); of gated cells of the forget gate
    slope_mean: np.ndarray | None  # (T,)
    singular: float | None  # largest singular value of W_rec
    radius: float | None  # spectral radius of W_rec
    rate_bound: float | None  # factor per step that no gradient can exceed (Pascanu, Mikolov & Bengio 2013)
    bound: np.ndarray | None  # (T,) ||dL/dh_T-1|| rate_bound^(T - 1 - t)
    rate_typical: float | None  # factor per step by the rule of thumb: mean slope times spectral radius
    typical: np.ndarray | None  # (T,) ||dL/dh_T-1|| rate_typical^(T - 1 - t)
    straight: np.ndarray | None  # (T,) norm of the last part's gradient through the forget gates alone, of gated cells
