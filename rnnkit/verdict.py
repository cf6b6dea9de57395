"""One sentence or two that say what happened in a run, derived from its numbers; and the numbers they are derived from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.experiment import Experiment
from rnnkit.gradient_summary import (
    ARRIVES,
    cause,
    fate,
    gradient_ratio,
    gradient_sentence,
    is_cut,
    loss_is_high,
    per_step,
    share,
)
from rnnkit.history import History

__all__ = ["ARRIVES", "SOLVED", "Verdict", "fate", "gradient_ratio", "is_cut", "per_step", "share", "solved_at", "verdict"]

SOLVED = 0.99  # of held-out sequences


@dataclass(frozen=True)
class Verdict:
    gradient: str  # how the gradient fared on its way back
    outcome: str  # what the networks learnt
    tone: str  # good, bad or neutral: for the colour beside it
    cause: str = ""  # why the gradient fared so, as far as it can be known

    @property
    def text(self) -> str:
        return " ".join(filter(None, (self.gradient, self.cause, self.outcome)))


def solved_at(steps: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """(R,): the first step with 99 % of the held-out sequences right, -1 where there is none; accuracy (N, R)."""
    good = accuracy >= SOLVED
    return np.where(good.any(0), steps[good.argmax(0)], -1)


def verdict(h: History, row: int | None = None) -> Verdict:
    """What happened up to a row of the History, the last one where none is given; it must have at least one."""
    row = h.n - 1 if row is None else row
    e, n, dead = h.e, row + 1, h.diverged[row] >= 0
    outcome, learnt = _outcome(e, h.steps[:n], h.accuracy[:n], dead)
    if dead.any():
        return Verdict(_divergence(e, h.diverged[row], h.causes[row]), outcome, "bad")
    tone = "bad" if loss_is_high(h, row) else "good" if learnt else "neutral"
    return Verdict(gradient_sentence(h, row), outcome, tone, cause(h, row))


def _divergence(e: Experiment, diverged: np.ndarray, causes: Sequence[str]) -> str:
    r = int(np.where(diverged >= 0, diverged, np.iinfo(np.int32).max).argmin())
    if e.replicas == 1:
        return f"It exploded: the network became NaN at training step {diverged[r]}, in {causes[r]}."
    who = f"{(diverged >= 0).sum()} of {e.replicas} networks"
    return f"It exploded: {who} became NaN, the first at training step {diverged[r]}, in {causes[r]}."


def _outcome(e: Experiment, steps: np.ndarray, accuracy: np.ndarray, dead: np.ndarray) -> tuple[str, bool]:
    """The sentence, and whether most networks have learnt the task and still know it."""
    task = e.bound_task
    samples = f"new {task.samples}"
    measured = accuracy[~np.isnan(accuracy).all(1)]
    if dead.all() or not len(measured):
        return "Nothing was learnt.", False
    at, now = solved_at(steps, accuracy), measured[-1]
    solved = at >= 0
    who = "The network" if e.replicas == 1 else f"{solved.sum()} of {e.replicas} networks"
    if solved.any():
        when = f"by step {int(np.median(at[solved]))}" + (" (median)" if e.replicas > 1 else "")
        lost = int((now[solved] < SOLVED).sum())
        lapse = f", but {lost if e.replicas > 1 else 'it'} fell below again" if lost else ""
        return f"{who} got at least 99 % of {samples} right, {when}{lapse}.", 2 * (now >= SOLVED).sum() > e.replicas
    rest = "the others: " if dead.any() else ""
    score = f"{rest}{np.nanmedian(now):.0%} of {samples} right, a guesser {task.chance:.0%}"
    if task.data and steps[-1] == e.steps:  # nobody gets all of somebody's sentences right
        return f"{score[0].upper()}{score[1:]}.", False
    return (f"So far {score}." if steps[-1] < e.steps else f"Not learnt: {score}."), False
