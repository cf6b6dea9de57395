"""A learning rate that falls linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.schedules.base import Schedule

if TYPE_CHECKING:
    from torch import Tensor


class Linear(Schedule):
    """lr (1 - t), to 0 at the end of the run; t from 0 to 1   (torch.optim.lr_scheduler.LinearLR from 1 to 0)"""

    title = "Linear to 0"
    torch_factor = "1 - t"

    def left(self, t: Tensor) -> Tensor:
        return 1 - t
