"""Gradient descent with Nesterov's momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.optim.base import Optimizer

if TYPE_CHECKING:
    from torch import Tensor


class Nesterov(Optimizer):
    """v <- 0.9 v + g;  lr (g + 0.9 v)   (Nesterov 1983; torch.optim.SGD(momentum=0.9, nesterov=True))"""

    title = "Nesterov momentum"
    slots = 1
    torch_optimizer = "torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9, nesterov=True)"

    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        return lr * (g + 0.9 * memory[0].mul_(0.9).add_(g))
