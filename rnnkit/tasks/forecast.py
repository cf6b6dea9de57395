"""Base class of the tasks that predict numbers at every step, from a window of a series.

The targets of the first 80 % of the rows are for training, those of the last 20 % are held out. A window has a target at each
step but the first quarter of them, in which the state forgets that it began at zero (the washout of Jaeger 2001). While training
the network reads the true numbers at every step (teacher forcing). A held-out window may read the last training rows, but only in
its washout: no held-out target is ever trained on.

Numbers are in standard deviations of the training part. A prediction is right where its squared error is at most
`max_squared_error`, each of its numbers where there are several.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnkit.corpus.series import TRAINED_SHARE
from rnnkit.tasks.base import EVALUATION_SIZE, Batch, Task, shared_evaluation

WASHOUT = 4  # one step in so many, of each window, has no target


class Rows(NamedTuple):
    """x (S, I), what is read at each step; y (S, O), what is asked there."""

    x: np.ndarray
    y: np.ndarray


class Forecast(Task):
    """See the module."""

    loss, finite, min_length, samples = "squared_error", False, 10, "steps"
    evidence_name, end_name = "first step of the window", "last step"
    present: tuple[int, ...] = (0,)  # for each output, the input that is its present value; () where one has none
    fed_back: tuple[int, ...] = (0,)  # for each input, the output that predicts its next value; () where one has none

    def rows(self) -> Rows:
        """Returns all rows, in the order of time."""
        raise NotImplementedError

    def n_trained(self) -> int:
        """Returns how many of the first rows have a target for training."""
        return int(TRAINED_SHARE * len(self.rows().x))

    def n_targets(self, length: int) -> int:
        return length - length // WASHOUT

    @property
    def max_length(self) -> float:  # type: ignore[override]
        """The longest window that fits the training part, and whose targets fit the held-out part."""
        train = self.n_trained()
        held_out = len(self.rows().x) - train
        return min(train, held_out + held_out // (WASHOUT - 1))

    def starts(self, length: int, held_out: bool) -> tuple[int, int]:
        """Returns the first and the last row at which a window of this side can begin. Raises ValueError where none fits."""
        train = self.n_trained()
        first = train - length // WASHOUT if held_out else 0
        last = (len(self.rows().x) if held_out else train) - length
        if not 0 <= first <= last:
            raise ValueError(f"windows of '{self.title}' can have at most {self.max_length:,} steps, got {length:,}")
        return first, last

    def windows(self, length: int, starts: np.ndarray) -> Batch:
        """Returns the windows that begin at these rows: x (length, N, I), y (K, N, O)."""
        at = np.arange(length)[:, None] + starts
        return Batch(self.rows().x[at], self.rows().y[at[-self.n_targets(length) :]])

    def sample(self, length: int, n: int, rng: np.random.Generator) -> Batch:
        return self.draw(length, n, rng, False)

    def draw(self, length: int, n: int, rng: np.random.Generator, held_out: bool) -> Batch:
        first, last = self.starts(length, held_out)
        return self.windows(length, rng.integers(first, last + 1, n))

    def evaluation_batch(self, length: int, rng: np.random.Generator) -> Batch:
        """Returns windows over the whole held-out part. The targets of no two overlap."""
        first, last = self.starts(length, True)
        return self.windows(length, np.linspace(first, last, self.evaluation_size(length)).astype(np.int64))

    def evaluation_size(self, length: int) -> int:
        return min(EVALUATION_SIZE, (len(self.rows().x) - self.n_trained()) // self.n_targets(length))

    def baselines(self, length: int) -> dict[str, float]:
        """Returns those of every task and, where all the present values are read, "same as now", which repeats them."""
        found, batch = super().baselines(length), self.evaluation_batch(length, np.random.default_rng(0))
        if (same := self.same_as_now(batch)) is not None:
            found["same as now"] = self.score(same, batch.y)
        return found

    def same_as_now(self, batch: Batch) -> np.ndarray | None:
        """Returns the present values at the steps that have a target, (K, N, O); None where they are not all read."""
        return batch.x[-len(batch.y) :, :, list(self.present)] if self.present else None

    def score(self, z: np.ndarray, y: np.ndarray) -> float:
        """Returns the share of right predictions z (..., O) of y (..., O)."""
        return float((np.square(z - y).max(-1) <= self.max_squared_error).mean())

    def constant_score(self, batch: Batch) -> float:
        """Returns the accuracy of the best constant; of several numbers, of the constant that is the best for each by itself."""
        width = 2 * np.sqrt(self.max_squared_error)
        best = [_centre(values, width) for values in batch.y.reshape(-1, self.n_out).T]
        return self.score(np.array(best), batch.y)

    @property
    def chance(self) -> float:
        x, y = self.rows()
        return self.constant_score(Batch(x[:, None], y[: self.n_trained(), None]))

    @property
    def guess_loss(self) -> float:
        """The variance of the training targets, about 1: that of their mean."""
        return float(self.rows().y[: self.n_trained()].var(0).mean())

    def labels(self, x: np.ndarray) -> list[str]:
        return [number_text(row) for row in x]

    def answer(self, y: np.ndarray) -> str:
        return number_text(y[-1])


def number_text(numbers: np.ndarray) -> str:
    """Returns the first three of these numbers as a label of an axis."""
    return ", ".join(f"{v:.3g}" for v in numbers[:3]) + (", …" if len(numbers) > 3 else "")


def forecast_text(task: Forecast, length: int, errors: np.ndarray) -> str:
    """Returns the errors of some networks, (n,), in a sentence, beside those of the rules that need no memory.

    An error is the root of the mean squared error of held-out predictions, in standard deviations of the training part (NRMSE).
    """
    batch = shared_evaluation(task, length)
    rules = {"same as now": task.same_as_now(batch), "the mean": np.zeros(1)}
    found = {name: float(np.sqrt(np.square(z - batch.y).mean())) for name, z in rules.items() if z is not None}
    who = "network" if len(errors) == 1 else f"median of {len(errors)} networks"
    ours = f"{np.median(errors):.3g} ({who})" if len(errors) else "no network is left"
    others = ", ".join(f"{error:.3g} ({name})" for name, error in found.items())
    return f"Error of held-out predictions in standard deviations (NRMSE): {ours}, {others}."


def standardized(values: np.ndarray, n_train: int) -> np.ndarray:
    """Returns (values - mean) / standard deviation, both of the first n_train rows alone."""
    return (values - values[:n_train].mean(0)) / values[:n_train].std(0)


def _centre(values: np.ndarray, width: float) -> float:
    """Returns the centre of the interval of this width that holds most of the values."""
    values = np.sort(values)
    held = np.searchsorted(values, values + width, "right") - np.arange(len(values))
    first = int(held.argmax())
    return float(values[first] + values[first + held[first] - 1]) / 2
