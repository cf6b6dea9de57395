"""How far back the gradient of W_rec looks, in words: of one network of a run, or of the median one."""

from __future__ import annotations

import numpy as np

from rnnkit.engine.history import History, median
from rnnkit.engine.lags import WITHIN
from rnnkit.rounding import amount, percent


def lag_profile(h: History, row: int, network: int | None = None) -> np.ndarray:
    """Returns the share of dL/dW_rec by time step at a row of the History, (T,): of one network, or the median of each share.

    NaN where most networks have none. Medians of several networks need not sum to 1.
    """
    shares = h.lag_shares[row]
    return shares[:, network] if network is not None else median(shares, 0.0)


def lag_words(h: History, row: int, network: int | None = None) -> str:
    """Returns `99 % of dL/dW_rec looks back 5 time steps or less; from the subject comes 3e-9`; "" without a gradient."""
    within = h.lag_within[row]
    steps = float(within[network]) if network is not None else float(median(within[None])[0])
    if not np.isfinite(steps):
        return ""
    e = h.e
    source = e.bound_task.evidence_step(e.length)
    steps = float(np.ceil(steps))  # between two networks
    distance, share = e.length - 1 - source, float(lag_profile(h, row, network)[source])
    least = f"{steps:g} time step{'s' * (steps != 1)} or less" if steps else "no time step: it is the last one's"
    text = f"{percent(WITHIN)} of dL/dW_rec looks back {least}"
    if distance <= steps or not np.isfinite(share):
        return text
    left = f"{'−' if share < 0 else ''}{amount(abs(share), 'nothing')}"
    return f"{text}; from the {e.bound_task.evidence_name} comes {left}"


def lags(h: History, row: int, network: int | None = None) -> tuple[np.ndarray, str]:
    """Returns lag_profile and lag_words, what is drawn below a heatmap."""
    return lag_profile(h, row, network), lag_words(h, row, network)
