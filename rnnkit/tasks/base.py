"""Task, the base class: sequences with targets for their last K steps, the accuracy of guessing, and labels.

A task is numpy alone. Symbols are integers (T, N), numbers floats (T, N, I): time first, N sequences. The targets y stand
for the last K steps: class indices (K, N), or floats (K, N, O). Sequences of different lengths are aligned at the end. The
steps before the first symbol of a shorter one are padding, which no network reads.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnkit.tasks.data import STORE, DataStore


@dataclass(frozen=True)
class Batch:
    """x: (T, N) symbols or (T, N, I) numbers; y: targets of the last K steps, (K, N) classes or (K, N, O) numbers."""

    x: np.ndarray
    y: np.ndarray
    lengths: np.ndarray | None = None  # (N,) how many of the last steps are the sequence, where not all are: before it, padding
    weight: np.ndarray | None = None  # (N,) of each sequence in the loss, 1 on average, where they do not count the same

    def part(self, rows: slice | np.ndarray) -> Batch:
        lengths, weight = (None if v is None else v[rows] for v in (self.lengths, self.weight))
        return Batch(self.x[:, rows], self.y[:, rows], lengths, weight)


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns the sequences of all these batches in one."""

    def join(name: str, axis: int) -> np.ndarray:
        return np.concatenate([getattr(b, name) for b in batches], axis)

    one = batches[0]
    if len(batches) == 1:
        return one
    lengths, weight = (None if getattr(one, name) is None else join(name, 0) for name in ("lengths", "weight"))
    return Batch(join("x", 1), join("y", 1), lengths, weight)


