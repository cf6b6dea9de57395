"""Pascanu's bound and related theory of the gradient through time, from W_rec and the units' slopes. numpy, no torch.

Pascanu, Mikolov & Bengio 2013, section 2.2, for cells with h_t = phi(a_t), a_t = x_t W_in + h_{t-1} W_rec + b. One step back is
dL/dh_{t-1} = dL/dh_t J_t with J_t = diag(phi'(a_t)) W_rec^T, and |phi'| <= gamma everywhere, so ||J_t|| <= gamma lambda_1,
where lambda_1 is the largest singular value of W_rec. gamma lambda_1 < 1 is sufficient for vanishing; gamma lambda_1 > 1 is
necessary for growing, and does not cause it; at gamma lambda_1 = 1 no step lengthens a gradient, and none has to shorten it.
A leaky unit, h_t = (1 - leak) h_{t-1} + leak phi(a_t), has J_t = (1 - leak) 1 + leak diag(phi'(a_t)) W_rec^T, and the same
condition.
"""

from __future__ import annotations

import numpy as np

from rnnkit.engine.cells import CELLS

# cell -> gamma; the theorem does not cover other cells
GAMMA = {name: cell.max_slope for name, cell in CELLS.items() if cell.max_slope is not None}

GAINS = (0.25, 0.32, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0)  # of the regime map
LENGTHS = (10, 15, 20, 30, 50, 70, 100, 150, 200)  # of the regime map

ROUNDING = 1e-6  # tolerance, so that an orthogonal W_rec counts as lambda_1 = 1
MUST_VANISH, NEITHER, MAY_GROW = "must vanish with distance", "can neither grow nor must vanish", "may grow, but need not"
UNDECIDED = "undecided"


def step_bound(singular: float, gamma: float, leak: float = 1.0) -> float:
    """Returns 1 - leak + leak gamma lambda_1, the largest factor by which one step can lengthen a gradient."""
    return 1 - leak + leak * gamma * singular


def typical_rate(W_rec: np.ndarray, slope: float, leak: float = 1.0) -> float:
    """Returns max_i |1 - leak + leak slope lambda_i|, lambda_i the eigenvalues of W_rec (H, H).

    It estimates the mean factor per time step by a step whose units all have the same slope. It is no bound, and fails where
    slopes differ much, as at large gains: a product of different matrices can grow although each has a spectral radius below 1.
    """
    return float(np.abs(1 - leak + leak * slope * np.linalg.eigvals(W_rec)).max())


def decay(norm: float, rate: float, steps: int) -> np.ndarray:
    """Returns (steps + 1,): norm rate^k for k = steps ... 0, in the order of the time axis."""
    with np.errstate(over="ignore", under="ignore"):
        return norm * np.power(float(rate), np.arange(steps, -1, -1))


def condition(cell: str, singular: float, leak: float = 1.0) -> str:
    """Returns Pascanu's condition for a cell of this name and this lambda_1, the largest singular value of W_rec.

    MUST_VANISH where gamma lambda_1 < 1, NEITHER where it is 1 up to ROUNDING, MAY_GROW above 1. UNDECIDED where the theorem
    does not cover the cell, or lambda_1 is not finite. The condition is about the limit of many steps; over k steps at most
    step_bound(...) ** k of the gradient is left.
    """
    if cell not in GAMMA or not np.isfinite(singular):
        return UNDECIDED
    excess = step_bound(singular, GAMMA[cell], leak) - 1
    return MUST_VANISH if excess < -leak * ROUNDING else MAY_GROW if excess > leak * ROUNDING else NEITHER
