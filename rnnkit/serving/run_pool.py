"""RunPool: trains Experiments in worker processes, once for all who look at them.

A run is a recording: the same Experiment always gives the same Records, so viewers share it, and pausing, stepping or going
back is a matter of each viewer's own place in it. Viewers say how many rows they want (`watch`); a run is trained as far as
some viewer wants it, and no further. A run that nobody looked at for a while loses its worker but keeps its rows; if somebody
comes back for more, it is trained again from the start, silently up to the first new row, with the same numbers. Where there are
more runs than workers they stand in line, fairly between persons (scheduler.py): a viewer's name is the person, or person and
role.

Every call is short and safe from any thread. One thread per worker reads its frames; one housekeeper stops what nobody
watches, keeps one idle worker warm and lets go of the others, ends those that hang or grow too large, lets long runs take turns,
and forgets the least recently used runs.
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
from rnnkit.serving import event_log
from rnnkit.serving.limits import WARM, Limits
from rnnkit.serving.process import Answer, WorkerProcess
from rnnkit.serving.resources import resident
from rnnkit.serving.run import STATUSES, Run, Viewer, for_journal, for_status
from rnnkit.serving.scheduler import QueuePosition, in_order, start_times
from rnnkit.serving.worker import DONE, ERROR, FAILED, PART, READY, RECORD, TOO_LARGE

GIGAFLOPS_A_SECOND = 4.0  # until something has been measured here
__all__ = ["Run", "RunPool"]
REST, GROWN = 5.0, 40  # seconds that an idle worker is kept beside another; megabytes that it may have grown


class RunPool:
    """All runs of one server. Raises ExperimentError for an Experiment past the limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits.from_environment()
        self.runs: OrderedDict[str, Run] = OrderedDict()
        self.workers: list[WorkerProcess] = []
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self._queue: list[Run] = []
        self._waits: list[float] = []  # seconds, of the queue as it was when they were ...
        self._estimated = 0.0
        self._served: dict[str, float] = {}  # person -> when a run of theirs last got a worker
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._broken = 0  # workers that died in a row before they were ready ...
        self._why = ""  # ... and why the last one did
        self._spawn()
        threading.Thread(target=self._keep_house, daemon=True).start()
        atexit.register(self.close)

    def get(self, e: Experiment) -> Run:
        """The run of this Experiment, new or already known."""
        self._check(e)
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
            now, n, before = time.monotonic(), run.history.n, run.viewers.get(viewer)
            wants = min(rows, run.rows)
            run.viewers[viewer] = Viewer(now, wants, patient, before.since if before and before.wants > n else now)
            if before is None or (before.wants, before.patient) != (wants, patient):
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

    def place(self, run: Run) -> QueuePosition:
        """Where in line the run is, and about how long it waits; in words by `str`."""
        with self._lock:
            if run not in self._queue:
                return QueuePosition(0, 0.0)
            at = self._queue.index(run)
            if len(self._waits) != len(self._queue) or time.monotonic() > self._estimated + 1:
                self._estimate()
            return QueuePosition(at + 1, self._waits[at])

    def ask(self, study: str, e: Experiment, **options: Any) -> Answer:
        """A study of this Experiment (studies.STUDIES), begun now or known already; the options are plain JSON values."""
        self._check(e)
        key = json.dumps([study, e.to_dict(), options])
        with self._lock:
            answer = self.answers.get(key)
            if answer is None:
                event_log.note("study asked", study=study, run=e.key[:8], what=summary(e))
                answer = self.answers[key] = Answer()
                self._give(study, e, options, answer)
            self.answers.move_to_end(key)
            return answer

    def forget(self, answer: Answer) -> None:
        """After a failure: the next `ask` begins anew."""
        with self._lock:
            self.answers = OrderedDict((key, a) for key, a in self.answers.items() if a is not answer)
            self._broken = 0

    def summary(self) -> dict[str, Any]:
        """What goes on here, as plain JSON values."""
        with self._lock:
            runs, workers, queue = list(self.runs.values()), list(self.workers), [run.id for run in self._queue]
            viewers = {person for run in runs for person in run.persons}
            told = [for_status(run) for run in runs]
            doing = [(w.process.pid, w.ready, w.run.id if w.run else "", len(w.asked)) for w in workers]
        return {
            "viewers": len(viewers),
            "runs": {status: [one for one in told if one["status"] == status] for status in STATUSES},
            "queue": queue,
            "workers": [
                {"pid": pid, "ready": ready, "run": run, "studies": studies, "megabytes": resident(pid)}
                for pid, ready, run, studies in doing
            ],
            "kept_megabytes": sum(run.history.nbytes for run in runs) / 1e6,
            "trouble": self.trouble,
            "limits": asdict(self.limits),
        }

    @property
    def trouble(self) -> str:
        """Why nothing can be trained here, or nothing."""
        return self._why if self._broken >= 3 and not self.workers else ""

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
        """Seconds until each run in line begins; once a second for all who ask."""
        now, most, pace = time.monotonic(), float(self.limits.slice_seconds), self._seconds_a_gigaflop()
        training = [min(self._left(w.run, pace), max(0.0, w.began + w.slice - now)) for w in self.workers if w.run]
        self._waits = start_times(training, [min(self._left(run, pace), most) for run in self._queue])
        self._estimated = now

    def _seconds_a_gigaflop(self) -> float:
        """As measured on the runs that are kept."""
        known = [(run.gigaflops * run.history.n / run.rows, run.seconds) for run in self.runs.values() if run.seconds > 0.5]
        done = sum(work for work, _ in known)
        return sum(seconds for _, seconds in known) / done if done else 1 / GIGAFLOPS_A_SECOND

    def _left(self, run: Run, pace: float) -> float:
        """About how many seconds the run still takes: by its own pace, or else by its arithmetic and everybody's."""
        n, rows = run.history.n, max(0, run.wanted - run.history.n)
        return rows * (run.seconds / n if run.seconds > 0.5 else run.gigaflops * pace / run.rows)

    def _spawn(self) -> None:
        if self._closed.is_set():
            return
        try:
            self.workers.append(WorkerProcess(self._heard, self._died, self.limits))
            event_log.note("worker started", pid=self.workers[-1].process.pid)
        except OSError as error:  # no memory or no process numbers left
            self._broken += 1
            self._why = f"no training process could be started: {error}"

    def _schedule(self) -> None:
        """Gives hungry runs a worker in the order of the line: an idle worker, or one whose run has all that is wanted, or one
        whose run has had its slice of time.
        """
        for run in self.runs.values():
            if run.worker and run.worker.goal != run.wanted:
                run.worker.goal, run.worker.heard = run.wanted, time.monotonic()
                run.worker.say(until=run.wanted)
        self._line_up()
        for run in list(self._queue):
            worker = self._worker_for(run)
            if worker:
                self._begin(run, worker)
            elif self._broken >= 3 and not self.workers:  # they will not start: say so instead of trying for ever
                self._fail(run, self._why)
            else:
                break
            self._line_up()

    def _line_up(self) -> None:
        waiting = {run.experiment.key: run for run in self.runs.values() if run.hungry and not run.worker}
        for run in waiting.values():
            if run not in self._queue:
                event_log.note("run queued", **for_journal(run))
        busy = Counter(person for w in self.workers if w.run and w.run.hungry for person in w.run.persons)
        order = in_order({key: run.wishes for key, run in waiting.items()}, busy, self._served)
        self._queue = [waiting[key] for key in order]

    def _worker_for(self, run: Run) -> WorkerProcess | None:
        free = [w for w in self.workers if w.run is None or not w.run.hungry]
        if free:
            return min(free, key=lambda w: (w.run is not None, bool(w.asked), not w.ready))
        if len(self.workers) < self.limits.workers and self._broken < 3:
            before = len(self.workers)
            self._spawn()
            return self.workers[-1] if len(self.workers) > before else None
        now = time.monotonic()
        others = [w for w in self.workers if w.run and now > w.began + w.slice and not w.run.persons & run.persons]
        return min(others, key=lambda w: w.began, default=None)

    def _begin(self, run: Run, worker: WorkerProcess) -> None:
        if worker.run and worker.run.hungry:
            event_log.note("run stopped", **for_journal(worker.run), reason="others wait")
        worker.leave()
        worker.begin(run, self.limits.slice_seconds)
        self._served |= dict.fromkeys((wish.person for wish in run.wishes), worker.began)
        event_log.note("run started", **for_journal(run), pid=worker.process.pid)

    def _fail(self, run: Run, why: str) -> None:
        run.error = why
        event_log.warn("run failed", **for_journal(run), reason=why)

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
                event_log.note("run forgotten", **for_journal(self.runs[key]))
                del self.runs[key]

    # ---- called by the workers' threads ----

    def _heard(self, worker: WorkerProcess, kind: bytes, ticket: int, seconds: float, payload: bytes) -> None:
        record = unpack_record(payload) if kind == RECORD else None
        if kind in (PART, DONE, FAILED):
            self._told(worker, kind, ticket, payload)
            return
        with self._lock:
            if kind == READY:
                worker.ready, self._broken, worker.began, worker.warm = True, 0, time.monotonic(), worker.megabytes
                event_log.note("worker ready", pid=worker.process.pid, megabytes=round(worker.warm))
            run = worker.run
            if kind == ERROR and not ticket:
                event_log.warn("command refused", pid=worker.process.pid, reason=payload.decode())
            if run is None or ticket != worker.training:
                return
            if record is not None:
                run.history.append(record)
                run.seconds = seconds
            elif kind == ERROR:
                self._fail(run, payload.decode())
                worker.worn = run.error == TOO_LARGE
            if run.done:
                event_log.note("run finished", **for_journal(run))
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
            if answer.error:  # its first word alone: the rest may quote what a viewer typed
                event_log.warn("study failed", pid=worker.process.pid, reason=answer.error.partition(":")[0])

    def _died(self, worker: WorkerProcess) -> None:
        with self._lock:
            if worker not in self.workers:
                return
            self.workers.remove(worker)
            self._why = worker.reason()
            self._broken += not worker.ready
            event_log.warn("worker ended", pid=worker.process.pid, reason=self._why)
            if worker.run:
                worker.run.worker = None
                self._fail(worker.run, self._why)
            for answer in worker.asked.values():
                answer.end(self._why)
            self._schedule()

    def _keep_house(self) -> None:
        while not self._closed.wait(1.0):
            with self._lock:
                self._notice_who_left()
                for worker in self.workers:
                    if why := worker.fault(self.limits):
                        worker.end(why)  # its listener does the rest
                self._forget()
                self._schedule()
                self._keep_one_warm()

    def _notice_who_left(self) -> None:
        now = time.monotonic()
        for run in self.runs.values():
            gone = [v for v, viewer in run.viewers.items() if now - viewer.seen > self.limits.idle_seconds]
            for viewer in gone:
                del run.viewers[viewer]
            if run.worker and not run.viewers:
                event_log.note("run stopped", **for_journal(run), reason="nobody looks")
                run.worker.leave()
        here = {person for run in self.runs.values() for person in run.persons}
        self._served = {person: when for person, when in self._served.items() if person in here}

    def _keep_one_warm(self) -> None:
        """One idle worker is there for whoever comes next; one more, or one that has stayed large, goes after a while."""
        idle = [w for w in self.workers if w.run is None]
        if not idle and len(self.workers) < self.limits.workers and self._broken < 3:
            self._spawn()
        rest = [w for w in idle if w.ready and not w.asked and time.monotonic() - w.began > REST]
        spare = next((w for w in rest if len(idle) > 1 or w.worn or w.megabytes > max(WARM, w.warm) + GROWN), None)
        if spare:  # one at a time
            self.workers.remove(spare)
            event_log.note("worker ended", pid=spare.process.pid, reason="not needed", megabytes=round(spare.megabytes))
            spare.stop()
