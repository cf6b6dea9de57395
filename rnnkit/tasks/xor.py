"""XOR: are two marked bits of a stream different? A pathological task, as Martens & Sutskever 2011 and Sutskever 2013 posed it.

The bits stand where Hochreiter & Schmidhuber 1997 have the two numbers of adding and multiplication: two_numbers.py.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes
from rnnkit.tasks.two_numbers import marks


class Xor(Classes):
    """T bits with equal chance; two are marked, p0 in [0, .1T) and p1 in [.1T, .5T). The target of the last step is u xor v.

    One marked bit says nothing about the answer. Simplification: bit and mark are one of four symbols, so that a hash can
    divide the sequences; the papers have two numbers, as adding has.
    """

    title = "XOR of two bits"
    about = "Two bits of a long stream are marked: 1 if they differ, 0 if they are the same."
    n_in, n_out = 4, 2
    min_length = 10

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x, rows = rng.integers(0, 2, (length, n)), np.arange(n)
        p0, p1 = marks(length, n, rng)
        y = x[p0, rows] ^ x[p1, rows]
        x[p0, rows] += 2
        x[p1, rows] += 2
        return Batch(x, y[None])

    def landmarks(self, x: np.ndarray) -> list[int]:
        return np.flatnonzero(x > 1).tolist()  # the marked ones

    def labels(self, x: np.ndarray) -> list[str]:
        return [("0", "1", "0*", "1*")[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return str(y[-1])
