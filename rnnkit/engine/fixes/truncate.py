"""Truncated backpropagation through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import SignalFix
from rnnkit.fields import IntField, setting

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class Truncate(SignalFix):
    """Truncated backpropagation: the T steps are cut, from the end, into pieces of k; no gradient crosses a cut.

    The same as detaching the state that enters each piece (Williams & Peng 1990). The loss of the last step then reaches
    the last k steps only: h_{T-k} ... h_{T-1}, counted from 0.
    """

    steps: int = setting(IntField, 25, low=0, high=100_000, above=True, step=5)
    name = "truncate"
    title = "Truncated backpropagation"
    about = "Lets the gradient flow back this many steps, no further."

    def __call__(self, ds: Tensor, t: int, T: int) -> Tensor:
        """0 at a cut, else ds; (R, B, H)."""
        return ds.new_zeros(ds.shape) if self.blocks(t, T) else ds

    def blocks(self, t: int, T: int) -> bool:
        """At t = T - k, T - 2 k, ..."""
        return (T - t) % self.steps == 0

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        cut = "\n".join(f"    {part} = {part}.detach()" for part in cell.parts)
        cut += "\n    earlier = [state.detach() for state in earlier]" if cell.lag > 1 else ""
        return f"if (len(x) - t) % {self.steps} == 0:  # {self.title.lower()}: no gradient crosses to the step before\n{cut}"
