"""Temporal order of two symbols in sequences of different lengths.

Pascanu, Mikolov & Bengio 2013 train one model on 50 to 200 symbols, which is T = 200 here. There all sequences of a minibatch
have one length. Here each sequence has its own.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch
from rnnkit.tasks.temporal_order import TemporalOrder


class TemporalOrderLengths(TemporalOrder):
    """TemporalOrder with a length n for each sequence, uniform on the whole numbers from T / 4, rounded up, to T.

    The windows of A and B are those of a sequence of n symbols. Sequences are aligned at the end. Padding is the symbol c, which
    no network reads.
    """

    padded, time_axis, of_one_length = True, "symbols before the end", "temporal-order"
    evidence_name = "first symbol that counts in a sequence of median length"
    min_length = 30  # the shortest have 8 symbols: 16,384 different sequences, so that both sides of the division have enough

    def __init__(self) -> None:
        super().__init__((0.1, 0.5))
        self.title += ", different lengths"
        self.about = "Which of A and B came at 2 moments among distractors? Sequences of a quarter of T to T symbols."

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        lengths = rng.integers(_shortest(length), length + 1, n)
        x, y, begin = rng.integers(2, 6, (length, n)), np.zeros(n, np.int64), length - lengths
        x[np.arange(length)[:, None] < begin] = 2
        for place, start in enumerate(self.starts):
            first, width = (start * lengths).astype(int), np.maximum(1, (0.1 * lengths).astype(int))
            what = rng.integers(0, 2, n)
            x[begin + first + rng.integers(0, width), np.arange(n)] = what
            y += what << place
        return Batch(x, y[None], lengths)

    def evidence_step(self, length: int) -> int:
        """Returns the first step at which A or B can stand in a sequence of the median length."""
        median = (_shortest(length) + length) // 2
        return length - median + super().evidence_step(median)


def _shortest(length: int) -> int:
    return -(-length // 4)
