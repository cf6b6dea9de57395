"""What came out of each network of a recorded run: the same as the study `training_outcome`, which trains the run itself."""

from __future__ import annotations

import numpy as np

from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.learnt import solved_threshold
from rnnkit.engine.history import History
from rnnkit.results.training_outcome import TrainingOutcome


def run_outcome(history: History, n: int, until: str = "solved", seconds: float = 0.0) -> TrainingOutcome | None:
    """Returns the outcome of the first n rows of a run, None where they do not reach its end.

    until: "end" is the run's last training step. "solved" is the test at which each network has solved the task (it has passed
    two tests in a row) or diverged, else the last training step. Rows after the end change nothing. A test is an evaluation, and
    an accuracy of at least `solved_threshold` passes it. seconds: of training those n rows.
    """
    e, steps = history.e, history.steps[:n]
    tests = np.flatnonzero((steps % e.eval_every == 0) | (steps == e.steps))
    passed = history.accuracy[tests] >= solved_threshold(e)  # (K, R), False for NaN
    twice = passed[:-1] & passed[1:]
    solved = np.vstack([np.zeros((1, e.replicas), bool), np.logical_or.accumulate(twice)])[: len(tests)]
    over = (solved | (history.diverged[tests] >= 0)).all(1)
    if until == "solved" and over.any():
        last = int(tests[over.argmax()])
    elif n == len(history.steps):
        last = n - 1
    else:
        return None
    twice = twice[: np.count_nonzero(tests <= last) - 1]
    first = twice.argmax(0) if len(twice) else np.zeros(e.replicas, int)
    return TrainingOutcome(
        solved_step=np.where(twice.any(0), steps[tests[first]], -1),
        accuracy=history.accuracy[last].astype(np.float64),
        diverged_step=history.diverged[last].astype(np.int64),
        ratio_before=_ratios(history, 0),
        ratio_after=_ratios(history, last),
        steps=int(steps[last]),
        seconds=seconds * (last + 1) / n,
    )


def _ratios(history: History, row: int) -> np.ndarray:
    """(R,) the gradient_ratio of each network by itself."""
    grad = history.state_grad[row]
    return np.array([gradient_ratio(grad[..., r : r + 1], history.e) for r in range(history.e.replicas)])
