"""Claims of stories and remedies about their networks, as bounds that tests check on networks with fresh seeds."""

from __future__ import annotations

from dataclasses import dataclass

from rnnkit.analysis.gradient_summary import PHRASE_BOUNDS, ratio_phrase

Bounds = tuple[float, float]  # (at least, at most)

ANY: Bounds = (0.0, 1.0)
NONE, FEW, SOME, MOST, ALL = (0.0, 0.0), (0.0, 0.3), (0.2, 0.9), (0.6, 1.0), (0.85, 1.0)  # shares of networks
UNBOUNDED: Bounds = (0.0, float("inf"))
RATIO_SAMPLES = (0.0, *(bound * factor for bound in PHRASE_BOUNDS for factor in (0.5, 2.0)))  # at least one ratio for each phrase


@dataclass(frozen=True)
class Claim:
    """Bounds on shares of the networks, and on median gradient ratios: ||dL/ds|| at the source over that at the last step."""

    solved: Bounds = ANY  # share that reaches rnnkit.analysis.learnt.solved_threshold in any evaluation
    solved_at_end: Bounds = ANY  # share that reaches it in the last evaluation and is not NaN
    diverged: Bounds = NONE  # share that is NaN at the end
    ratio: Bounds = UNBOUNDED  # before training
    after: Bounds = UNBOUNDED  # after training, of the networks that are not NaN
    part: str = "h"  # part of the state whose ratios are meant

    @property
    def learnt(self) -> bool | None:
        """Whether most networks have learnt the task at the end; None where nothing is claimed."""
        return True if self.solved_at_end[0] >= 0.5 else False if self.solved_at_end[1] <= 0.5 else None

    @property
    def ratio_phrases(self) -> tuple[set[str], set[str]]:
        """The phrases that hold for the gradient before and after training: see `gradient_summary.ratio_phrase`."""
        return ratio_phrases(self.ratio), ratio_phrases(self.after)


def ratio_phrases(bounds: Bounds) -> set[str]:
    """Returns the phrases of all ratios in [low, high); the empty set for (0, 0), a gradient that was cut."""
    low, high = bounds
    if low == high == 0:
        return set()
    inside = (ratio for ratio in RATIO_SAMPLES if low <= ratio < high)
    return {ratio_phrase(ratio) for ratio in (low, *inside, min(high, 1e30) * (1 - 1e-9))}
