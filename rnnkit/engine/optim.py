"""Optimizers on stacked parameters: theta <- theta - step, where each is a rule for the step. All work in place.

Elementwise throughout, so the networks of a stack never mix. `slots` says how many running averages a weight needs. `longest`
bounds the norm of a step: longest lr ||g||, with g the longest gradient so far; of an adaptive rule, which divides each weight's
gradient by its own recent size, longest lr sqrt(number of weights).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class Optimizer(ABC):
    """Stateless rule; `slots` tensors of each weight's shape, zero at first, are its memory."""

    title: ClassVar[str]
    slots: ClassVar[int] = 0
    adaptive: ClassVar[bool] = False
    longest: ClassVar[float] = 10.0

    def init(self, params: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
        return {k: tuple(v.new_zeros(v.shape) for _ in range(self.slots)) for k, v in params.items()}

    @abstractmethod
    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float, n: int | Tensor) -> Tensor:
        """What to subtract from a weight with gradient g at update n = 1, 2, ...; updates `memory` in place."""


class Sgd(Optimizer):
    """lr g"""

    title = "SGD"
    longest = 1.0

    def step(self, g, memory, lr, n):
        return lr * g


class Momentum(Optimizer):
    """v <- 0.9 v + g;  lr v   (Polyak 1964; torch.optim.SGD(momentum=0.9))"""

    title = "SGD with momentum"
    slots = 1

    def step(self, g, memory, lr, n):
        return lr * memory[0].mul_(0.9).add_(g)


class Nesterov(Optimizer):
    """v <- 0.9 v + g;  lr (g + 0.9 v)   (Nesterov 1983; torch.optim.SGD(momentum=0.9, nesterov=True))"""

    title = "Nesterov momentum"
    slots = 1

    def step(self, g, memory, lr, n):
        return lr * (g + 0.9 * memory[0].mul_(0.9).add_(g))


class Adam(Optimizer):
    """m <- .9 m + .1 g;  v <- .999 v + .001 g^2;  lr m^ / (sqrt(v^) + 1e-8), bias-corrected   (Kingma & Ba 2015)"""

    title = "Adam"
    slots = 2
    adaptive = True
    longest = 7.3  # where gradients grow so as to make it longest: (sum_k (.1 .9^k)^2 / (.001 .999^k))^1/2

    def step(self, g, memory, lr, n):
        m, v = memory
        m.lerp_(g, 0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        return (lr / (1 - 0.9**n)) * m / (v.sqrt() / (1 - 0.999**n) ** 0.5 + 1e-8)


class RmsProp(Optimizer):
    """v <- .99 v + .01 g^2;  lr g / (sqrt(v) + 1e-8)   (Tieleman & Hinton 2012; torch.optim.RMSprop)"""

    title = "RMSprop"
    slots = 1
    adaptive = True

    def step(self, g, memory, lr, n):
        (v,) = memory
        v.mul_(0.99).addcmul_(g, g, value=0.01)
        return lr * g / (v.sqrt() + 1e-8)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Sgd(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "adam": Adam(),
    "rmsprop": RmsProp(),
}
