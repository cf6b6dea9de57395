"""What came out of one training, network by network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainingOutcome:
    """Of R networks, up to the last record of the run."""

    solved_step: np.ndarray  # (R,) training step of the first of two tests in a row that were passed; -1: never
    accuracy: np.ndarray  # (R,) on held-out sequences, at the last test; NaN for a network that has diverged
    diverged_step: np.ndarray  # (R,) training step at which it became NaN; -1: it has not
    ratio_before: np.ndarray  # (R,) ||dL/dh|| at the subject over that at the last step, before training; NaN where there is none
    ratio_after: np.ndarray  # (R,) the same at the last record
    steps: int  # training steps done
    seconds: float  # of all R networks together
