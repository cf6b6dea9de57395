"""RunPool: trains Experiments in worker processes, each once for all of its viewers.

A run is a recording: the same Experiment always gives the same Records. So viewers share it, and to pause, step or go back only
moves a viewer's own position in it. Viewers say how many rows they want (`watch`), and a run is trained as far as some viewer
wants it, and no further. A run without viewers loses its worker and keeps its rows. If a viewer comes back for more, it is
trained again from the start, with the same numbers, and only the new rows are sent. A run that was trained to its end is recorded
(recordings.py), and read where it is wanted again. While no worker is ready yet, the default run shows recorded first rows
(first_rows.py). Where there are more runs than workers they are queued, fairly between users
(scheduler.py). A viewer's name is the user, or user and role with a space between.

Every call is short and safe from any thread. One thread per worker reads its frames. One more thread, the supervisor, removes
viewers without a heartbeat, starts and ends idle workers, ends those that hang or take too much memory, interrupts long runs
while others wait, and drops the least recently used runs.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import asdict
from typing import Any

from rnnkit.analysis.describe import summary
from rnnkit.engine.history import History
from rnnkit.engine.record import unpack, unpack_record
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.results import from_wire
from rnnkit.serving import event_log, first_rows
from rnnkit.serving.limits import WARM, Limits
from rnnkit.serving.process import Answer, WorkerProcess
from rnnkit.serving.recordings import Recordings, restore
from rnnkit.serving.resources import resident
from rnnkit.serving.run import STATUSES, Run, Viewer, log_fields, status_fields
from rnnkit.serving.scheduler import QueuePosition, in_order, start_times
from rnnkit.serving.worker import DONE, ERROR, FAILED, PART, READY, RECORD, TOO_LARGE
from rnnkit.tasks.data import STORE, DataStore

GIGAFLOPS_A_SECOND = 4.0  # until a run has been measured here
__all__ = ["Run", "RunPool"]
MAX_FAILED_STARTS = 3  # in a row; then no more workers are started
SPARE = 3.0  # seconds of training before another worker is started: its start would take a core from the first run
REST, GROWN = 5.0, 40  # seconds that an idle worker stays beside another; megabytes that it may have grown


class RunPool:
    """All runs of one server. Raises ExperimentError for an Experiment past the limits.

    store: the data that its workers are sent; Experiments of this process are checked against STORE. recordings: None records
    nothing.
    """

    def __init__(self, limits: Limits | None = None, store: DataStore = STORE, recordings: Recordings | None = None) -> None:
        self.limits = limits or Limits.from_environment()
        self.store = store
        self.recordings = recordings
        self.runs: OrderedDict[str, Run] = OrderedDict()
        self.workers: list[WorkerProcess] = []
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self._queue: list[Run] = []
        self._wait_seconds: list[float] = []  # estimates for the runs of the queue ...
        self._estimated_at = 0.0  # ... as it was then
        self._served: dict[str, float] = {}  # user -> when one of their runs last got a worker
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._failed_starts = 0  # workers in a row that ended before they were ready ...
        self._last_failure = ""  # ... and why the last one did
        self.computes = ""  # what the last worker that got ready computes with, in words
        self._spawn()
        threading.Thread(target=self._supervise, daemon=True).start()
        atexit.register(self.close)

    def get(self, e: Experiment) -> Run:
        """The run of this Experiment, new or already known."""
        self._check(e)
        with self._lock:
            run = self.runs.get(e.key)
            if run is None:
                run = self.runs[e.key] = Run(e, History(e))
                if not any(w.ready for w in self.workers) and (known := first_rows.recorded(e)):
                    run.history, run.trained, run.recorded = known, run.history, True
                if self.recordings and self.recordings.takes(e):
                    run.reading = True
                    self.recordings.load(e, lambda found: self._on_recording(run, found))
                self._forget()
            self.runs.move_to_end(e.key)
            return run

    def adopt(self, run: Run) -> Run:
        """The run that all others share under this Experiment: this one, unless it was forgotten and begun anew meanwhile."""
        with self._lock:
            run = self.runs.setdefault(run.experiment.key, run)
            self.runs.move_to_end(run.experiment.key)
            return run

    def watch(self, run: Run, viewer: str, rows: int, low_priority: bool = False) -> None:
        """A viewer's heartbeat and request: the run is to be trained up to so many rows, with low priority after others."""
        with self._lock:
            now, n, before = time.monotonic(), run.history.n, run.viewers.get(viewer)
            rows = min(rows, run.rows)
            run.viewers[viewer] = Viewer(now, rows, low_priority, before.since if before and before.rows > n else now)
            if before is None or (before.rows, before.low_priority) != (rows, low_priority):
                self._schedule()

    def leave(self, run: Run, viewer: str) -> None:
        with self._lock:
            run.viewers.pop(viewer, None)
            self._schedule()

    def retry(self, run: Run) -> None:
        """Trains a failed run again. Its rows stay."""
        with self._lock:
            run.error = ""
            self._failed_starts = 0
            self._schedule()

    def queue_position(self, run: Run) -> QueuePosition:
        """The run's position in the queue, and about how long it waits; in words by `str`."""
        with self._lock:
            if run not in self._queue:
                return QueuePosition(0, 0.0)
            at = self._queue.index(run)
            if len(self._wait_seconds) != len(self._queue) or time.monotonic() > self._estimated_at + 1:
                self._estimate()
            return QueuePosition(at + 1, self._wait_seconds[at])

    def ask(self, study: str, e: Experiment, **options: Any) -> Answer:
        """A study of this Experiment (studies.STUDIES), begun now or cached; the options are plain JSON values."""
        self._check(e)
        key = json.dumps([study, e.to_dict(), options])
        with self._lock:
            answer = self.answers.get(key)
            if answer is None:
                event_log.note("study asked", study=study, run=e.key[:8], what=summary(e))
                answer = self.answers[key] = Answer(study)
                self._assign_study(study, e, options, answer)
            self.answers.move_to_end(key)
            return answer

    def forget(self, answer: Answer) -> None:
        """Drops a failed answer: the next `ask` begins anew."""
        with self._lock:
            self.answers = OrderedDict((key, a) for key, a in self.answers.items() if a is not answer)
            self._failed_starts = 0

    def summary(self) -> dict[str, Any]:
        """The pool's state as plain JSON values, for /status.json."""
        with self._lock:
            runs, workers, queue = list(self.runs.values()), list(self.workers), [run.id for run in self._queue]
            users = {user for run in runs for user in run.users}
            described = [status_fields(run) for run in runs]
            states = [(w.process.pid, w.ready, w.run.id if w.run else "", len(w.studies), w.computes) for w in workers]
        return {
            "viewers": len(users),
            "runs": {status: [one for one in described if one["status"] == status] for status in STATUSES},
            "queue": queue,
            "workers": [
                {"pid": pid, "ready": ready, "run": run, "studies": studies, "computes": computes, "megabytes": resident(pid)}
                for pid, ready, run, studies, computes in states
            ],
            "kept_megabytes": sum(run.history.nbytes for run in runs) / 1e6,
            "trouble": self.trouble,
            "limits": asdict(self.limits),
        }

    @property
    def trouble(self) -> str:
        """Why nothing can be trained here, or ""."""
        return self._last_failure if self._failed_starts >= MAX_FAILED_STARTS and not self.workers else ""

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            workers, self.workers = self.workers, []
        for worker in workers:
            worker.stop()

    def _check(self, e: Experiment) -> None:
        if problems := self.limits.check(e):
            event_log.warn("refused by the limits", run=e.key[:8], what=summary(e), settings=list(problems))
            raise ExperimentError(problems)

    # ---- under the lock ----

    def _estimate(self) -> None:
        """Estimates the seconds until each queued run begins: at most once a second, for all viewers."""
        now, most, pace = time.monotonic(), float(self.limits.slice_seconds), self._seconds_a_gigaflop()
        training = [min(self._seconds_left(w.run, pace), max(0.0, w.began + w.slice - now)) for w in self.workers if w.run]
        self._wait_seconds = start_times(training, [min(self._seconds_left(run, pace), most) for run in self._queue])
        self._estimated_at = now

    def _seconds_a_gigaflop(self) -> float:
        """As measured on the pool's runs."""
        known = [(run.gigaflops * run.history.n / run.rows, run.seconds) for run in self.runs.values() if run.seconds > 0.5]
        done = sum(work for work, _ in known)
        return sum(seconds for _, seconds in known) / done if done else 1 / GIGAFLOPS_A_SECOND

    def _seconds_left(self, run: Run, pace: float) -> float:
        """About how long the run still takes: by its own pace, before there is one by its arithmetic and that of all runs."""
        n, rows = run.history.n, max(0, run.wanted - run.history.n)
        return rows * (run.seconds / n if run.seconds > 0.5 else run.gigaflops * pace / run.rows)

    def _spawn(self) -> None:
        if self._closed.is_set():
            return
        try:
            self.workers.append(WorkerProcess(self._on_frame, self._on_exit, self.limits, self.store))
            event_log.note("worker started", pid=self.workers[-1].process.pid)
        except OSError as error:  # no memory or no process numbers left
            self._failed_starts += 1
            self._last_failure = f"no training process could be started: {error}"

    def _schedule(self) -> None:
        """Gives queued runs a worker, in their order: an idle worker, or one whose run has all rows that are wanted, or one whose
        run has had its slice of time.
        """
        for run in self.runs.values():
            if run.worker and run.worker.goal != run.wanted:
                run.worker.goal, run.worker.last_active = run.wanted, time.monotonic()
                run.worker.send(until=run.wanted)
        self._update_queue()
        for run in list(self._queue):
            worker = self._worker_for(run)
            if worker:
                self._begin(run, worker)
            elif trouble := self.trouble:  # workers will not start: fail with a message instead of trying for ever
                self._fail(run, trouble)
            else:
                break
            self._update_queue()

    def _update_queue(self) -> None:
        waiting = {run.experiment.key: run for run in self.runs.values() if run.needs_training and not run.worker}
        for run in waiting.values():
            if run not in self._queue:
                event_log.note("run queued", **log_fields(run))
        busy = Counter(user for w in self.workers if w.run and w.run.needs_training for user in w.run.users)
        order = in_order({key: run.requests for key, run in waiting.items()}, busy, self._served)
        self._queue = [waiting[key] for key in order]

    def _worker_for(self, run: Run) -> WorkerProcess | None:
        free = [w for w in self.workers if w.run is None or not w.run.needs_training]
        if free:
            return min(free, key=lambda w: (w.run is not None, bool(w.studies), not w.ready))
        if len(self.workers) < self.limits.workers and self._failed_starts < MAX_FAILED_STARTS:
            before = len(self.workers)
            self._spawn()
            return self.workers[-1] if len(self.workers) > before else None
        now = time.monotonic()
        others = [w for w in self.workers if w.run and now > w.began + w.slice and not w.run.users & run.users]
        return min(others, key=lambda w: w.began, default=None)

    def _begin(self, run: Run, worker: WorkerProcess) -> None:
        if worker.run and worker.run.needs_training:
            event_log.note("run stopped", **log_fields(worker.run), reason="others wait")
        worker.release_run()
        worker.begin(run, self.limits.slice_seconds)
        self._served |= dict.fromkeys((request.user for request in run.requests), worker.began)
        event_log.note("run started", **log_fields(run), pid=worker.process.pid)

    def _end(self, run: Run, worker: WorkerProcess) -> None:
        if run.done:
            event_log.note("run finished", **log_fields(run))
            if self.recordings:
                self.recordings.save(run.experiment, run.history, run.seconds)
        worker.release_run()

    def _fail(self, run: Run, why: str) -> None:
        run.error = why
        event_log.warn("run failed", **log_fields(run), reason=why)

    def _assign_study(self, study: str, e: Experiment, options: dict[str, Any], answer: Answer) -> None:
        """Asks the least busy worker."""
        if not self.workers and self._failed_starts < MAX_FAILED_STARTS:
            self._spawn()
        if not self.workers:
            answer.end(self._last_failure)
            return
        worker = min(self.workers, key=lambda w: (w.run is not None and w.run.needs_training, len(w.studies), not w.ready))
        worker.ask(study, e, options, answer)

    def _forget(self) -> None:
        """Drops the least recently used answers, and runs without viewers, until the rest fits."""
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
                event_log.note("run forgotten", **log_fields(self.runs[key]))
                del self.runs[key]

    # ---- called by the threads of the workers and of the recordings ----

    def _on_recording(self, run: Run, found: dict[str, Any] | None) -> None:
        with self._lock:
            run.reading = False
            history = History(run.experiment)
            if found and restore(history, found):
                run.history, run.trained, run.recorded, run.seconds = history, None, True, found["seconds"]
                event_log.note("run read", **log_fields(run))
            self._schedule()

    def _on_frame(self, worker: WorkerProcess, kind: bytes, ticket: int, seconds: float, payload: bytes) -> None:
        record = unpack_record(payload) if kind == RECORD else None
        if kind in (PART, DONE, FAILED):
            self._on_study_frame(worker, kind, ticket, payload)
            return
        with self._lock:
            if kind == READY:
                worker.ready, worker.began, worker.warm = True, time.monotonic(), worker.megabytes
                worker.computes = self.computes = payload.decode()
                self._failed_starts = 0
                event_log.note("worker ready", pid=worker.process.pid, megabytes=round(worker.warm), computes=worker.computes)
            run = worker.run
            if kind == ERROR and not ticket:
                event_log.warn("command refused", pid=worker.process.pid, reason=payload.decode())
            if run is None or ticket != worker.run_ticket:
                return
            if record is not None:
                run.append(record)
                run.seconds = seconds
            elif kind == ERROR:
                self._fail(run, payload.decode())
                worker.ran_out_of_memory = run.error == TOO_LARGE
            if run.done or run.error:
                self._end(run, worker)
            if not run.needs_training:
                self._schedule()

    def _on_study_frame(self, worker: WorkerProcess, kind: bytes, ticket: int, payload: bytes) -> None:
        values = unpack(payload) if kind == PART else None
        with self._lock:
            answer = worker.studies[ticket]
            if values is not None:
                answer.parts.append(from_wire(answer.study, values))
                answer.nbytes += len(payload)
                return
            del worker.studies[ticket]
            answer.end(payload.decode())
            if answer.error:  # its first word only: the rest may quote what a viewer typed
                event_log.warn("study failed", pid=worker.process.pid, reason=answer.error.partition(":")[0])

    def _on_exit(self, worker: WorkerProcess) -> None:
        with self._lock:
            if worker not in self.workers:
                return
            self.workers.remove(worker)
            reason = self._last_failure = worker.reason()
            self._failed_starts += not worker.ready
            event_log.warn("worker ended", pid=worker.process.pid, reason=reason)
            if worker.run:
                worker.run.worker = None
                self._fail(worker.run, reason)
            for answer in worker.studies.values():
                answer.end(reason)
            self._schedule()

    def _supervise(self) -> None:
        while not self._closed.wait(1.0):
            with self._lock:
                self._drop_idle_viewers()
                for worker in self.workers:
                    if why := worker.fault(self.limits):
                        worker.end(why)  # _on_exit follows
                self._forget()
                self._schedule()
                self._adjust_idle_workers()

    def _drop_idle_viewers(self) -> None:
        now = time.monotonic()
        for run in self.runs.values():
            gone = [v for v, viewer in run.viewers.items() if now - viewer.last_seen > self.limits.idle_seconds]
            for viewer in gone:
                del run.viewers[viewer]
            if run.worker and not run.viewers:
                event_log.note("run stopped", **log_fields(run), reason="nobody looks")
                run.worker.release_run()
        users = {user for run in self.runs.values() for user in run.users}
        self._served = {user: when for user, when in self._served.items() if user in users}

    def _adjust_idle_workers(self) -> None:
        """Starts a worker where all train for long. After REST seconds ends a second idle one, or one with too much memory."""
        now = time.monotonic()
        idle, long = [w for w in self.workers if w.run is None], all(w.ready and now - w.began > SPARE for w in self.workers)
        if not idle and long and len(self.workers) < self.limits.workers and self._failed_starts < MAX_FAILED_STARTS:
            self._spawn()
        rest = [w for w in idle if w.ready and not w.studies and now - w.began > REST]
        spare = next((w for w in rest if len(idle) > 1 or w.ran_out_of_memory or w.megabytes > max(WARM, w.warm) + GROWN), None)
        if spare:  # one at a time
            self.workers.remove(spare)
            event_log.note("worker ended", pid=spare.process.pid, reason="not needed", megabytes=round(spare.megabytes))
            spare.stop()
