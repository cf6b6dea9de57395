"""Base class of adding (the mean and the sum) and multiplication: the pathological tasks of Hochreiter & Schmidhuber 1997.

As Pascanu, Mikolov & Bengio 2013 posed them (their appendix and code).

Simplification: `length` is the exact number of inputs T, so that the time axis means the same in every row; the paper draws it
from [L, 1.1 L) for each batch.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Task


def marks(length: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws the steps p0 in [0, .1T) and p1 in [.1T, .5T) of n sequences, (n,) each."""
    edge = max(1, length // 10)
    return rng.integers(0, edge, n), edge + rng.integers(0, max(1, int(0.4 * length)), n)


class TwoNumbers(Task):
    """A stream of numbers in [0, 1); two are marked. The answer is a function of the two.

    Marks as `marks` draws them. Inputs: (mark, number). Correct if the squared error is at most .04.
    """

    n_in, n_out = 2, 1
    loss = "squared_error"
    finite = False
    min_length = 10
    guess: float  # the constant answer that is right most often

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.zeros((length, n, 2))
        x[..., 1] = rng.random((length, n))
        rows = np.arange(n)
        p0, p1 = marks(length, n, rng)
        x[p0, rows, 0] = x[p1, rows, 0] = 1
        return Batch(x, self.combine(x[p0, rows, 1], x[p1, rows, 1])[None, :, None])

    def constant_score(self, batch: Batch) -> float:
        return float((np.square(batch.y - self.guess) <= self.max_squared_error).mean())

    def combine(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def landmarks(self, x: np.ndarray) -> list[int]:
        return np.flatnonzero(x[:, 0]).tolist()  # the marked ones

    def labels(self, x: np.ndarray) -> list[str]:
        return [f"{v:.2f}" if mark else "·" for mark, v in x]

    def answer(self, y: np.ndarray) -> str:
        return f"{float(y[-1, 0]):.3f}"
