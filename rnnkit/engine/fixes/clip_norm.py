"""Clipping by norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rnnkit.engine.fixes.base import GradientFix, Grads, Params
from rnnkit.engine.params import ParamStack
from rnnkit.fields import FloatField, setting

if TYPE_CHECKING:
    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell

FUNCTION = '''\
def clip_norm(network, threshold):
    """Clipping by norm as in torch.nn.utils.clip_grad_norm_, where the norm may be larger than a float32 can hold."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    factor = threshold / max(threshold, norm(gradients))
    for g in gradients:
        g.copy_(g.double() * factor)


'''


@dataclass(frozen=True)
class ClipNorm(GradientFix):
    """Clipping by norm: g <- g threshold / ||g|| where ||g|| > threshold, with ||g|| over all weights of one network.

    Pascanu, Mikolov & Bengio 2013, algorithm 1. A gradient that is NaN or infinite stays so.
    """

    threshold: float = setting(FloatField, 1.0, low=0.0, high=1e6, above=True)
    name = "clip-norm"
    title = "Clipping by norm"
    about = "Shortens a gradient longer than this to exactly this length."
    MIN_SCALE: ClassVar[float] = 1e-30

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """Every gradient times min(1, threshold / ||g||), a factor for each network."""
        grads = ParamStack.of(grads)
        scale = (self.threshold / grads.norm.clamp(min=self.threshold)).unsqueeze(1)
        most = scale.clamp(min=self.MIN_SCALE)  # float32 has no number for a smaller one: the rest of the factor comes second
        return grads.like(grads.flat * most.to(grads.flat.dtype) * (scale / most).to(grads.flat.dtype))

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        return f"clip_norm(network, {self.threshold!r})"

    def torch_function(self, cell: Cell) -> str:
        return FUNCTION
