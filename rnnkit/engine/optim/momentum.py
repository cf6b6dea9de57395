"""Gradient descent with momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.optim.base import Optimizer

if TYPE_CHECKING:
    from torch import Tensor


class Momentum(Optimizer):
    """v <- 0.9 v + g;  lr v   (Polyak 1964; torch.optim.SGD(momentum=0.9))"""

    title = "SGD with momentum"
    slots = 1
    torch_optimizer = "torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9)"

    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        return lr * memory[0].mul_(0.9).add_(g)
