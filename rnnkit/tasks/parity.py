"""Parity: is the number of ones so far odd? Asked after every bit.

Bengio, Simard & Frasconi 1994 ask at the end alone, for 25 to 50 steps, and OpenAI's Requests for Research 2.0 (2018) set it so
as an exercise: an LSTM, 50 bits. Grazzi et al. 2025: in finite precision a linear recurrence with decay in [0, 1] cannot solve
parity for all lengths, one with negative decay can.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes, shared_evaluation


class Parity(Classes):
    """Bits 0 and 1 with equal chance; y_t = (x_0 + ... + x_t) mod 2 at every step. Every input changes all answers after it."""

    title = "parity of every prefix"
    about = "After each bit of a stream the network must say whether the number of ones so far is odd or even."
    samples = "bits"
    evidence_name = "first bit"
    answers = 0  # T answers a sequence: the evaluation batch is as it is drawn
    n_in = n_out = 2
    min_length = 10

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.integers(0, 2, (length, n))
        return Batch(x, x.cumsum(0) % 2)

    def n_targets(self, length: int) -> int:
        return length

    def baselines(self, length: int) -> dict[str, float]:
        """Returns also the accuracy of "last bit", which answers the input itself: right at the first step, then in half."""
        batch = shared_evaluation(self, length)
        return super().baselines(length) | {"last bit": float((batch.y == batch.x).mean())}

    def answer(self, y: np.ndarray) -> str:
        return ("even", "odd")[int(y[-1])]
