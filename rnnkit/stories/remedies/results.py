"""Outcomes of the runs of a panel: the numbers of one run, and sentences about all runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rnnkit.analysis.gradient_summary import PHRASE_BOUNDS, gradient_ratio
from rnnkit.analysis.learnt import NEARLY, SOLVED, last_accuracy, solved_at, solved_threshold
from rnnkit.engine.history import History
from rnnkit.rounding import amount, smallest
from rnnkit.stories.remedies.panels import Panel, Remedy


class Outcome(StrEnum):
    """What most networks of a run have reached."""

    OPEN = "open"  # not yet known
    LEARNT = "learnt"  # most reach rnnkit.analysis.learnt.solved_threshold at the end
    NEARLY = "nearly learnt"  # most have at least 90 % right, and more than the task's baselines
    GUESSES = "not learnt"
    BROKEN = "NaN"  # at least half of the networks


@dataclass(frozen=True)
class Result:
    """Numbers of R networks, up to the last recorded row."""

    done: bool  # whether the training is over
    solved: np.ndarray  # (R,) first step at which a network reached `enough`, -1 for never
    score: np.ndarray  # (R,) accuracy of the last evaluation, NaN before the first one and for networks that are NaN
    diverged: np.ndarray  # (R,) step at which a network became NaN, -1 for never
    before: float  # median ratio of ||dL/ds|| at the source to that at the last step, before training
    after: float  # the same at the last row
    enough: float = SOLVED  # score that counts as learnt
    nearly: float = NEARLY  # score that counts as nearly learnt

    @property
    def outcome(self) -> Outcome:
        """What most of the networks have reached."""
        R = len(self.solved)
        if 2 * (self.diverged >= 0).sum() >= R:
            return Outcome.BROKEN
        if not self.done:
            return Outcome.OPEN
        if 2 * self.solved_at_end.sum() > R:
            return Outcome.LEARNT
        return Outcome.NEARLY if 2 * (self.score >= self.nearly).sum() > R else Outcome.GUESSES

    @property
    def solved_at_end(self) -> np.ndarray:
        """(R,) bool, whether the last score counts as learnt."""
        return self.score >= self.enough

    @property
    def steps(self) -> float:
        """Median number of training steps until solved, over the networks that solved it; NaN where none did."""
        return float(np.median(self.solved[self.solved >= 0])) if (self.solved >= 0).any() else float("nan")


def measure(remedy: Remedy, history: History, n: int) -> Result:
    """Returns the Result of the first n > 0 rows of the remedy's run."""
    e, part = remedy.experiment, history.parts.index(remedy.claim.part)
    return result(history, n, *(gradient_ratio(history.state_grad[row], e, part) for row in (0, n - 1)))


def result(history: History, n: int, before: float = float("nan"), after: float = float("nan")) -> Result:
    """Returns the Result of the first n > 0 rows of any run. before, after: the ratios of its gradient."""
    e, accuracy, enough = history.e, history.accuracy[:n], solved_threshold(history.e)
    return Result(
        done=n == len(history.steps),
        solved=solved_at(history.steps[:n], accuracy, enough),
        score=last_accuracy(accuracy, history.diverged[n - 1]),
        diverged=history.diverged[n - 1],
        before=before,
        after=after,
        enough=enough,
        nearly=solved_threshold(e, NEARLY),
    )


def lessons(panel: Panel, results: Mapping[str, Result]) -> list[str]:
    """Returns sentences on the finished runs of the panel, derived from their numbers alone (Markdown)."""
    found = {outcome: [name for name, r in results.items() if r.done and r.outcome == outcome] for outcome in Outcome}
    heads = {
        Outcome.LEARNT: "**Most networks learnt it**",
        Outcome.NEARLY: "**Nearly learnt**, 90 % right in most",
        Outcome.GUESSES: "**No NaN in most, but not learnt**" if found[Outcome.BROKEN] else "**Not learnt**",
        Outcome.BROKEN: "**NaN in at least half**",
    }
    sentences = [
        f"{head}: {' · '.join(panel.remedies[name].idea.title for name in found[outcome])}."
        for outcome, head in heads.items()
        if found[outcome]
    ]
    arrived, lost = ([results[name].after for name in found[which]] for which in (Outcome.LEARNT, Outcome.GUESSES))
    known = bool(arrived and lost and np.isfinite([*arrived, *lost]).all())
    if known and min(arrived) > 10 * max(lost):  # the gradient separates the two groups
        source = panel.plain.bound_task.evidence_name
        most = amount(max(lost), smallest().removeprefix("below "), PHRASE_BOUNDS)
        least = amount(min(arrived), apart=PHRASE_BOUNDS)
        sentences.append(
            f"Where it was learnt, at least {least} of the gradient is left at the {source} after "
            f"training; where it was not, at most {most}."
        )
    return sentences
