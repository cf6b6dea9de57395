"""Errors of trained networks on sequences of other lengths than those of their training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OtherLengths:
    """Of R networks, at the L lengths tested so far."""

    lengths: np.ndarray  # (L,) inputs T of the sequences
    wrong: np.ndarray  # (L, R) share of the sequences, 0 to 1, that have a wrong answer; NaN for a network that has diverged
    solved_step: np.ndarray  # (R,) training step of the first of two tests in a row that were passed; -1: never
    diverged_step: np.ndarray  # (R,) training step at which the network became NaN; -1: it has not
    n: int  # sequences of each length
    task: str  # of which they are
    steps: int  # training steps done: the weights tested are those after so many updates
    seconds: float  # of all R networks together, training and tests
