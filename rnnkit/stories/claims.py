"""What a story or a remedy claims about its networks, as bounds that tests train fresh networks for."""

from __future__ import annotations

from dataclasses import dataclass

from rnnkit.analysis.gradient_summary import MARKS, fate

Bounds = tuple[float, float]  # at least, at most

ANY: Bounds = (0.0, 1.0)
NONE, FEW, SOME, MOST, ALL = (0.0, 0.0), (0.0, 0.3), (0.2, 0.9), (0.6, 1.0), (0.85, 1.0)  # shares of networks
UNBOUNDED: Bounds = (0.0, float("inf"))
STEPS_OF_THE_SCALE = (0.0, *(mark * factor for mark in MARKS for factor in (0.5, 2.0)))  # a ratio for each word of `fate`


@dataclass(frozen=True)
class Claim:
    """Bounds on shares of the networks and on median gradient ratios, ||dL/ds|| at the source / at the last step."""

    solved: Bounds = ANY  # have learnt the task (rnnkit.analysis.learnt.bar) in some exam
    knows: Bounds = ANY  # know it in the last exam, and are not NaN
    diverged: Bounds = NONE  # are NaN at the end
    ratio: Bounds = UNBOUNDED  # before training
    after: Bounds = UNBOUNDED  # after training, of the networks that are not NaN
    part: str = "h"  # of the state the ratios speak of

    @property
    def learnt(self) -> bool | None:
        """Whether most networks know the task at the end; None where nothing is claimed."""
        return True if self.knows[0] >= 0.5 else False if self.knows[1] <= 0.5 else None

    @property
    def fates(self) -> tuple[set[str], set[str]]:
        """What may be said of the gradient before and after training, in the words of `rnnkit.analysis.summary.fate`."""
        return fates(self.ratio), fates(self.after)


def fates(bounds: Bounds) -> set[str]:
    """Every word of the scale for a ratio within the bounds, the upper one left out; nothing where both are 0: it was cut."""
    low, high = bounds
    if low == high == 0:
        return set()
    inside = (ratio for ratio in STEPS_OF_THE_SCALE if low <= ratio < high)
    return {fate(ratio) for ratio in (low, *inside, min(high, 1e30) * (1 - 1e-9))}
