"""Temporal activation regularization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import ActivationFix
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class TAR(ActivationFix):
    """Temporal activation regularization (Merity, McCann & Socher 2017, arXiv:1708.01009): adds beta L2(h_t - h_{t+1}).

    With d_t = h_{t+1} - h_t, of the N pairs of neighbouring states of a network's batch, where the sequence has begun at step t,
    and their H units:
        P = beta / (N H) sum_t,b,i d_tbi^2,   dP/dh_tbi = 2 beta / (N H) (d_{t-1,bi} - d_tbi)

    As in the authors' code, which differs from the paper: the mean of squares, where the paper writes L2 as the norm. The first
    state and the one before it, be it 0 or the last of the window before, are no pair. Of an LSTM it is h alone, not c. beta = 1
    is the default of their AWD-LSTM's code.
    """

    beta: float = setting(FloatField, 1.0, low=0.0, high=1e4, above=True)
    name = "tar"
    title = "Temporal activation regularization (TAR)"
    about = "Adds this times the mean square of the change of h from each time step to the next to the loss."
    floats_per_unit = 3
    not_in_panels = "measured apart, in docs/decisions/tasks.md: with it fewer tanh networks learn agreement, and more GRUs"

    def __call__(self, h: Tensor, begun: Tensor) -> Tensor:
        """2 beta / (N H) (d_{t-1} - d_t), (T, R, B, H)."""
        pairs = begun[:-1]
        d = h.diff(dim=0) * (2 * self.beta / h.shape[-1] * pairs / pairs.sum((0, 2), keepdim=True).clamp(min=1))
        none = h.new_zeros(1, *h.shape[1:])
        return d.diff(dim=0, prepend=none, append=none).neg_()

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        return f"penalty = penalty + {self.beta!r} * h.diff(dim=0).square().mean()"
