"""What an initialization is: how W_rec is drawn, with a gain, and how the bias of the gate that keeps the memory is.

Everything is numpy and drawn on the host, so that the numbers depend on the seed alone and not on the device or on how many
networks stand in the stack. The functions that draw are plain ones: the exported script quotes their source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Init:
    """Initial values of W_rec: draw(rng, fan_in, fan_out, gain) -> W (fan_in, fan_out), one block a gate."""

    title: str  # in menus
    draw: Callable[[np.random.Generator, int, int, float], np.ndarray]
    not_in_panels: str = ""  # why no panel of the remedies tries it; "" where one does

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
        return self.draw(rng, fan_in, fan_out, gain)


@dataclass(frozen=True)
class GateBias:
    """Initial bias of the gate that keeps the memory: draw(rng, units, length) -> (units,)."""

    title: str  # in menus
    draw: Callable[[np.random.Generator, int, int], np.ndarray]
    mirrored: bool = False  # a separate input gate (the LSTM's i) starts at minus these values
    not_in_panels: str = ""  # as above

    def __call__(self, rng: np.random.Generator, units: int, length: int) -> np.ndarray:
        return self.draw(rng, units, length)
