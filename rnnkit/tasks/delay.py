"""Delay reconstruction: the input of d steps ago, asked at every step (Kent & Murray 2024).

Jaeger 2001 asks the same of echo state networks: the delays that a linear readout reconstructs are their memory capacity. There
the inputs are numbers.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes


class Delay(Classes):
    """Symbols a to d with equal chance; y_t = x_{t-d} with d = T / 2, rounded down, at the last T - d steps.

    At each step the network must hold the last d + 1 symbols in their order: 2 (d + 1) bits. A guesser has 1/4.
    """

    title = "delay reconstruction"
    about = "A stream of symbols: from the middle of it on, the network must repeat it, half its length later."
    samples = "symbols"
    evidence_name = "symbol asked at the end"
    answers = 0  # T - d answers a sequence: the evaluation batch is as it is drawn
    n_in = n_out = 4
    min_length = 8

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.integers(0, 4, (length, n))
        return Batch(x, x[: self.n_targets(length)].copy())

    def n_targets(self, length: int) -> int:
        return length - length // 2

    def evidence_step(self, length: int) -> int:
        """Returns the step that the last answer repeats, d steps before the end."""
        return self.n_targets(length) - 1

    def labels(self, x: np.ndarray) -> list[str]:
        return ["abcd"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return "abcd"[int(y[-1])]
