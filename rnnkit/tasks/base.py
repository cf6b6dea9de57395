"""What every task offers: sequences with targets for its last K steps, the score of somebody who only guesses, and words.

A task is numpy alone. Symbols are integers (T, N), numbers floats (T, N, I): time first, N sequences. The targets y stand
for the last K steps: class indices (K, N), or floats (K, N, O).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Batch:
    """x: (T, N) symbols or (T, N, I) numbers; y: targets of the last K steps, (K, N) classes or (K, N, O) numbers."""

    x: np.ndarray
    y: np.ndarray

    def part(self, rows: slice) -> Batch:
        return Batch(self.x[:, rows], self.y[:, rows])


class Task(ABC):
    """One kind of sequence to learn. `length` is the number of inputs T."""

    title: str
    about: str  # one sentence for the page
    n_in: int  # input symbols or numbers
    n_out: int
    loss: ClassVar[str] = "cross_entropy"
    min_length: ClassVar[int]
    loss_steps: ClassVar[int] = 1  # K: the last K steps have a target
    samples: ClassVar[str] = "sequences"
    source_name: str = "start"  # what stands at `source`, and at the last step, in a sentence about the gradient
    end_name: ClassVar[str] = "end"
    finite: ClassVar[bool] = True  # symbols: the same sequence can come twice, so train and test are kept apart by a hash

    @abstractmethod
    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        """n sequences, drawn independently."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """Accuracy of the best guess that ignores the sequence."""

    @property
    @abstractmethod
    def guess_loss(self) -> float:
        """The loss (as losses.py computes it) of the best constant prediction."""

    @property
    def squared_guess_loss(self) -> float:
        """The same under the squared error on one-hot targets, which a reservoir's readout minimises."""
        return self.guess_loss

    def source(self, length: int) -> int:
        """The earliest step that can hold what the answer depends on: how far back the gradient has to reach."""
        return 0

    def labels(self, x: np.ndarray) -> list[str]:
        """What stands under the time axis for one sequence x: (T,) symbols or (T, I) numbers."""
        return [str(v) for v in x]

    def example(self, length: int) -> list[str]:
        """The labels of one held-out sequence, with its answer behind the last."""
        batch = draw(self, length, 1, np.random.default_rng(0), held_out=True)
        *labels, last = self.labels(batch.x[:, 0])
        return [*labels, f"{last} → {self.answer(batch.y[:, 0])}"]

    def answer(self, y: np.ndarray) -> str:
        """The target of one sequence in words; y: (K,) or (K, O)."""
        return " ".join(str(v) for v in y)


class Classes(Task):
    """Tasks whose answer is one of `n_out` equally likely classes."""

    @property
    def chance(self) -> float:
        return 1 / self.n_out

    @property
    def guess_loss(self) -> float:
        return float(np.log(self.n_out))

    @property
    def squared_guess_loss(self) -> float:
        return (1 - 1 / self.n_out) / self.n_out  # the variance of a one-hot component


AT_ONCE = 2**22  # symbols drawn at once at most: 32 MB
HELD_OUT = 8  # one sequence in so many belongs to the test set


def is_held_out(x: np.ndarray) -> np.ndarray:
    """(N,) bool from symbols (T, N): a hash of the sequence itself decides, so no sequence is ever on both sides."""
    weights = np.random.default_rng(0).integers(1, 2**63, len(x), dtype=np.uint64) | np.uint64(1)
    mixed = ((x.astype(np.uint64) + np.uint64(1)) * weights[:, None]).sum(0)  # wraps modulo 2^64
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(40)) % np.uint64(HELD_OUT) == 0


def draw(task: Task, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
    """Exactly n sequences of the training side, or of the held-out side."""
    if not task.finite:
        return task.sample(length, n, rng)
    xs, ys, have = [], [], 0
    share = 1 / HELD_OUT if held_out else 1 - 1 / HELD_OUT
    for _ in range(100):
        batch = task.sample(length, min(int((n - have) / share * 1.1) + 16, max(16, AT_ONCE // length)), rng)
        rows = is_held_out(batch.x) == held_out
        xs.append(batch.x[:, rows])
        ys.append(batch.y[:, rows])
        have += int(rows.sum())
        if have >= n:
            return Batch(np.concatenate(xs, 1)[:, :n], np.concatenate(ys, 1)[:, :n])
    raise ValueError(f"task '{task.title}' has too few different sequences of length {length} to hold some out for testing")
