"""Trains in this process, one run after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnkit.results import Progress
from rnnkit.sweep.executors.base import STUDY, Event, Job


class InProcess:
    """Trains in this process, on as many threads as torch has here. For tests, and where no process can be started."""

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Event]:
        from rnnkit.studies import STUDIES

        for i, (e, until) in enumerate(jobs):
            try:
                for part in STUDIES[STUDY](e, until=until):
                    yield None if isinstance(part, Progress) else (i, part)
            except (RuntimeError, ValueError, MemoryError) as error:
                yield i, f"{type(error).__name__}: {error}"

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None: ...
