"""The verdict on a run: one or two sentences derived from its records."""

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
    """Sentences about one run, up to one row of its History."""

    gradient: str  # how much of the gradient reaches the source
    outcome: str  # how many networks have learnt the task
    tone: str  # "good", "bad" or "neutral", which decides the colour
    cause: str = ""  # why the gradient is so, as far as the records show

    @property
    def text(self) -> str:
        """All sentences in one string."""
        return " ".join(filter(None, (self.gradient, self.cause, self.outcome)))


def verdict(h: History, row: int | None = None) -> Verdict:
    """Returns the Verdict up to a row of the History, by default the last one. The History must have at least one row."""
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
