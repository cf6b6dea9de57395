"""Activation regularization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import ActivationFix
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class AR(ActivationFix):
    """Activation regularization (Merity, McCann & Socher 2017, arXiv:1708.01009): adds alpha L2(m h_t) to the loss.

    With the N states h_t of a network's batch, of all steps and sequences that have begun, and their H units:
        P = alpha / (N H) sum_t,b,i h_tbi^2,   dP/dh_tbi = 2 alpha / (N H) h_tbi

    As in the authors' code, which differs from the paper: the mean of squares, where the paper writes L2 as the norm. The mask m
    is their dropout, which no network has here: m = 1. Of an LSTM it is h alone, not c. alpha = 2 is the
    default of their AWD-LSTM's code.
    """

    alpha: float = setting(FloatField, 2.0, low=0.0, high=1e4, above=True)
    name = "ar"
    title = "Activation regularization (AR)"
    about = "Adds this times the mean square of the states h to the loss."
    floats_per_unit = 2
    not_in_panels = "measured apart, in docs/decisions/tasks.md: with it fewer tanh networks learn agreement"

    def __call__(self, h: Tensor, begun: Tensor) -> Tensor:
        """2 alpha / (N H) h, (T, R, B, H)."""
        return h * (2 * self.alpha / h.shape[-1] * begun / begun.sum((0, 2), keepdim=True))

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        return f"penalty = penalty + {self.alpha!r} * h.square().mean()"
