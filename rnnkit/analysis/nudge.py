"""A derivative confirmed by two losses: one weight of a ledger is changed by epsilon, up and down. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnkit.analysis.ledger import Ledger, Weights


@dataclass(frozen=True)
class Nudge:
    """One weight w, changed by epsilon, and what the loss of the ledger's sentence does."""

    weight: float  # w
    epsilon: float
    loss: float  # L(w)
    up: float  # L(w + epsilon)
    down: float  # L(w - epsilon)
    derivative: float  # dL/dw, by the ledger

    @property
    def quotient(self) -> float:
        """Returns (L(w + epsilon) - L(w - epsilon)) / (2 epsilon), which is dL/dw up to about epsilon^2."""
        return (self.up - self.down) / (2 * self.epsilon)

    @property
    def digits(self) -> int:
        """Returns to how many significant digits quotient and derivative agree, 0 to 15."""
        largest = max(abs(self.quotient), abs(self.derivative))
        off = abs(self.quotient - self.derivative)
        if off == 0 or not np.isfinite(largest):
            return 15 if off == 0 else 0
        return int(np.clip(np.floor(-np.log10(off / largest)), 0, 15))


def nudge(
    cell: str, weights: Weights, x: np.ndarray, y: int, loss: str, name: str, at: tuple[int, int], epsilon: float, cut: int = 0
) -> Nudge:
    """Changes weights[name][at] by epsilon up and down; the other arguments are those of Ledger.

    Under truncation (cut) the ledger's derivative leaves out what goes back further, and the quotient does not. Raises ValueError
    for epsilon <= 0.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon must be above 0, got {epsilon!r}")

    def loss_at(change: float) -> float:
        changed = {k: np.array(W, np.float64) for k, W in weights.items()}
        changed[name][at] += change
        return float(Ledger(cell, changed, x, y, loss).outcome["loss"][0])

    book = Ledger(cell, weights, x, y, loss, cut)
    losses = (loss_at(0.0), loss_at(epsilon), loss_at(-epsilon))
    return Nudge(float(book.p[name][at]), epsilon, *losses, float(book.gradients[name][at]))
