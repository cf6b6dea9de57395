"""Trains an Experiment's networks, to the end or until all have solved the task, and says what came out of each."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.learnt import solved_threshold
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.record import Record
from rnnkit.engine.trainer import Trainer, train
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.training_outcome import TrainingOutcome

UNTIL = ("solved", "end")
SECONDS_BETWEEN_PROGRESS = 0.5


class SolvedSteps:
    """When each of R networks has solved the task: at the first of two tests in a row that it passes.

    It passes a test with an accuracy of at least `learnt.solved_threshold`, usually 99 %. What comes later does not count, so the
    steps of a run that ends early are those of the whole run.
    """

    def __init__(self, e: Experiment) -> None:
        self.e, self._threshold = e, solved_threshold(e)
        self.steps = np.full(e.replicas, -1)
        self._passed = np.full(e.replicas, False)  # the test before
        self._before = 0  # training step of the test before

    def update(self, record: Record) -> bool:
        """Takes the next Record. Returns whether no network is left that could still solve the task."""
        if record.step % self.e.eval_every and record.step != self.e.steps:
            return False
        passed = record.accuracy >= self._threshold  # False for NaN
        self.steps[passed & self._passed & (self.steps < 0)] = self._before
        self._passed, self._before = passed, record.step
        return bool(((self.steps >= 0) | (record.diverged >= 0)).all())


def records_until(e: Experiment, until: str, solved: SolvedSteps, trainer: Trainer | None = None) -> Iterator[Record]:
    """Yields the first Records of `train(e)`, or of a `trainer` that has just been made, and updates `solved` with each.

    until: "end" yields all. "solved" yields up to the test at which each network has solved the task or diverged.
    """
    if until not in UNTIL:
        raise ValueError(f"until must be one of {', '.join(UNTIL)}, got {until!r}")
    for record in train(e) if trainer is None else trainer.records():
        over = solved.update(record)
        yield record
        if over and until == "solved":
            return


def study(e: Experiment, until: str = "end") -> Iterator[Progress | TrainingOutcome]:
    """Trains the networks and yields Progress, and the TrainingOutcome last. Raises ValueError for an unknown `until`."""
    start, solved = time.perf_counter(), SolvedSteps(e)
    first, yielded = None, -SECONDS_BETWEEN_PROGRESS
    with no_grad_no_denormals():
        trainer = Trainer(e, examines=False)
    for record in records_until(e, until, solved, trainer):
        first = first or record
        if (now := time.perf_counter() - start) >= yielded + SECONDS_BETWEEN_PROGRESS:
            yield Progress((record.step + 1) / (e.steps + 1))
            yielded = now
    assert first is not None
    yield TrainingOutcome(
        solved_step=solved.steps,
        accuracy=record.accuracy.astype(np.float64),
        diverged_step=record.diverged.astype(np.int64),
        ratio_before=_ratios(first, e),
        ratio_after=_ratios(record, e),
        steps=record.step,
        seconds=time.perf_counter() - start,
    )


def _ratios(record: Record, e: Experiment) -> np.ndarray:
    """(R,) the gradient_ratio of each network by itself."""
    return np.array([gradient_ratio(record.state_grad[..., r : r + 1], e) for r in range(e.replicas)])
