"""What a learning rate schedule is: a factor on the learning rate at every update, after a linear warm-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class Schedule(ABC):
    """A rule without state. It reads no value on the host, so that a CUDA graph can hold it."""

    title: ClassVar[str]  # in menus
    ends: ClassVar[bool] = True  # it depends on how many training steps the run has
    torch_factor: ClassVar[str] = ""  # `left(t)` in Python, for the exported script; "" where there is none

    def __init_subclass__(cls) -> None:
        """A subclass has another rule: it does not inherit the line for the exported script."""
        super().__init_subclass__()
        cls.torch_factor = vars(cls).get("torch_factor", "")

    def factor(self, n: int | Tensor, steps: int, warmup: int) -> Tensor:
        """The factor on the learning rate at update n = 1, 2, ... of a run with so many: a number in float64.

        n / warmup up to update `warmup`, then left(t) with t = (n - 1 - warmup) / (steps - warmup). After the run's last update,
        where a study trains on, t stays 1.
        """
        from torch import as_tensor, float64

        n = as_tensor(n, dtype=float64)
        t = ((n - 1 - warmup) / max(1, steps - warmup)).clamp(0, 1)
        return self.left(t) * (n / max(1, warmup)).clamp(max=1)

    @abstractmethod
    def left(self, t: Tensor) -> Tensor:
        """The share of the learning rate that is left at t, from 0 (the warm-up is over; it returns 1) to 1 (so is the run)."""
