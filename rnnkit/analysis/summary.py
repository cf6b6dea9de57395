"""One sentence or two that say what happened in a run, derived from its numbers; and the numbers they are derived from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.analysis.gradient_summary import cause, gradient_sentence, loss_is_high
from rnnkit.analysis.learnt import outcome
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment


@dataclass(frozen=True)
class Verdict:
    gradient: str  # how the gradient fared on its way back
    outcome: str  # what the networks learnt
    tone: str  # good, bad or neutral: for the colour beside it
    cause: str = ""  # why the gradient fared so, as far as it can be known

    @property
    def text(self) -> str:
        return " ".join(filter(None, (self.gradient, self.cause, self.outcome)))


def verdict(h: History, row: int | None = None) -> Verdict:
    """What happened up to a row of the History, the last one where none is given; it must have at least one."""
    row = h.n - 1 if row is None else row
    e, n, diverged = h.e, row + 1, h.diverged[row]
    learning, learnt = outcome(e, h.steps[:n], h.accuracy[:n], diverged)
    if (diverged >= 0).any():
        return Verdict(_divergence(e, diverged, h.causes[row]), learning, "bad")
    tone = "bad" if loss_is_high(h, row) else "good" if learnt else "neutral"
    return Verdict(gradient_sentence(h, row), learning, tone, cause(h, row))


def _divergence(e: Experiment, diverged: np.ndarray, causes: Sequence[str]) -> str:
    r = int(np.where(diverged >= 0, diverged, np.iinfo(np.int32).max).argmin())
    if e.replicas == 1:
        return f"It exploded: the network became NaN at training step {diverged[r]}, in {causes[r]}."
    who = f"{(diverged >= 0).sum()} of {e.replicas} networks"
    return f"It exploded: {who} became NaN, the first at training step {diverged[r]}, in {causes[r]}."
