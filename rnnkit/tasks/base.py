"""What every task offers: sequences with targets for its last K steps, the score of somebody who only guesses, and words.

A task is numpy alone. Symbols are integers (T, N), numbers floats (T, N, I): time first, N sequences. The targets y stand
for the last K steps: class indices (K, N), or floats (K, N, O). Sequences of different lengths are aligned at the end, where they
are asked: what stands before the first symbol of a shorter one is padding, and is never read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Batch:
    """x: (T, N) symbols or (T, N, I) numbers; y: targets of the last K steps, (K, N) classes or (K, N, O) numbers."""

    x: np.ndarray
    y: np.ndarray
    words: np.ndarray | None = None  # (N,) how many of the last steps are the sequence, where not all are: before it, padding
    weight: np.ndarray | None = None  # (N,) of each sequence in the loss, 1 on average, where they do not count the same

    def part(self, rows: slice | np.ndarray) -> Batch:
        words, weight = (None if v is None else v[rows] for v in (self.words, self.weight))
        return Batch(self.x[:, rows], self.y[:, rows], words, weight)


class Task(ABC):
    """One kind of sequence to learn. `length` is the number of inputs T."""

    title: str
    about: str  # one sentence for the page
    n_in: int  # input symbols or numbers
    n_out: int
    loss: ClassVar[str] = "cross_entropy"
    min_length: ClassVar[int]
    samples: ClassVar[str] = "sequences"  # what the accuracy counts, in a sentence
    source_name: str = "start"  # what stands at `source`, and at the last step, in a sentence about the gradient
    end_name: ClassVar[str] = "end"
    finite: ClassVar[bool] = True  # symbols: the same sequence can come twice, so train and test are kept apart by a hash
    data: ClassVar[str] = ""  # what it can be given to learn from: "corpus" or "text"; see `bound`
    by_words: ClassVar[bool] = False  # with data: the symbols are words, as many as the vocabulary holds
    padded: ClassVar[bool] = False  # sequences of different lengths: batches have `words`
    carries: ClassVar[bool] = False  # a training batch goes on where the one before ended, and so does the state
    answers: int = 0  # equally likely answers, each of them as often in the exam; 0: the exam is as it is drawn

    @abstractmethod
    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        """n sequences, drawn independently."""

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        """Exactly n sequences of the training side, or of the held-out side."""
        if not self.finite:
            return self.sample(length, n, rng)
        found, have = [], 0
        share = 1 / HELD_OUT_ONE_IN if held_out else 1 - 1 / HELD_OUT_ONE_IN
        for _ in range(100):
            batch = self.sample(length, min(int((n - have) / share * 1.1) + 16, max(16, AT_ONCE // length)), rng)
            found.append(batch.part(is_held_out(batch.x) == held_out))
            have += found[-1].x.shape[1]
            if have >= n:
                return Batch(*(np.concatenate([getattr(b, name) for b in found], 1)[:, :n] for name in ("x", "y")))
        raise ValueError(f"task '{self.title}' has too few different sequences of length {length} to hold some out for testing")

    def stream(self, length: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Training batches of so many sequences, for ever."""
        blocks = max(1, min(1024, DRAWN // length) // batch)
        while True:
            block = self.draw(length, blocks * batch, rng, held_out=False)
            for i in range(blocks):
                yield block.part(slice(i * batch, (i + 1) * batch))

    def exam(self, length: int, rng: np.random.Generator) -> Batch:
        """The EXAM held-out sequences whose accuracy is shown while training.

        With `answers` each answer is that of equally many of them, so that always giving the same answer scores 1 / answers.
        ValueError where some answer is never drawn.
        """
        if not self.answers:
            return self.draw(length, EXAM, rng, held_out=True)
        each, found = EXAM // self.answers, []
        for _ in range(100):
            found.append(self.draw(length, 2 * EXAM, rng, held_out=True))
            y = np.concatenate([b.y for b in found], 1)
            chosen = np.sort(np.concatenate([np.flatnonzero(y[0] == answer)[:each] for answer in range(self.answers)]))
            if len(chosen) == each * self.answers:
                return Batch(np.concatenate([b.x for b in found], 1)[:, chosen], y[:, chosen])
        raise ValueError(f"task '{self.title}' has too few different sequences of length {length} to test every answer")

    def exam_size(self, length: int) -> int:
        """How many sequences the exam has."""
        return EXAM

    def baselines(self, length: int) -> dict[str, float]:
        """Name -> accuracy in the exam that everybody sits, of answers that need no memory for the order of the inputs.

        "chance" is always among them: the best constant answer.
        """
        return {"chance": 1 / self.answers if self.answers else self.constant_score(everybodys_exam(self, length))}

    def constant_score(self, batch: Batch) -> float:
        """Accuracy of the constant answer that is right most often in this batch; negative targets are never right."""
        return float(np.bincount(batch.y[batch.y >= 0], minlength=1).max() / batch.y.size)

    def bound(self, data: str, vocabulary: int) -> Task:
        """This task on the data of this name (tasks.data), words beyond the `vocabulary` most frequent ones left out."""
        return self

    def asked(self, length: int) -> int:
        """K: so many of the last steps have a target."""
        return 1

    @property
    @abstractmethod
    def chance(self) -> float:
        """Accuracy to expect of the best guess that ignores the sequence; on the exam itself see `baselines`."""

    @property
    @abstractmethod
    def guess_loss(self) -> float:
        """The loss (as losses.py computes it) of the best constant prediction."""

    @property
    def squared_guess_loss(self) -> float:
        """The same under the squared error on one-hot targets, which a reservoir's readout minimises."""
        return self.guess_loss

    def source(self, length: int) -> int:
        """The earliest step that can hold what the last answer depends on: how far back the gradient of its loss has to reach."""
        return 0

    def labels(self, x: np.ndarray) -> list[str]:
        """What stands under the time axis for one sequence x: (T,) symbols or (T, I) numbers."""
        return [str(v) for v in x]

    def shown(self, length: int) -> Batch:
        """The one held-out sequence that stands under the heatmap."""
        return self.draw(length, 1, np.random.default_rng(0), held_out=True)

    def example(self, length: int) -> list[str]:
        """Its labels, with its answer behind the last, and nothing where there is padding."""
        batch = self.shown(length)
        *labels, last = self.labels(batch.x[:, 0])
        padding = 0 if batch.words is None else length - int(batch.words[0])
        return [*[""] * padding, *labels[padding:], f"{last} → {self.answer(batch.y[:, 0])}"]

    def answer(self, y: np.ndarray) -> str:
        """The target of one sequence in words; y: (K,) or (K, O)."""
        return " ".join(str(v) for v in y)


class Classes(Task):
    """Tasks whose answer is one of `n_out` equally likely classes."""

    @property
    def answers(self) -> int:  # type: ignore[override]
        return self.n_out

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
DRAWN = 2**17  # symbols drawn at once for a network: many sequences where they are short, few where they are long
EXAM = 256  # held-out sequences that the accuracy is measured on
EXAM_SEED = 5  # of their random numbers
HELD_OUT_ONE_IN = 8  # one sequence in so many belongs to the test set


def everybodys_exam(task: Task, length: int) -> Batch:
    """The exam that every network sits, whatever its seed."""
    return task.exam(length, np.random.default_rng(EXAM_SEED))


def is_held_out(x: np.ndarray) -> np.ndarray:
    """(N,) bool from symbols (T, N): a hash of the sequence itself decides, so no sequence is ever on both sides."""
    weights = np.random.default_rng(0).integers(1, 2**63, len(x), dtype=np.uint64) | np.uint64(1)
    mixed = ((x.astype(np.uint64) + np.uint64(1)) * weights[:, None]).sum(0)  # wraps modulo 2^64
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(40)) % np.uint64(HELD_OUT_ONE_IN) == 0
