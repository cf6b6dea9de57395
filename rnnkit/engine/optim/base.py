"""What an optimizer is: a rule for the step in theta <- theta - step, on stacked parameters, in place.

Elementwise throughout, so the networks of a stack never mix. `longest` bounds the norm of a step: longest lr ||g||, with g the
longest gradient so far; of an adaptive rule, which divides each weight's gradient by its own recent size, longest lr sqrt(number
of weights).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class Optimizer(ABC):
    """A rule without state; `slots` tensors of each weight's shape, zero at first, are its memory."""

    title: ClassVar[str]  # in menus
    slots: ClassVar[int] = 0  # running averages that a weight needs
    adaptive: ClassVar[bool] = False  # divides each weight's gradient by its own recent size
    longest: ClassVar[float] = 10.0  # bounds a step's norm, see below
    torch_optimizer: ClassVar[str] = ""  # the same of torch.optim, for the exported script; "" where there is none

    def __init_subclass__(cls) -> None:
        """A subclass has another rule: it does not inherit the line for the exported script."""
        super().__init_subclass__()
        cls.torch_optimizer = vars(cls).get("torch_optimizer", "")

    def init(self, params: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
        """The memory before the first step: `slots` zeros of each weight's shape."""
        return {k: tuple(v.new_zeros(v.shape) for _ in range(self.slots)) for k, v in params.items()}

    @abstractmethod
    def step(self, g: Tensor, memory: tuple[Tensor, ...], lr: float | Tensor, n: int | Tensor) -> Tensor:
        """What to subtract from a weight with gradient g at update n = 1, 2, ...; updates `memory` in place. All of one shape."""
