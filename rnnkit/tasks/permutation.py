"""Random permutation, a pathological task of Hochreiter & Schmidhuber 1997.

As Pascanu, Mikolov & Bengio 2013 posed it (their appendix and code).
"""

from __future__ import annotations

import math

import numpy as np

from rnnkit.tasks.base import Batch, Task


class Permutation(Task):
    """100 symbols: the first is 0 or 1, all others random in 2..99; the target of the last step is the first symbol."""

    title = "random permutation"
    about = "Repeat, at the end, the first of a long stream of 100 different symbols."
    n_in = n_out = 100
    min_length = 3
    answers = 2
    chance = 0.5  # the answer is 0 or 1
    guess_loss = math.log(2)
    squared_guess_loss = 0.5 / 100  # two components of variance 1/4, the other 98 of 0

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.integers(2, 100, (length, n))
        x[0] = rng.integers(0, 2, n)
        return Batch(x, x[:1].copy())
