"""RMSprop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.optim.base import Optimizer

if TYPE_CHECKING:
    from torch import Tensor


class RmsProp(Optimizer):
    """v <- .99 v + .01 g^2;  lr g / (sqrt(v) + 1e-8)   (Tieleman & Hinton 2012; torch.optim.RMSprop)"""

    title = "RMSprop"
    slots = 1
    adaptive = True
    torch_optimizer = "torch.optim.RMSprop(network.parameters(), lr=LR)"

    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        (v,) = memory
        v.mul_(0.99).addcmul_(g, g, value=0.01)
        return lr * g / (v.sqrt() + 1e-8)
