"""The split of dL/dW_rec by lag: how far back each part of the gradient of the recurrent weights looks.

W_rec acts at every time step, so its gradient is a sum, dW = sum_t dW_t with dW_t = h_{t-1}^T da_t. The term of step t has come
back over T - 1 - t steps from the last one, t = T - 1: that is its lag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.bptt import Tape

WITHIN = 0.99  # of the gradient, of which the largest lag is named


def lag_shares(tape: Tape, dW: Tensor | None = None) -> np.ndarray:
    """Returns <dW_t, dW> / ||dW||^2 (Frobenius) of every time step, (T, R), for the loss of the tape's last backward pass.

    The shares of a network sum to 1. One is negative where its term points against dW. NaN where dW is 0 or not finite.
    dW (R, H, G*H) is dL/dW_rec of that pass, or dL/dM where M is built from W_rec; without it, it is computed. If the last step
    alone has a loss, row t has the lag T - 1 - t.
    """
    dW = tape.matrix_gradient() if dW is None else dW
    scale = dW.abs().amax((1, 2), keepdim=True)  # squares of small numbers are 0 in float32
    direction = dW / scale
    shares = products(tape, direction) / (scale * direction.square().sum((1, 2), keepdim=True))[:, 0, 0]
    return shares.cpu().numpy()


def products(tape: Tape, direction: Tensor) -> Tensor:
    """Returns <h_{t-1}^T da_t, direction> of every time step, (T, R), for a direction (R, H, G*H).

    Where the tape does not hold h_{t-1}^T da_t, it takes a product for each step (Loops.inner).
    """
    if tape.terms is not None:
        of_networks = tape.terms.flatten(2).transpose(0, 1)  # (R, T, H G*H)
        return (of_networks @ direction.flatten(1).unsqueeze(2))[..., 0].T
    return tape.loops.inner(tape.forward_arrays.before[tape.cell.recurrent_part], tape.da, direction)


def lag_within(shares: np.ndarray, within: float = WITHIN) -> np.ndarray:
    """Returns the smallest lag k up to which at least this share of dL/dW_rec looks back, (..., R), from shares (..., T, R).

    From k on the sum of shares stays above `within` and below 2 - within, so what looks back further changes less than
    1 - within, also where shares are negative. NaN where a share is NaN.
    """
    beyond = 1 - np.cumsum(shares[..., ::-1, :].astype(np.float64), axis=-2)  # [k]: what looks back further than k
    T = shares.shape[-2]
    outside = np.abs(beyond) > 1 - within
    outside[..., -1, :] = False  # all of it: not 0 by rounding alone
    last = T - 1 - np.argmax(outside[..., ::-1, :], axis=-2)  # the last k at which too much is left
    lag = np.where(outside.any(-2), last + 1.0, 0.0)
    return np.where(np.isnan(shares).any(-2), np.nan, lag)
