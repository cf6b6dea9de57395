"""Run: one Experiment in training or trained, who looks at it, and what is told of it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from rnnkit.analysis.describe import summary
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import gigaflops
from rnnkit.serving.scheduler import Request

STATUSES = ("training", "queued", "waiting", "done", "failed")


class Worker(Protocol):
    """What a run needs of the process that trains it (WorkerProcess)."""

    goal: int  # rows that it trains up to
    heard: float  # when it last gave a sign of life

    def say(self, **command: Any) -> None: ...

    def leave(self) -> None: ...


@dataclass
class Viewer:
    """One viewer's last word on a run."""

    seen: float
    wants: int
    patient: bool = False
    since: float = 0.0  # when it began to want more than there is


@dataclass(eq=False)
class Run:
    """One Experiment in training or trained. Read it freely; only the pool changes it."""

    experiment: Experiment
    history: History
    seconds: float = 0.0  # of training, by the worker's clock
    error: str = ""
    viewers: dict[str, Viewer] = field(default_factory=dict)
    worker: Worker | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Names the run in logs and on the status page; the same wherever the same Experiment is trained."""
        return self.experiment.key[:8]

    def __post_init__(self) -> None:
        self.gigaflops = gigaflops(self.experiment)  # now: the data that it names may be forgotten before the run is

    @property
    def rows(self) -> int:
        return len(self.history.steps)

    @property
    def done(self) -> bool:
        return self.history.n == self.rows

    @property
    def wanted(self) -> int:
        """How many rows somebody wants."""
        return max((v.wants for v in list(self.viewers.values())), default=0)  # viewers come and go meanwhile

    @property
    def wishes(self) -> list[Request]:
        """Of those who want more."""
        n = self.history.n
        return [Request(v.patient, v.since, person(name)) for name, v in self.viewers.items() if v.wants > n]

    @property
    def persons(self) -> set[str]:
        return {person(name) for name in self.viewers}

    @property
    def hungry(self) -> bool:
        return not self.done and not self.error and self.wanted > self.history.n

    @property
    def status(self) -> str:
        """done, failed, training, queued (waits for a worker) or waiting (nobody wants more)."""
        if self.error or self.done:
            return "failed" if self.error else "done"
        if not self.hungry:
            return "waiting"
        return "training" if self.worker else "queued"


def person(viewer: str) -> str:
    return viewer.partition(" ")[0]


def for_journal(run: Run) -> dict[str, Any]:
    told = {"run": run.id, "what": summary(run.experiment), "rows": run.history.n, "of": run.rows}
    return told | {"seconds": round(run.seconds, 2), "viewers": len(run.viewers)}


def for_status(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "key": run.experiment.key,
        "status": run.status,
        "what": summary(run.experiment),
        "rows": run.history.n,
        "of": run.rows,
        "step": int(run.history.steps[run.history.n - 1]) if run.history.n else 0,
        "steps": run.experiment.steps,
        "viewers": len(run.viewers),
        "seconds": round(run.seconds, 2),
        "error": run.error,
    }
