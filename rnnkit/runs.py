"""RunPool: trains Experiments in worker processes, once for all who look at them.

A run is a recording: the same Experiment always gives the same Records, so viewers share it, and pausing, stepping or going
back is a matter of each viewer's own place in it. Viewers say how many rows they want (`watch`); a run is trained as far as
some viewer wants it, and no further. A run that nobody looked at for a while loses its worker but keeps its rows; if somebody
comes back for more, it is trained again from the start, silently up to the first new row, with the same numbers.

Every call is short and safe from any thread. One thread per worker reads its frames; one housekeeper stops what nobody
watches, keeps one idle worker warm, and forgets the least recently used runs.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.history import History
from rnnkit.limits import Limits
from rnnkit.process import Answer, WorkerProcess
from rnnkit.record import unpack, unpack_record
from rnnkit.worker import DONE, ERROR, FAILED, PART, READY, RECORD


@dataclass
class Viewer:
    """One viewer's last word on a run."""

    seen: float
    wants: int
    patient: bool = False


@dataclass
class Run:
    """One Experiment in training or trained. Read it freely; only the pool changes it."""

    experiment: Experiment
    history: History
    seconds: float = 0.0  # of training, by the worker's clock
    error: str = ""
    viewers: dict[str, Viewer] = field(default_factory=dict)
    worker: WorkerProcess | None = field(default=None, repr=False)

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
    def patient(self) -> bool:
        """Whether everybody who wants more would rather let others go first."""
        return all(v.patient for v in list(self.viewers.values()))

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


