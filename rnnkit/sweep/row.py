"""Row: what one network of a run came to, and the rows of a run."""

from __future__ import annotations

from dataclasses import dataclass

from rnnkit.experiment import Experiment
from rnnkit.results.training_outcome import TrainingOutcome


@dataclass(frozen=True, slots=True)
class Row:
    """One network at the end of its run. NaN: not measured, or the network has diverged."""

    network: int  # 0 to replicas - 1
    seed: int  # the Experiment's seed + network
    solved_step: int | None  # training step of the first of two tests in a row that it passed, with 99 %; None: never
    accuracy: float  # on new sequences, at the last record; may be NaN
    diverged_step: int | None  # training step at which the network became NaN; None: never
    ratio_before: float  # ||dL/dh_subject|| / ||dL/dh_last|| before the first update; may be NaN or inf
    ratio_after: float  # the same at the last record
    steps: int  # training steps done
    seconds: float  # of the run, divided by its number of networks


def rows_of(e: Experiment, outcome: TrainingOutcome) -> list[Row]:
    """Returns the rows of a run, one a network."""
    return [
        Row(
            network=r,
            seed=e.seed + r,
            solved_step=_step(outcome.solved_step[r]),
            accuracy=float(outcome.accuracy[r]),
            diverged_step=_step(outcome.diverged_step[r]),
            ratio_before=float(outcome.ratio_before[r]),
            ratio_after=float(outcome.ratio_after[r]),
            steps=outcome.steps,
            seconds=outcome.seconds / e.replicas,
        )
        for r in range(e.replicas)
    ]


def _step(step: int) -> int | None:
    return None if step < 0 else int(step)
