"""Weights that are not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import GradientFix, Grads, Params
from rnnkit.engine.fixes.torch_names import NOTHING, WEIGHTS, absent, named, torch_weights
from rnnkit.fields import SubsetField, setting

if TYPE_CHECKING:
    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class Freeze(GradientFix):
    """The named weights, e.g. W_rec or W_in+W_rec, keep the values that they have when it begins; b stands for b_rec too.

    Their gradient is 0 from here on: later fixes, such as clipping by norm, do not count them. Nor does the optimizer's memory
    of earlier gradients move them.
    """

    names: str = setting(SubsetField, "W_rec", choices=WEIGHTS, noun="weights")
    name = "freeze"
    title = "Frozen weights"
    about = "Keeps these weights as they are."
    not_in_panels = "a means for studying what is learnt, not a remedy"

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """0 for the frozen weights; all others as they are."""
        return {k: g.new_zeros(g.shape) if self.holds(k) else g for k, g in grads.items()}

    def holds(self, weight: str) -> bool:
        return named(weight, self.names)

    def without_effect(self, cell: Cell, steps: int) -> str:
        return absent(self.names, cell) or super().without_effect(cell, steps)

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        held = torch_weights(self.names, cell)
        if not held:
            return NOTHING
        weights = " = ".join(f"{weight}.grad" for weight in held)
        return f"{weights} = None  # the optimizer leaves alone what has no gradient"