class RunPool:
    """All runs of one server. Raises ExperimentError for an Experiment past the limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits.from_environment()
        self.runs: OrderedDict[str, Run] = OrderedDict()
        self.workers: list[WorkerProcess] = []
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self._queue: list[Run] = []
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._broken = 0  # workers that died in a row before they were ready ...
        self._why = ""  # ... and why the last one did
        self._spawn()
        threading.Thread(target=self._keep_house, daemon=True).start()
        atexit.register(self.close)

    def get(self, e: Experiment) -> Run:
        """The run of this Experiment, new or already known."""
        problems = self.limits.check(e)
        if problems:
            raise ExperimentError(problems)
        with self._lock:
            run = self.runs.get(e.key)
            if run is None:
                run = self.runs[e.key] = Run(e, History(e))
                self._forget()
            self.runs.move_to_end(e.key)
            return run

    def adopt(self, run: Run) -> Run:
        """The run that all others share under this Experiment: this one, unless it was forgotten and begun anew meanwhile."""
        with self._lock:
            run = self.runs.setdefault(run.experiment.key, run)
            self.runs.move_to_end(run.experiment.key)
            return run

    def watch(self, run: Run, viewer: str, rows: int, patient: bool = False) -> None:
        """A sign of life from a viewer, who wants the run trained up to so many rows; a patient one lets others go first."""
        with self._lock:
            run.viewers[viewer] = Viewer(time.monotonic(), min(rows, run.rows), patient)
            self._schedule()

    def leave(self, run: Run, viewer: str) -> None:
        with self._lock:
            run.viewers.pop(viewer, None)
            self._schedule()

    def retry(self, run: Run) -> None:
        """After a failure: train it again; the rows it has are kept."""
        with self._lock:
            run.error = ""
            self._broken = 0
            self._schedule()

    def position(self, run: Run) -> int:
        """1 for the next in the queue, 0 where it does not wait."""
        with self._lock:
            return self._queue.index(run) + 1 if run in self._queue else 0

    def ask(self, study: str, e: Experiment, **options: Any) -> Answer:
        """A study of this Experiment (studies.STUDIES), begun now or known already; the options are plain JSON values."""
        problems = self.limits.check(e)
        if problems:
            raise ExperimentError(problems)
        key = json.dumps([study, e.to_dict(), options])
        with self._lock:
            answer = self.answers.get(key)
            if answer is None:
                answer = self.answers[key] = Answer()
                self._give(study, e, options, answer)
            self.answers.move_to_end(key)
            return answer

    def forget(self, answer: Answer) -> None:
        """After a failure: the next `ask` begins anew."""
        with self._lock:
            self.answers = OrderedDict((key, a) for key, a in self.answers.items() if a is not answer)
            self._broken = 0

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            workers, self.workers = self.workers, []
        for worker in workers:
            worker.stop()

    # ---- under the lock ----

    def _spawn(self) -> None:
        if self._closed.is_set():
            return
        try:
            self.workers.append(WorkerProcess(self._heard, self._died))
        except OSError as error:  # no memory or no process numbers left
            self._broken += 1
            self._why = f"no training process could be started: {error}"

    def _schedule(self) -> None:
        """Gives hungry runs a worker, first come first served, the patient ones last: an idle worker, or one whose run has all
        that is wanted.
        """
        self._queue = [run for run in self._queue if run.hungry and not run.worker]
        for run in self.runs.values():
            if run.worker and run.worker.goal != run.wanted:
                run.worker.goal, run.worker.heard = run.wanted, time.monotonic()
                run.worker.say(until=run.wanted)
            if run.hungry and not run.worker and run not in self._queue:
                self._queue.append(run)
        self._queue.sort(key=lambda run: run.patient)
        for run in list(self._queue):
            free = [w for w in self.workers if w.run is None or not w.run.hungry]
            free.sort(key=lambda w: (w.run is not None, bool(w.asked), not w.ready))
            if not free and len(self.workers) < self.limits.workers and self._broken < 3:
                self._spawn()
                free = self.workers[-1:]
            if not free:
                if self._broken >= 3 and not self.workers:  # they will not start: say so instead of trying for ever
                    run.error = self._why
                    continue
                break
            free[0].leave()
            free[0].begin(run)
            self._queue.remove(run)

    def _give(self, study: str, e: Experiment, options: dict[str, Any], answer: Answer) -> None:
        """To the worker that will come to it first."""
        if not self.workers and self._broken < 3:
            self._spawn()
        if not self.workers:
            answer.end(self._why)
            return
        busy = min(self.workers, key=lambda w: (w.run is not None and w.run.hungry, len(w.asked), not w.ready))
        busy.ask(study, e, options, answer)

    def _forget(self) -> None:
        """Drops the least recently used answers, and runs that nobody watches, until the rest fits."""
        while sum(a.nbytes for a in self.answers.values()) > self.limits.keep_megabytes * 2**18:  # a quarter of it
            key = next((key for key, a in self.answers.items() if a.ended.is_set()), None)
            if key is None:
                break
            del self.answers[key]
        budget = self.limits.keep_megabytes * 2**20
        sizes = {key: run.history.nbytes for key, run in self.runs.items()}
        total = sum(sizes.values())
        for key in list(self.runs)[:-1]:
            if total > budget and not self.runs[key].viewers and not self.runs[key].worker:
                total -= sizes[key]
                del self.runs[key]

    # ---- called by the workers' threads ----

    def _heard(self, worker: WorkerProcess, kind: bytes, ticket: int, seconds: float, payload: bytes) -> None:
        record = unpack_record(payload) if kind == RECORD else None
        if kind in (PART, DONE, FAILED):
            self._told(worker, kind, ticket, payload)
            return
        with self._lock:
            if kind == READY:
                worker.ready, self._broken = True, 0
            run = worker.run
            if run is None or ticket != worker.training:
                return
            if record is not None:
                run.history.append(record)
                run.seconds = seconds
            elif kind == ERROR:
                run.error = payload.decode()
            if run.done or run.error:
                worker.leave()
            if not run.hungry:
                self._schedule()

    def _told(self, worker: WorkerProcess, kind: bytes, ticket: int, payload: bytes) -> None:
        part = unpack(payload) if kind == PART else None
        with self._lock:
            answer = worker.asked[ticket]
            if part is not None:
                answer.parts.append(part)
                answer.nbytes += len(payload)
                return
            del worker.asked[ticket]
            answer.end(payload.decode())

    def _died(self, worker: WorkerProcess) -> None:
        with self._lock:
            if worker not in self.workers:
                return
            self.workers.remove(worker)
            self._why = worker.reason()
            self._broken += not worker.ready
            if worker.run:
                worker.run.worker, worker.run.error = None, self._why
            for answer in worker.asked.values():
                answer.end(self._why)
            self._schedule()

    def _keep_house(self) -> None:
        while not self._closed.wait(1.0):
            now = time.monotonic()
            with self._lock:
                for run in self.runs.values():
                    gone = [v for v, viewer in run.viewers.items() if now - viewer.seen > self.limits.idle_seconds]
                    for viewer in gone:
                        del run.viewers[viewer]
                    if run.worker and not run.viewers:
                        run.worker.leave()
                for worker in self.workers:
                    if worker.hangs(self.limits.hang_seconds):
                        worker.process.kill()  # its listener does the rest
                self._forget()
                self._schedule()
                idle = any(w.run is None for w in self.workers)
                if not idle and len(self.workers) < self.limits.workers and self._broken < 3:
                    self._spawn()
