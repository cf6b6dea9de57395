"""Which of many rows, columns or units are drawn or measured."""

from __future__ import annotations

import numpy as np


def evenly(n: int, most: int) -> np.ndarray:
    """Returns at most `most` of the indices 0 ... n - 1, evenly spaced and increasing: int64, (min(n, most),).

    The first and the last are among them (`most` = 1: the first alone). n = 0 gives none.
    """
    return np.linspace(0, max(n - 1, 0), min(n, most)).round().astype(int)
