"""Memorization, a pathological task of Hochreiter & Schmidhuber 1997.

As Pascanu, Mikolov & Bengio 2013 posed it (their appendix and code). Papers since Arjovsky, Shah & Bengio 2016 have 8 kinds of
symbols, the signal one step earlier, and a target at every step: copying.py.

Simplification: `length` is the exact number of inputs T; the paper counts the delay alone.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes


class Memorization(Classes):
    """10 symbols of 5 kinds, a delay of blanks, a trigger, then the 10 symbols again: T = 10 + delay + 10.

    Simplification: the loss is taken at the 10 steps of recall; the paper also asks for blanks at all other steps.
    Accuracy counts symbols, the paper counts whole patterns.
    """

    title = "memorization"
    about = "Ten symbols, a long pause, a signal: the network must repeat all ten."
    samples = "symbols"
    evidence_name = "10th symbol"
    values, positions = 5, 10
    answers = 0  # ten answers a sequence: the evaluation batch is as it is drawn
    n_in, n_out = values + 2, values
    min_length = 2 * positions + 1

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.full((length, n), self.values)
        x[: self.positions] = y = rng.integers(0, self.values, (self.positions, n))
        x[-self.positions] = self.values + 1
        return Batch(x, y)

    def n_targets(self, length: int) -> int:
        return self.positions

    def evidence_step(self, length: int) -> int:
        """Returns the step of the last symbol of the pattern, which is the answer of the last step, T - 10 steps later."""
        return self.positions - 1

    def labels(self, x: np.ndarray) -> list[str]:
        return ["12345·?"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return " ".join(str(v + 1) for v in y)