class Task(ABC):
    """One kind of sequence to learn. `length` is the number of inputs T."""

    title: str
    about: str  # one sentence for the page
    n_in: int  # input symbols or numbers
    n_out: int
    loss: ClassVar[str] = "cross_entropy"
    min_length: ClassVar[int]
    max_length: float = math.inf  # what it reads can be too short for longer sequences
    max_squared_error: ClassVar[float] = 0.04  # of a number that counts as right
    samples: ClassVar[str] = "sequences"  # what the accuracy counts, in a sentence
    evidence_name: str = "start"  # what stands at `evidence_step`, and at the last step, in a sentence about the gradient
    end_name: ClassVar[str] = "end"
    finite: ClassVar[bool] = True  # symbols: the same sequence can come twice, so train and test are kept apart by a hash
    data: ClassVar[str] = ""  # what it can be given to learn from: "corpus", "text" or "series"; see `with_data`
    by_words: ClassVar[bool] = False  # with data: the symbols are words, as many as the vocabulary holds
    padded: ClassVar[bool] = False  # sequences of different lengths: batches have `lengths`
    time_axis: ClassVar[str] = "time in the sequence"  # what the time axis counts; `padded`: back from the last step, 0
    of_one_length: ClassVar[str] = ""  # the name of the task that asks the same of sequences of one length, where it is another
    carries_state: ClassVar[bool] = False  # a training batch goes on where the one before ended, and so does the state
    answers: int = 0  # equally likely answers, equally frequent in the evaluation batch; 0: it is as it is drawn

    @property
    def fields(self) -> tuple[str, ...]:
        """Returns the fields of the Experiment that act on this task, of those not for all tasks."""
        return ("data", *(["vocabulary"] if self.by_words else [])) if self.data else ()

    @abstractmethod
    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        """Draws n independent sequences of `length` inputs."""

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        """Draws exactly n sequences of the training side, or of the held-out side. Raises ValueError where too few are found."""
        if not self.finite:
            return self.sample(length, n, rng)
        found, have = [], 0
        share = 1 / HELD_OUT_ONE_IN if held_out else 1 - 1 / HELD_OUT_ONE_IN
        for _ in range(100):
            batch = self.sample(length, min(int((n - have) / share * 1.1) + 16, max(16, MAX_SYMBOLS_DRAWN // length)), rng)
            found.append(batch.part(np.flatnonzero(is_held_out(batch.x) == held_out)[: n - have]))
            have += found[-1].x.shape[1]
            if have == n:
                return joined(found)
        raise ValueError(f"task '{self.title}' has too few different sequences of length {length} to hold some out for testing")

    def stream(self, length: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yields training batches of `batch` sequences without end."""
        blocks = max(1, min(1024, BLOCK_SYMBOLS // length) // batch)
        while True:
            block = self.draw(length, blocks * batch, rng, held_out=False)
            for i in range(blocks):
                yield block.part(slice(i * batch, (i + 1) * batch))

    def evaluation_batch(self, length: int, rng: np.random.Generator) -> Batch:
        """Draws the `evaluation_size` held-out sequences whose accuracy is shown while training.

        With `answers` each answer is equally frequent, so that a constant answer has the accuracy 1 / answers. Raises ValueError
        where too few sequences with some answer are found.
        """
        if not self.answers:
            return self.scored(self.draw(length, EVALUATION_SIZE, rng, held_out=True))
        each, found = EVALUATION_SIZE // self.answers, []
        for _ in range(100):
            found.append(self.draw(length, 2 * EVALUATION_SIZE, rng, held_out=True))
            batch = joined(found)
            chosen = np.sort(np.concatenate([np.flatnonzero(batch.y[0] == answer)[:each] for answer in range(self.answers)]))
            if len(chosen) == each * self.answers:
                return batch.part(chosen)
        raise ValueError(f"task '{self.title}' has too few different sequences of length {length} to test every answer")

    def evaluation_size(self, length: int) -> int:
        """Returns the number of sequences of `evaluation_batch`: EVALUATION_SIZE, or the next lower multiple of `answers`."""
        return EVALUATION_SIZE - (EVALUATION_SIZE % self.answers if self.answers else 0)

    def baselines(self, length: int) -> dict[str, float]:
        """Returns name -> accuracy on the shared evaluation batch of rules that need no memory for the order of the inputs.

        "chance" is always among them: the best constant answer. Accuracies are shares from 0 to 1.
        """
        return {"chance": 1 / self.answers if self.answers else self.constant_score(shared_evaluation(self, length))}

    def constant_score(self, batch: Batch) -> float:
        """Returns the accuracy, 0 to 1, of the best constant answer on this batch. A negative target matches no answer."""
        return float(np.bincount(batch.y[batch.y >= 0], minlength=1).max() / batch.y.size)

    def with_data(self, digest: str, vocabulary: int, store: DataStore = STORE) -> Task:
        """Returns this task on the data of this digest in the store, "" the example's; a task that reads none returns itself.

        Of the words only the `vocabulary` most frequent ones are told apart. Raises KeyError where the data are not there or
        not of the kind `data`, ValueError where the task cannot use them.
        """
        return self

    def n_targets(self, length: int) -> int:
        """Returns K, the number of last steps that have a target."""
        return 1

    def scored(self, batch: Batch) -> Batch:
        """Returns the batch with those targets alone, of its last steps, that the accuracy counts."""
        return batch

    @property
    @abstractmethod
    def chance(self) -> float:
        """Expected accuracy, 0 to 1, of the best constant answer. `baselines` measures it on the evaluation batch."""

    @property
    @abstractmethod
    def guess_loss(self) -> float:
        """Loss of the best constant prediction, as losses.py computes it, at the steps of `guessed_share`."""

    @property
    def squared_guess_loss(self) -> float:
        """The same under the squared error on one-hot targets, the loss of a reservoir's readout."""
        return self.guess_loss

    def guessed_share(self, length: int) -> float:
        """Returns the share, 0 to 1, of the K targets that have to be guessed: the others always are the same."""
        return 1.0

    def evidence_step(self, length: int) -> int:
        """Returns the earliest step on which the last answer can depend: the gradient of its loss has to reach this step."""
        return 0

    def cut_text(self, length: int) -> str:
        """Returns a sentence on the given sequences that are longer than `length`, and lose their beginning; "" where none is."""
        return ""

    def labels(self, x: np.ndarray) -> list[str]:
        """Returns the T labels under the time axis of one sequence x: (T,) symbols or (T, I) numbers."""
        return [str(v) for v in x]

    def landmarks(self, x: np.ndarray) -> list[int]:
        """Returns the steps of x, (T,) or (T, I), whose input decides the answer; else `evidence_step`."""
        return [self.evidence_step(len(x))]

    def versions(self, batch: Batch) -> dict[str, Batch]:
        """Returns name -> the only sequence of this batch, with the input that decides its answer set to each value.

        Empty where no single input decides the answer.
        """
        return {}

    def example(self, length: int) -> Batch:
        """Draws the held-out sequence whose labels the heatmap shows: x (T, 1[, I]), y (K, 1[, O])."""
        return self.draw(length, 1, np.random.default_rng(0), held_out=True)

    def example_labels(self, length: int) -> list[str]:
        """Returns the T labels of `example`: "" for padding, and the answer after the last one."""
        batch = self.example(length)
        *labels, last = self.labels(batch.x[:, 0])
        padding = 0 if batch.lengths is None else length - int(batch.lengths[0])
        return [*[""] * padding, *labels[padding:], f"{last} → {self.answer(batch.y[:, 0])}"]

    def answer(self, y: np.ndarray) -> str:
        """Returns the target y of one sequence as text; y: (K,) or (K, O)."""
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


MAX_SYMBOLS_DRAWN = 2**22  # at once: 32 MB
BLOCK_SYMBOLS = 2**17  # of a block of training batches, which is drawn at once: the shorter the sequences, the more of them
EVALUATION_SIZE = 256  # held-out sequences on which the accuracy is measured
EVALUATION_SEED = 5  # of their random numbers
HELD_OUT_ONE_IN = 8  # one sequence in so many belongs to the test set


def shared_evaluation(task: Task, length: int) -> Batch:
    """Returns the evaluation batch of all networks, whatever their seeds."""
    return task.evaluation_batch(length, np.random.default_rng(EVALUATION_SEED))


def is_held_out(x: np.ndarray) -> np.ndarray:
    """Returns (N,) bool for symbols (T, N). A hash of the sequence decides, so no sequence is on both sides."""
    weights = np.random.default_rng(0).integers(1, 2**63, len(x), dtype=np.uint64) | np.uint64(1)
    mixed = np.matmul(weights, x, dtype=np.uint64, casting="unsafe") + weights.sum()  # of x + 1; wraps modulo 2^64
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(40)) % np.uint64(HELD_OUT_ONE_IN) == 0
