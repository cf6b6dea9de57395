"""Which unit remembers the subject's number: the accuracy of each unit alone, and of the network without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ablation:
    """Of P parts of the state and H units. Accuracies are shares from 0 to 1 of held-out sentences."""

    alone: np.ndarray  # (P, H) accuracy of "plural if h_i at the last word is above (or below) a threshold", one a unit
    accuracy: float  # of the network as it is
    without: float  # of the network with the chosen units switched off
    best: np.ndarray  # (M,) units of the highest `alone` of any part, in order; of equals the wider apart first
    lost: np.ndarray  # (M,) accuracy of the network where that unit alone is switched off
    sentences: int  # how many scored; as many others fitted the thresholds
    parts: list[str]  # names of the P parts
