"""Adam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.optim.base import Optimizer

if TYPE_CHECKING:
    from torch import Tensor


class Adam(Optimizer):
    """m <- .9 m + .1 g;  v <- .999 v + .001 g^2;  lr m^ / (sqrt(v^) + 1e-8), bias-corrected   (Kingma & Ba 2015)"""

    title = "Adam"
    slots = 2
    adaptive = True
    longest = 7.3  # where gradients grow so as to make it longest: (sum_k (.1 .9^k)^2 / (.001 .999^k))^1/2
    torch_optimizer = "torch.optim.Adam(network.parameters(), lr=LR)"

    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        m, v = memory
        m.lerp_(g, 0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        return (lr / (1 - 0.9**n)) * m / (v.sqrt() / (1 - 0.999**n) ** 0.5 + 1e-8)
