"""Copying memory, a pathological task of Hochreiter & Schmidhuber 1997, with a target at every step.

As Arjovsky, Shah & Bengio 2016 posed it; also Tallec & Ollivier 2018, and Helfrich, Willmott & Ye 2018. Pascanu, Mikolov & Bengio
2013 have 5 kinds of symbols: memorization.py.
"""

from __future__ import annotations

import numpy as np

from rnnkit.tasks.base import Batch, Task


class Copying(Task):
    """10 symbols of 8 kinds, L - 1 blanks, a marker, 10 blanks: T = L + 20 inputs. The marker is the input of step T - 11.

    Targets: blank at the first T - 10 steps, then the 10 symbols. The loss is the mean cross-entropy over all T steps. A network
    without memory gives blanks up to the marker and guesses 10 symbols: 10 ln 8 / T = 10 ln 8 / (L + 20). L is called T in these
    papers. Accuracy counts the 10 symbols alone, so chance is 1/8.
    """

    title = "copying memory"
    about = "Ten symbols, a long pause, a marker: the network must give blanks until the marker and then repeat all ten."
    samples = "symbols"
    evidence_name = "10th symbol"
    values, positions = 8, 10
    n_in, n_out = values + 2, values + 1  # a blank, as an answer too, and the marker
    min_length = 2 * positions + 1
    chance = 1 / values
    guess_loss = float(np.log(values))
    squared_guess_loss = (1 - 1 / values) / n_out  # values components of the variance (1 - 1 / values) / values, the blank's is 0

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.full((length, n), self.values)
        y = x.copy()
        x[: self.positions] = y[-self.positions :] = rng.integers(0, self.values, (self.positions, n))
        x[-self.positions - 1] = self.values + 1
        return Batch(x, y)

    def n_targets(self, length: int) -> int:
        return length

    def guessed_share(self, length: int) -> float:
        return self.positions / length

    def scored(self, batch: Batch) -> Batch:
        """Returns the batch with the targets of the last 10 steps: a blank is no answer that is counted."""
        return Batch(batch.x, batch.y[-self.positions :])

    def evidence_step(self, length: int) -> int:
        """Returns the step of the last symbol, which is the answer of the last step, T - 10 steps later."""
        return self.positions - 1

    def labels(self, x: np.ndarray) -> list[str]:
        return ["12345678·?"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return " ".join(self.labels(y[-self.positions :]))
