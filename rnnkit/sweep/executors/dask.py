"""Trains on a Dask cluster that somebody else has started: docs/cluster.md."""

from __future__ import annotations

import importlib.util
import math
import queue
import random
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

from rnnkit.experiment import Experiment
from rnnkit.results.training_outcome import TrainingOutcome
from rnnkit.sweep.digest import program_digest, versions
from rnnkit.sweep.executors.base import STUDY, Event, Job
from rnnkit.tasks.data import STORE

TIMEOUT = 10.0  # seconds within which a scheduler must answer
AHEAD = 2  # jobs that a worker's thread has at a time: it begins the second without waiting for this process
MAX_LOST = 3  # how often a job is given to the cluster anew after the data or the workers that it needs have gone
SECONDS_BETWEEN_EVENTS = 0.4
SECONDS_BETWEEN_LOOKS = 1.0  # at the list of workers; with more than 100 workers a hundredth of a second for each
CHOICES = 8  # workers among which the scheduler chooses: among a thousand it takes longer for each job
_ONE_AT_A_TIME = threading.Lock()  # of the threads of one worker


class _Task(NamedTuple):
    job: int | None  # index; None: it asks a worker for its version
    future: Any
    workers: frozenset[str]  # addresses of those that may carry it out


@cache
def _client_type() -> Any:
    """Returns distributed's Client without its finalizer, so that it is closed by hand alone.

    The finalizer closes it, which takes a lock. Another client holds the same lock while it waits for its loop to start. Where
    the garbage collector called the finalizer in just that loop's thread, both waited without end, and nothing was collected
    any more (distributed 2026.8).
    """
    from distributed import Client

    class ClosedByHand(Client):
        def __del__(self) -> None: ...

    return ClosedByHand


