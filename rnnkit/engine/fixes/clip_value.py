"""Clipping by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import GradientFix, Grads, Params
from rnnkit.engine.params import ParamStack
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class ClipValue(GradientFix):
    """Clipping by value: every component into [-threshold, threshold] (Mikolov 2012). Changes the direction."""

    threshold: float = setting(FloatField, 0.1, low=0.0, high=1e6, above=True)
    name = "clip-value"
    title = "Clipping by value"
    about = "Limits every single component of the gradient to this size."

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """min(max(g, -threshold), threshold) of every number."""
        grads = ParamStack.of(grads)
        return grads.like(grads.flat.clamp(-self.threshold, self.threshold))

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        if frozen:  # torch's function fails where no weight has a gradient
            there = "p.grad for p in network.parameters() if p.grad is not None"
            return f"for g in [{there}]:\n    g.clamp_(-{self.threshold!r}, {self.threshold!r})"
        return f"nn.utils.clip_grad_value_(network.parameters(), {self.threshold!r})"
