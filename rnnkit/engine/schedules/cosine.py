"""A learning rate that falls along half a cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnnkit.engine.schedules.base import Schedule

if TYPE_CHECKING:
    from torch import Tensor


class Cosine(Schedule):
    """lr (1 + cos(pi t)) / 2, to 0 at the end of the run; t from 0 to 1   (Loshchilov & Hutter 2017; CosineAnnealingLR)"""

    title = "Cosine to 0"
    torch_factor = "(1 + math.cos(math.pi * t)) / 2"

    def left(self, t: Tensor) -> Tensor:
        return (1 + (math.pi * t).cos()) / 2
