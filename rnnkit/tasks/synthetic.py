"""The pathological tasks of Hochreiter & Schmidhuber 1997 as Pascanu, Mikolov & Bengio 2013 posed them (their appendix and code).

Simplification everywhere: `length` is the exact number of inputs T, so that the time axis means the same in every row; the
paper draws the length of an addition or multiplication from [L, 1.1 L) for each batch, and counts the memorization's
delay alone.
"""

from __future__ import annotations

import math

import numpy as np

from rnnkit.tasks.base import Batch, Classes, Task


class TemporalOrder(Classes):
    """A or B at a few marked times, distractors c..f elsewhere; the class is their order (4 classes for 2, 8 for 3)."""

    source_name = "first symbol that counts"
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

    def source(self, length: int) -> int:
        return int(self.starts[0] * length)

    def labels(self, x: np.ndarray) -> list[str]:
        return ["ABcdef"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return " then ".join("AB"[int(y[-1]) >> k & 1] for k in range(len(self.starts)))


class TwoNumbers(Task):
    """A stream of numbers in [0, 1); two are marked. The answer is a function of the two.

    Marks at p0 in [0, .1T) and p1 in [.1T, .5T). Inputs: (mark, number). Correct if the squared error is at most .04.
    """

    n_in, n_out = 2, 1
    loss = "squared_error"
    finite = False
    min_length = 10
    guess: float  # the constant answer that is right most often

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.zeros((length, n, 2))
        x[..., 1] = rng.random((length, n))
        rows, edge = np.arange(n), max(1, length // 10)
        p0 = rng.integers(0, edge, n)
        p1 = edge + rng.integers(0, max(1, int(0.4 * length)), n)
        x[p0, rows, 0] = x[p1, rows, 0] = 1
        return Batch(x, self.combine(x[p0, rows, 1], x[p1, rows, 1])[None, :, None])

    def constant_score(self, batch: Batch) -> float:
        return float((np.square(batch.y - self.guess) <= 0.04).mean())

    def combine(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def labels(self, x: np.ndarray) -> list[str]:
        return [f"{v:.2f}" if mark else "·" for mark, v in x]

    def answer(self, y: np.ndarray) -> str:
        return f"{float(y[-1, 0]):.3f}"


class Adding(TwoNumbers):
    title = "adding"
    about = "Two numbers of a long stream are marked; the network must give their mean at the end."
    guess = 0.5
    guess_loss = 1 / 24  # Var((u + v) / 2)
    chance = 0.64  # P(|(u + v) / 2 - 1/2| < .2) = 1 - .6^2

    def combine(self, u, v):
        return (u + v) / 2


class Multiplication(TwoNumbers):
    title = "multiplication"
    about = "Two numbers of a long stream are marked; the network must give their product at the end."
    guess = 0.2
    guess_loss = 1 / 9 - 1 / 16  # Var(u v), where the guess is 1/4
    chance = 0.4 - 0.4 * math.log(0.4)  # P(u v < .4), the guess is .2: the density -ln z falls, so the best interval starts at 0

    def combine(self, u, v):
        return u * v


class Permutation(Task):
    """100 symbols: the first is 0 or 1, all others random in 2..99; after the last input the first is asked again."""

    title = "random permutation"
    about = "Repeat, at the end, the first of a long stream of 100 different symbols."
    n_in = n_out = 100
    min_length = 3
    answers = 2
    chance = 0.5  # the guesser knows that the answer is 0 or 1
    guess_loss = math.log(2)
    squared_guess_loss = 0.5 / 100  # two components of variance 1/4, the other 98 of 0

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = rng.integers(2, 100, (length, n))
        x[0] = rng.integers(0, 2, n)
        return Batch(x, x[:1].copy())


class Memorization(Classes):
    """10 symbols of 5 kinds, a delay of blanks, a trigger, then the 10 symbols again: T = 10 + delay + 10.

    Simplification: the loss is taken at the 10 steps of recall; the paper also asks for blanks at all other steps.
    Accuracy counts symbols, the paper counts whole patterns.
    """

    title = "memorization"
    about = "Ten symbols, a long pause, a signal: the network must repeat all ten."
    samples = "symbols"
    source_name = "10th symbol"
    values, positions = 5, 10
    answers = 0  # ten answers a sequence: they are as they are drawn
    n_in, n_out = values + 2, values
    min_length = 2 * positions + 1

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        x = np.full((length, n), self.values)
        x[: self.positions] = y = rng.integers(0, self.values, (self.positions, n))
        x[-self.positions] = self.values + 1
        return Batch(x, y)

    def asked(self, length: int) -> int:
        return self.positions

    def source(self, length: int) -> int:
        """The last symbol of the pattern: it is the answer of the last step, T - 10 steps later, as every symbol is."""
        return self.positions - 1

    def labels(self, x: np.ndarray) -> list[str]:
        return ["12345·?"[i] for i in x]

    def answer(self, y: np.ndarray) -> str:
        return " ".join(str(v + 1) for v in y)
