"""Run: one Experiment in training or trained, its viewers, and its fields in the event log and on the status page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from rnnkit.analysis.describe import summary
from rnnkit.engine.history import History
from rnnkit.engine.record import Record
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import gigaflops
from rnnkit.serving.scheduler import Request

STATUSES = ("training", "queued", "waiting", "done", "failed")


class Worker(Protocol):
    """What a run needs of the process that trains it (WorkerProcess)."""

    goal: int  # rows that it trains up to
    last_active: float  # when it last sent a frame, or was given something to do

    def send(self, **command: Any) -> None: ...

    def release_run(self) -> None: ...


@dataclass
class Viewer:
    """What a viewer last requested of a run."""

    last_seen: float
    rows: int  # that it wants
    low_priority: bool = False
    since: float = 0.0  # when it began to want more rows than there are


@dataclass(eq=False)
class Run:
    """One Experiment in training or trained. Any thread may read it; only the pool changes it."""

    experiment: Experiment
    history: History
    seconds: float = 0.0  # of training, by the worker's clock
    error: str = ""
    reading: bool = False  # its recording is looked for
    recorded: bool = False  # the history is a recording
    trained: History | None = None  # of a run whose first rows are recorded: those that are trained here, until they are as many
    viewers: dict[str, Viewer] = field(default_factory=dict)
    worker: Worker | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Names the run in logs and on the status page; the same wherever the same Experiment is trained."""
        return self.experiment.key[:8]

    def __post_init__(self) -> None:
        self.gigaflops = gigaflops(self.experiment)  # now: the data that it names may be gone before the run is

    def append(self, record: Record) -> None:
        """Adds a Record. Recorded first rows are replaced once as many are trained, so that readers never see fewer."""
        if self.trained is None:
            self.history.append(record)
            return
        self.trained.append(record)
        if self.trained.n >= self.history.n:
            self.history, self.trained, self.recorded = self.trained, None, False

    @property
    def origin(self) -> str:
        """Says in words that the rows come from a recording. Empty where they are trained here."""
        if self.trained:
            return "recorded, until the training here is as far"
        return "recorded before" if self.recorded else ""

    @property
    def rows(self) -> int:
        return len(self.history.steps)

    @property
    def done(self) -> bool:
        return self.history.n == self.rows

    @property
    def wanted(self) -> int:
        """How many rows its viewers want, at most."""
        return max((v.rows for v in list(self.viewers.values())), default=0)  # viewers come and go meanwhile

    @property
    def requests(self) -> list[Request]:
        """Of the viewers who want more rows than there are."""
        n = self.history.n
        return [Request(v.low_priority, v.since, user_of(name)) for name, v in self.viewers.items() if v.rows > n]

    @property
    def users(self) -> set[str]:
        return {user_of(name) for name in self.viewers}

    @property
    def needs_training(self) -> bool:
        """Whether a viewer wants rows that are still to be trained."""
        return not (self.done or self.error or self.reading) and self.wanted > self.history.n

    @property
    def status(self) -> str:
        """done, failed, training, queued (waits for a worker) or waiting (no viewer wants more rows)."""
        if self.error or self.done:
            return "failed" if self.error else "done"
        if not self.needs_training:
            return "waiting"
        return "training" if self.worker else "queued"


def user_of(viewer: str) -> str:
    """The user in a viewer's name, which is the user, or user and role with a space between."""
    return viewer.partition(" ")[0]


def log_fields(run: Run) -> dict[str, Any]:
    """The run's fields in a line of the event log."""
    return {
        "run": run.id,
        "what": summary(run.experiment),
        "rows": run.history.n,
        "of": run.rows,
        "seconds": round(run.seconds, 2),
        "viewers": len(run.viewers),
    }


def status_fields(run: Run) -> dict[str, Any]:
    """The run's fields in /status.json."""
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
