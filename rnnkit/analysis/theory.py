"""What theory says about a gradient on its way back, from W_rec and the slopes of the units alone. numpy, no torch.

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

GAMMA = {
    name: cell.max_slope for name, cell in CELLS.items() if cell.max_slope is not None
}  # of others the theorem does not speak

GAINS = (0.25, 0.32, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0)  # of the regime map
LENGTHS = (10, 15, 20, 30, 50, 70, 100, 150, 200)

ROUNDING = 1e-6  # an orthogonal W_rec has lambda_1 = 1 and no less
MUST_VANISH, NEITHER, MAY_GROW = "must vanish with distance", "can neither grow nor must vanish", "may grow, but need not"
UNDECIDED = "undecided"


def step_bound(singular: float, gamma: float, leak: float = 1.0) -> float:
    """No step makes a gradient longer than this factor: 1 - leak + leak gamma lambda_1."""
    return 1 - leak + leak * gamma * singular


def typical_rate(W_rec: np.ndarray, slope: float, leak: float = 1.0) -> float:
    """A rule of thumb for the mean factor a step: the spectral radius of a step whose units all have the mean slope.

    It is no bound. It fails where the slopes of the units differ much, as they do at large gains: a product of different
    matrices can grow although every one of them has a spectral radius below 1.

    max_i |1 - leak + leak slope lambda_i| over the eigenvalues of W_rec (H, H); without leak slope times the spectral radius.
    """
    return float(np.abs(1 - leak + leak * slope * np.linalg.eigvals(W_rec)).max())


def decay(norm: float, rate: float, steps: int) -> np.ndarray:
    """(steps + 1,): norm rate^k with k = steps ... 0, earliest first, as it stands over the time axis."""
    with np.errstate(over="ignore", under="ignore"):
        return norm * np.power(float(rate), np.arange(steps, -1, -1))


def condition(cell: str, singular: float, leak: float = 1.0) -> str:
    """Pascanu's condition for a cell of this name with this largest singular value of W_rec.

    MUST_VANISH where gamma lambda_1 < 1, NEITHER where it is 1 up to ROUNDING, MAY_GROW above; UNDECIDED where the theorem
    does not speak of the cell, or lambda_1 is not finite. It is about the limit of many steps: over a given distance k,
    step_bound(...) ** k says how much can be left.
    """
    if cell not in GAMMA or not np.isfinite(singular):
        return UNDECIDED
    excess = step_bound(singular, GAMMA[cell], leak) - 1
    return MUST_VANISH if excess < -leak * ROUNDING else MAY_GROW if excess > leak * ROUNDING else NEITHER
