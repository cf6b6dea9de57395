"""What the runs of a panel have shown: numbers of one run, and sentences about all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rnnkit.analysis.describe import amount, smallest
from rnnkit.analysis.gradient_summary import MARKS, gradient_ratio
from rnnkit.analysis.learnt import NEARLY, SOLVED, bar, last_exam, solved_at
from rnnkit.engine.history import History
from rnnkit.stories.remedies.panels import Panel, Remedy


class Outcome(StrEnum):
    OPEN = "open"  # not yet known
    LEARNT = "learnt"  # most networks have at the end what counts as learnt: rnnkit.analysis.learnt.bar
    NEARLY = "nearly learnt"  # most have at least 90 % right, and more than the task's baselines
    GUESSES = "not learnt"
    BROKEN = "NaN"  # of at least half of the networks


@dataclass(frozen=True)
class Result:
    """What R networks have shown up to the last row that there is."""

    done: bool
    solved: np.ndarray  # (R,) first step at which a network had learnt it, -1 where there is none
    score: np.ndarray  # (R,) share of right answers in the last exam, NaN where there was none and of what is NaN now
    diverged: np.ndarray  # (R,) the step at which a network became NaN, -1 while it is sound
    before: float  # median of ||dL/ds|| at the source over that at the last step, untrained
    after: float  # the same at the last row
    enough: float = SOLVED  # the score that counts as learnt
    nearly: float = NEARLY  # and as nearly learnt

    @property
    def outcome(self) -> Outcome:
        R = len(self.solved)
        if 2 * (self.diverged >= 0).sum() >= R:
            return Outcome.BROKEN
        if not self.done:
            return Outcome.OPEN
        if 2 * self.knows.sum() > R:
            return Outcome.LEARNT
        return Outcome.NEARLY if 2 * (self.score >= self.nearly).sum() > R else Outcome.GUESSES

    @property
    def knows(self) -> np.ndarray:
        """(R,) whether the last exam was passed."""
        return self.score >= self.enough

    @property
    def steps(self) -> float:
        """Until solved: the median over the networks that did; NaN where none did."""
        return float(np.median(self.solved[self.solved >= 0])) if (self.solved >= 0).any() else float("nan")


def measure(remedy: Remedy, history: History, n: int) -> Result:
    """From the first n > 0 rows of the run."""
    e, part = remedy.experiment, history.parts.index(remedy.claim.part)
    accuracy, enough = history.accuracy[:n], bar(e)
    return Result(
        done=n == len(history.steps),
        solved=solved_at(history.steps[:n], accuracy, enough),
        score=last_exam(accuracy, history.diverged[n - 1]),
        diverged=history.diverged[n - 1],
        before=gradient_ratio(history.state_grad[0], e, part),
        after=gradient_ratio(history.state_grad[n - 1], e, part),
        enough=enough,
        nearly=bar(e, NEARLY),
    )


def lessons(panel: Panel, results: Mapping[str, Result]) -> list[str]:
    """What the finished runs of the panel show, in a few sentences that come from their numbers alone."""
    found = {outcome: [name for name, r in results.items() if r.done and r.outcome == outcome] for outcome in Outcome}
    heads = {
        Outcome.LEARNT: "**Most networks learnt it**",
        Outcome.NEARLY: "**Nearly learnt**, 90 % right in most",
        Outcome.GUESSES: "**No NaN in most, but not learnt**" if found[Outcome.BROKEN] else "**Not learnt**",
        Outcome.BROKEN: "**NaN in at least half**",
    }
    told = [
        f"{head}: {' · '.join(panel.remedies[name].idea.title for name in found[outcome])}."
        for outcome, head in heads.items()
        if found[outcome]
    ]
    arrived, lost = ([results[name].after for name in found[which]] for which in (Outcome.LEARNT, Outcome.GUESSES))
    known = bool(arrived and lost and np.isfinite([*arrived, *lost]).all())
    if known and min(arrived) > 10 * max(lost):  # then the gradient tells the two apart
        source = panel.plain.bound_task.source_name
        most = amount(max(lost), smallest().removeprefix("below "), MARKS)
        told.append(
            f"Where it was learnt, at least {amount(min(arrived), apart=MARKS)} of the gradient is left at the {source} after "
            f"training; where it was not, at most {most}."
        )
    return told
