"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.optim.base import Optimizer

if TYPE_CHECKING:
    from torch import Tensor


class Sgd(Optimizer):
    """lr g"""

    title = "SGD"
    longest = 1.0
    torch_optimizer = "torch.optim.SGD(network.parameters(), lr=LR)"

    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        return lr * g
