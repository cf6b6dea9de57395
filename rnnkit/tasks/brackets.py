"""Brackets of two kinds, well nested (Dyck-2): which bracket may close now? Asked at every step.

Hewitt et al. 2020 define the language with bounded depth, Dyck-(k, m), and ask of a network that it closes the right bracket.
Suzgun et al. 2019 train it with a target at every step.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnkit.tasks.base import Batch, Classes, shared_evaluation

MAX_DEPTH = 5


@lru_cache(maxsize=64)
def _opens(length: int, kept: int) -> np.ndarray:
    """Returns (T, MAX_DEPTH + 1), P(the next bracket opens | time step t, depth before it), all words being equally likely.

    The first `kept` brackets open and stay open; the word ends at this depth.
    """
    ways = np.zeros(MAX_DEPTH + 3)  # from this depth to the end, up to a factor; a border of 0 on both sides
    ways[kept + 1] = 1
    table = np.ones((length, MAX_DEPTH + 1))
    for t in range(length - 1, kept - 1, -1):
        up, down = ways[2:], ways[:-2]
        total = np.where(up + down > 0, up + down, 1)
        table[t] = up / total
        ways[1:-1] = total * (up + down > 0) / total.max()  # the factor cancels; without it long words overflow
        ways[: kept + 1] = 0
    return table


class Brackets(Classes):
    """T brackets ( [ ) ]; y_t is the kind of the innermost bracket that is open after step t: ) or ], the one that may close.

    The first bracket, for an even T the first two, stays open to the end, and all others are closed by then. So one is always
    open, and the answer at the end is the first bracket, for an even T the second. At most MAX_DEPTH are open at a time. All
    words of this form are equally likely, drawn by the number of their continuations. Kinds are independent and equally likely:
    a guesser has 1/2 at every step.
    """

    title = "brackets"
    about = "Round and square brackets, well nested: after each of them the network must give the one that may close next."
    samples = "brackets"
    evidence_name = "bracket that closes last"
    answers = 0  # T answers a sequence: the evaluation batch is as it is drawn
    n_in, n_out = 4, 2
    min_length = 9

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        opens = _opens(length, 1 + self.evidence_step(length))
        x, y = np.zeros((2, length, n), np.int64)
        kinds, depth, rows = np.zeros((MAX_DEPTH + 1, n), np.int64), np.zeros(n, np.int64), np.arange(n)
        for t in range(length):
            up = rng.random(n) < opens[t, depth]
            depth += up
            kinds[depth[up], rows[up]] = rng.integers(0, 2, int(up.sum()))
            x[t] = kinds[depth, rows] + 2 * ~up
            depth -= ~up
            y[t] = kinds[depth, rows]
        return Batch(x, y)

    def n_targets(self, length: int) -> int:
        return length

    def baselines(self, length: int) -> dict[str, float]:
        """Returns also the accuracy of "last bracket", which answers the kind of the input itself.

        That is right after an opening bracket, and in half of the other cases. (T + 1) / 2 brackets open, T / 2 + 1 for an even
        T, so (3 T + 1) / (4 T) is expected, (3 T + 2) / (4 T) for an even T.
        """
        batch = shared_evaluation(self, length)
        return super().baselines(length) | {"last bracket": float((batch.y == batch.x % 2).mean())}

    def evidence_step(self, length: int) -> int:
        """Returns the step of the bracket that the last answer would close: 0, or 1 for an even T."""
        return 1 - length % 2

    def labels(self, x: np.ndarray) -> list[str]:
        return ["([)]"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return ")]"[int(y[-1])]
