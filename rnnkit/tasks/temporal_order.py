"""Temporal order, a pathological task of Hochreiter & Schmidhuber 1997.

As Pascanu, Mikolov & Bengio 2013 posed it (their appendix and code). With three symbols it is the 3-bit temporal order problem of
Martens & Sutskever 2011 and Sutskever 2013.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Classes


class TemporalOrder(Classes):
    """A or B at a few marked times, distractors c..f elsewhere; the class is their order (4 classes for 2, 8 for 3)."""

    evidence_name = "first symbol that counts"
    n_in = 6
    min_length = 10

    def __init__(self, starts: tuple[float, ...]) -> None:
        self.starts, self.n_out = starts, 2 ** len(starts)
        self.title = f"temporal order, {len(starts)} symbols"
        self.about = f"Which of A and B came at {len(starts)} moments among distractors? The order is asked at the end."

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.integers(2, 6, (length, n))
        y = np.zeros(n, np.int64)
        for place, start in enumerate(self.starts):
            when = int(start * length) + rng.integers(0, max(1, int(0.1 * length)), n)
            what = rng.integers(0, 2, n)
            x[when, np.arange(n)] = what
            y += what << place
        return Batch(x, y[None])

    def evidence_step(self, length: int) -> int:
        return int(self.starts[0] * length)

    def landmarks(self, x: np.ndarray) -> list[int]:
        return np.flatnonzero(x < 2).tolist()  # A and B

    def labels(self, x: np.ndarray) -> list[str]:
        return ["ABcdef"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return " then ".join("AB"[int(y[-1]) >> k & 1] for k in range(len(self.starts)))
