"""The L2 penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import GradientFix, Grads, Params
from rnnkit.engine.fixes.torch_names import penalty
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class L2(GradientFix):
    """Adds alpha W to the gradients of W_in, W_rec and W_out: the penalty alpha/2 sum W^2."""

    alpha: float = setting(FloatField, 1e-3, low=0.0, high=10.0, above=True)
    name = "l2"
    title = "L2 penalty"
    about = "Pulls every weight towards zero in proportion to its size."
    moves_weights = True

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """dL/dW + alpha W; biases as they are."""
        return {k: g + self.alpha * params[k] if k.startswith("W") else g for k, g in grads.items()}

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        return penalty(cell, f"{self.alpha!r} * W", frozen)
