"""Decoupled weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

from rnnkit.engine.fixes.base import Grads, Params, UpdateFix
from rnnkit.engine.fixes.torch_names import ALL, NOTHING, WEIGHTS, absent, named, torch_weights, unless_frozen
from rnnkit.fields import FloatField, SubsetField, setting

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells.base import Cell


@dataclass(frozen=True)
class WeightDecay(UpdateFix):
    """theta <- theta - lr rate theta - step, for the named weights; b stands for b_rec too (Loshchilov & Hutter 2019).

    With Adam and all weights it is torch.optim.AdamW, which decays the biases too. lr is the learning rate of the update, under
    a schedule the scheduled one. A frozen weight does not decay.
    """

    rate: float = setting(
        FloatField, 0.01, "Rate", "Times the learning rate: the share of a weight that goes.", low=0.0, high=100.0, above=True
    )
    names: str = setting(SubsetField, ALL, "Weights", "The weights that decay.", choices=WEIGHTS, noun="weights", whole=ALL)
    name = "weight-decay"
    title = "Weight decay"
    about = "Shrinks these weights at every update by the learning rate times this rate; with Adam it is AdamW."
    moves_weights = True
    not_in_panels = "measured apart, in docs/decisions/engine.md: in neither panel a network learns with it"

    def strength(self) -> str:
        return f"{self.rate:g}" if self.names == ALL else f"{self.rate:g} of {self.names}"

    def __call__(self, step: Grads, params: Params, lr: float | Tensor) -> Grads:
        """step + lr rate theta for the named weights; that of the others as it is."""
        return {k: s + lr * self.rate * params[k] if named(k, self.names) else s for k, s in step.items()}

    def without_effect(self, cell: Cell, steps: int) -> str:
        return absent(self.names, cell) or super().without_effect(cell, steps)

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        shrink = f'mul_(1 - {self.rate!r} * optimizer.param_groups[0]["lr"])'
        if self.names == ALL:
            return "for W in network.parameters():\n" + indent(unless_frozen("W", f"W.{shrink}", frozen), "    ")
        return "\n".join(unless_frozen(W, f"{W}.{shrink}", frozen) for W in torch_weights(self.names, cell)) or NOTHING