class DaskCluster:
    """Trains on the workers of the Dask scheduler at this address, such as tcp://10.0.0.1:8786.

    A worker takes part once it has told that it has the same program and the same torch as this process. Another one is named
    and gets no job. Workers may join and leave: a job whose worker has gone is begun anew on another one. Data travel
    to the cluster once, and from worker to worker. Raises ConnectionError where no scheduler answers within `timeout` seconds or
    it goes away for longer, RuntimeError where no worker may take part, and ImportError without the package `distributed`.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        if importlib.util.find_spec("distributed") is None:
            raise ImportError('Dask is not installed: run  pip install "rnnkit[cluster]"')
        self.address, self.timeout = address, timeout
        self._client: Any = None

    def __enter__(self) -> DaskCluster:
        found: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._connect, args=(found,), daemon=True).start()
        try:
            self._client = found.get(timeout=self.timeout)
            if isinstance(self._client, Exception):
                raise self._client
        except (OSError, ValueError, TypeError, queue.Empty) as error:
            text = f"no Dask scheduler answers at {self.address!r} within {self.timeout:g} seconds"
            raise ConnectionError(f"{text} ({type(error).__name__})") from None
        return self

    def _connect(self, found: queue.SimpleQueue[Any]) -> None:
        """Puts the client, or the error. It waits without end for a scheduler that accepts the connection and says nothing."""
        kind = _client_type()
        client = kind.__new__(kind)
        try:
            client.__init__(self.address, timeout=self.timeout, set_as_default=False, name="rnnkit")
            found.put(client)
        except Exception as error:
            found.put(error)
            with suppress(Exception):  # what it has begun, such as the thread of its loop
                client.close(timeout=2)

    def __exit__(self, *_: object) -> None:
        with suppress(TimeoutError):  # all results are here
            self._client.close(timeout=2)

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Event]:
        yield from _Jobs(self, jobs).events()


class _Jobs:
    """The state of one call of `outcomes`."""

    def __init__(self, cluster: DaskCluster, jobs: Sequence[Job]) -> None:
        self.cluster, self.client, self.jobs = cluster, cluster._client, jobs
        self.waiting = deque(range(len(jobs)))
        self.tasks: dict[str, _Task] = {}  # by the future's key
        self.lost: Counter[int] = Counter()
        self.failed_transfers = 0  # in a row
        self.threads: dict[str, int] = {}  # address -> number, of the workers that are there
        self.refused: dict[str, str] = {}  # address -> why; "" for a worker that takes part
        self.data: dict[str, Any] = {}  # digest -> future
        self.done: queue.SimpleQueue[str] = queue.SimpleQueue()  # keys
        self.looked = -math.inf
        self.idle_since, self.complained = time.monotonic(), False

    def events(self) -> Iterator[Event]:
        try:
            while self.waiting or any(task.job is not None for task in self.tasks.values()):
                if self.connected():
                    with suppress(OSError):  # it goes away just now: `connected` finds it next
                        yield from self.look()
                        self.hand_out()
                    yield self.complaint()
                yield self.next()
        finally:
            if self.client.status == "running":
                self.client.cancel([task.future for task in self.tasks.values()], force=True)

    def connected(self) -> bool:
        """Returns whether the scheduler is there. Where it was away, all jobs are to be given to it anew."""
        if self.client.status == "running":
            return True
        if self.client.status != "connecting":
            raise ConnectionError(f"the Dask scheduler at {self.cluster.address} has gone, its workers perhaps, too")
        self.waiting.extendleft(sorted((t.job for t in self.tasks.values() if t.job is not None), reverse=True))
        for values in (self.tasks, self.threads, self.refused, self.data):
            values.clear()
        return False

    def look(self) -> list[Event]:
        """Updates the list of workers about once a second, asks new ones for their version, and takes back what nobody can do."""
        now = time.monotonic()
        if now < self.looked + max(SECONDS_BETWEEN_LOOKS, len(self.threads) / 100):
            return []
        self.looked = now
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        self.threads = {address: worker["nthreads"] for address, worker in workers.items()}
        asked = {address for task in self.tasks.values() if task.job is None for address in task.workers}
        for address in self.threads.keys() - self.refused.keys() - asked:
            self.submit(None, frozenset([address]), version_check())
        stranded = [key for key, task in self.tasks.items() if not task.workers & self.threads.keys()]
        return [self.give_back(key) for key in stranded]

    def complaint(self) -> Event:
        """Returns a note where there is no worker. Raises RuntimeError where there are some, and none may take part."""
        now = time.monotonic()
        if self.fit():
            self.idle_since = now
        elif now > self.idle_since + self.cluster.timeout:
            if self.threads and all(self.refused.get(address) for address in self.threads):
                raise RuntimeError(f"no worker of {self.cluster.address} can train this: {'; '.join(self.refused.values())}")
            if not self.threads and not self.complained:
                self.complained = True
                return f"the scheduler at {self.cluster.address} has no workers yet: waiting for them"
        return None

    def fit(self) -> dict[str, int]:
        """Returns the workers that take part, with their number of threads."""
        return {address: n for address, n in self.threads.items() if self.refused.get(address) == ""}

    def hand_out(self) -> None:
        fit = self.fit()
        free = AHEAD * sum(fit.values()) - sum(task.job is not None for task in self.tasks.values())
        while free > 0 and self.waiting:
            e, until = self.jobs[self.waiting[0]]
            try:
                data = [self.sent(digest, fit) for digest in e.given]
            except (OSError, KeyError, RuntimeError) as error:  # a worker has gone since the last look
                if (failures := self.failed_transfers + 1) == MAX_LOST:
                    raise RuntimeError(f"data {', '.join(e.given)} cannot be sent to the cluster: {_in_words(error)}") from None
                self.failed_transfers, self.looked = failures, -math.inf
                return
            self.failed_transfers = 0
            chosen = random.sample(list(fit), min(CHOICES, len(fit)))
            self.submit(self.waiting.popleft(), frozenset(chosen), outcome, e.to_json(), until, *data)
            free -= 1

    def sent(self, digest: str, fit: dict[str, int]) -> Any:
        """Sends the data of this digest to the workers, unless they have them; returns the future that stands for them."""
        if digest not in self.data:
            data = STORE.get(digest)
            content = type(data).__name__, data.to_bytes().decode()
            self.data[digest] = self.client.scatter([content], workers=list(fit), broadcast=True, hash=False)[0]
        return self.data[digest]

    def submit(self, job: int | None, workers: frozenset[str], function: Any, *args: Any) -> None:
        key = f"rnnkit-{uuid.uuid4().hex}"
        future = self.client.submit(function, *args, key=key, workers=list(workers), allow_other_workers=False, pure=False)
        self.tasks[key] = _Task(job, future, workers)
        future.add_done_callback(lambda future: self.done.put(future.key))

    def next(self) -> Event:
        """Waits for the end of a task, or for a moment."""
        try:
            task = self.tasks.get(key := self.done.get(timeout=SECONDS_BETWEEN_EVENTS))
        except queue.Empty:
            return None
        if task is None:
            return None  # given up before
        if task.future.status in ("cancelled", "lost"):
            return self.give_back(key) if self.client.status == "running" else None
        try:
            found, problem = task.future.result(timeout=self.cluster.timeout), ""
        except Exception as error:  # whatever the worker raised, or that it has gone
            if task.future.status != "error" and self.client.status == "running":
                return self.give_back(key)
            found, problem = None, _in_words(error)
        del self.tasks[key]
        if task.job is not None:
            return task.job, problem or found
        (address,) = task.workers
        return self.judge(address, found, problem)

    def judge(self, address: str, found: tuple[str, str] | None, problem: str) -> Event:
        """Takes a worker that has the same program as this process, and refuses another one by name."""
        if found and found[0] == program_digest():
            self.refused[address] = ""
            return None
        same = found and found[1] == versions()
        other = f"another state of rnnkit's code ({found[1]})" if found and same else found[1] if found else problem
        self.refused[address] = f"worker {address} has {other}, here is {versions()}"
        return f"{self.refused[address]}: it gets no job"

    def give_back(self, key: str) -> Event:
        """Takes a task that nobody can carry out any more from the cluster. Its job waits again, MAX_LOST times in all."""
        task = self.tasks.pop(key)
        self.client.cancel([task.future], force=True)
        if task.job is None:
            return None
        for digest in self.jobs[task.job][0].given:
            self.data.pop(digest, None)  # perhaps these have gone
        self.lost[task.job] += 1
        if self.lost[task.job] == MAX_LOST:
            return task.job, f"its worker or its data were lost {MAX_LOST} times"
        self.waiting.appendleft(task.job)
        return None


def _in_words(error: Exception) -> str:
    if type(error).__name__ == "KilledWorker":
        return "each worker that trained it was ended, perhaps because it ran out of memory"
    return f"{type(error).__name__}: {error}"


# ---- on a worker ----


def version_check() -> Callable[[], tuple[str, str]]:
    """Returns a function that gives the digest and the versions of the worker's program.

    It travels as code, as a function within a function does. By its name it would end a worker that has no rnnkit.
    """

    def program() -> tuple[str, str]:
        from rnnkit.sweep import digest

        return digest.program_digest(), digest.versions()

    return program


def outcome(experiment: str, until: str, *given: tuple[str, str]) -> TrainingOutcome:
    """Trains an Experiment given as JSON. given: class and content of what its fields `data` and `weights` name."""
    import torch

    from rnnkit.studies import STUDIES

    with _ONE_AT_A_TIME:
        torch.set_num_threads(1)
        e = Experiment.from_json(experiment)
        for digest, content in zip(e.given, given, strict=True):
            if digest not in STORE:
                STORE.receive(*content)
        *_, found = STUDIES[STUDY](e, until=until)
    return found
