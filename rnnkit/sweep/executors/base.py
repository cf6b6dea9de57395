"""The protocol of executors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

from rnnkit.experiment import Experiment
from rnnkit.results.training_outcome import TrainingOutcome

STUDY = "training_outcome"  # what every executor computes (rnnkit/studies/training_outcome.py)
Job: TypeAlias = tuple[Experiment, str]  # and until when it trains
# Index of a job, and its outcome, or why it failed in words; a note to the user; or nothing.
Event: TypeAlias = tuple[int, TrainingOutcome | str] | str | None


class Executor(Protocol):
    """Trains jobs. A context manager; what it started ends with it. It can be entered again."""

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Yields each job's index and outcome as it ends, in any order, and why it failed where it did.

        Begins the jobs in their order. Yields a text for what the user should know, and None at least twice a second where
        nothing ends. Where the iterator is closed early, what is not done is given up.
        """

    def __enter__(self) -> Executor: ...

    def __exit__(self, *_: object) -> None: ...
