"""A constant learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.schedules.base import Schedule

if TYPE_CHECKING:
    from torch import Tensor


class Constant(Schedule):
    """lr at every step; with a warm-up, torch.optim.lr_scheduler.LinearLR from 1 / warmup to 1"""

    title = "Constant"
    ends = False
    torch_factor = "1"

    def left(self, t: Tensor) -> Tensor:
        return t.new_ones(t.shape)
