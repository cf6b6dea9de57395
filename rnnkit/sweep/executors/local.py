"""Trains in processes of this machine: the dashboard's workers (rnnkit/serving/worker.py), one torch thread each."""

from __future__ import annotations

import queue
from collections import Counter, deque
from collections.abc import Iterator, Sequence

from rnnkit.engine.record import unpack
from rnnkit.experiment import FIELDS, Experiment, ExperimentError
from rnnkit.fields import NumberField
from rnnkit.results import Progress, from_wire
from rnnkit.serving import resources
from rnnkit.serving.limits import CAPPED, SERVER, SMALL, Limits, megabytes
from rnnkit.serving.process import Answer, WorkerProcess
from rnnkit.serving.worker import FAILED, PART, READY, TOO_LARGE
from rnnkit.sweep.executors.base import STUDY, Event, Job
from rnnkit.tasks.data import STORE

AHEAD = 2  # jobs that a process has at a time: it begins the second without waiting for this process
MAX_TRIES = 3  # of a job whose process was ended while it trained
MAX_FAILED_STARTS = 3  # in a row
SECONDS_BETWEEN_EVENTS = 0.4


class LocalProcesses:
    """Trains in `processes` processes of this machine, by default as many as cores.

    A process starts in seconds and is used for all jobs. It ends with this one, however this one ends. A job whose process was
    ended is begun anew in another one, MAX_TRIES times in all. Raises RuntimeError where no process can be started.
    """

    def __init__(self, processes: int | None = None) -> None:
        if processes is not None and processes < 1:
            raise ValueError(f"expected at least 1 process, got {processes}")
        self.processes = processes or resources.cores()
        self._limits = _limits(self.processes)
        self._events: queue.SimpleQueue[tuple[WorkerProcess, bytes, int, bytes]] = queue.SimpleQueue()
        self._asked: dict[WorkerProcess, dict[int, int]] = {}  # process -> ticket -> job, in the order in which it trains them
        self._failed_starts = 0

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Event]:
        waiting: deque[int] = deque()
        for i, (e, _) in enumerate(jobs):
            if problem := self._problem(e):
                yield i, problem
            else:
                waiting.append(i)
        deaths: Counter[int] = Counter()
        try:
            while waiting or any(self._asked.values()):
                self._hand_out(jobs, waiting)
                yield self._next(waiting, deaths)
        finally:
            for worker in [worker for worker, tickets in self._asked.items() if tickets]:
                self._drop(worker)

    def _problem(self, e: Experiment) -> str:
        """Returns why a process of this machine cannot train the Experiment, "" where it can."""
        try:
            needed, room = megabytes(e), self._limits.max_megabytes
        except ExperimentError as error:
            return str(error)
        if needed <= room:
            return ""
        return f"needs about {needed:,.0f} MB a step, each of {self.processes} processes here has {room:,}: take fewer replicas"

    def _hand_out(self, jobs: Sequence[Job], waiting: deque[int]) -> None:
        while waiting and len(self._asked) < min(self.processes, len(jobs)):
            self._asked[WorkerProcess(self._on_frame, self._on_exit, self._limits, STORE)] = {}
        for depth in range(AHEAD):
            for worker, tickets in self._asked.items():
                if waiting and len(tickets) == depth:
                    i = waiting.popleft()
                    worker.ask(STUDY, jobs[i][0], {"until": jobs[i][1]}, Answer())
                    tickets[worker.ticket] = i

    def _next(self, waiting: deque[int], deaths: Counter[int]) -> Event:
        """Waits for what a process sends, for its end, or for a moment."""
        try:
            worker, kind, ticket, payload = self._events.get(timeout=SECONDS_BETWEEN_EVENTS)
        except queue.Empty:
            return None
        if worker not in self._asked:
            return None  # given up before
        if kind == READY:
            self._failed_starts = 0
        elif kind == PART:
            part = from_wire(STUDY, unpack(payload))
            if not isinstance(part, Progress):
                return self._asked[worker].pop(ticket), part
        elif kind == FAILED:
            job, problem = self._asked[worker].pop(ticket), payload.decode()
            if problem == TOO_LARGE:  # the process may have grown by earlier runs: the next ones get a new one
                waiting.extendleft(reversed(self._asked[worker].values()))
                self._drop(worker)
            return job, problem
        elif not kind:
            return self._after_death(worker, waiting, deaths)
        return None

    def _after_death(self, worker: WorkerProcess, waiting: deque[int], deaths: Counter[int]) -> Event:
        """Begins the jobs of a process that has ended anew. Its first one was being trained, and fails after MAX_TRIES."""
        indices = list(self._asked.pop(worker).values())
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts == MAX_FAILED_STARTS:
                raise RuntimeError(f"no training process can be started: {worker.reason()}")
        elif indices:
            deaths[indices[0]] += 1
            if deaths[indices[0]] == MAX_TRIES:
                waiting.extendleft(reversed(indices[1:]))
                return indices[0], f"{worker.reason()}, {MAX_TRIES} times"
        waiting.extendleft(reversed(indices))
        return f"{worker.reason()}; its run is begun anew" if indices else None

    def _on_frame(self, worker: WorkerProcess, kind: bytes, ticket: int, seconds: float, payload: bytes) -> None:
        worker.ready = True
        self._events.put((worker, kind, ticket, payload))

    def _on_exit(self, worker: WorkerProcess) -> None:
        self._events.put((worker, b"", 0, b""))

    def _drop(self, worker: WorkerProcess) -> None:
        del self._asked[worker]
        worker.stop()

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self._asked):
            self._drop(worker)


def _limits(processes: int) -> Limits:
    """Returns the limits of Experiment itself, and as much memory for each process as the machine has."""
    room = resources.memory() or 8192.0  # megabytes, where the system does not report it
    ranges = {f"max_{name}": int(spec.high) for name in CAPPED if isinstance(spec := FIELDS[name], NumberField)}
    each = max(SMALL, int((room - SERVER) / processes))
    return Limits(**ranges, max_gigaflops=10**12, workers=processes, worker_megabytes=each)
