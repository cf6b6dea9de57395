"""A results store behind one thread: who asks never waits for the disk."""

from __future__ import annotations

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from rnnkit.experiment import Experiment
from rnnkit.sweep.row import Row
from rnnkit.sweep.store import Store

MAX_RUNS = 4000  # in memory; about 10 MB with 8 networks each
LOG = logging.getLogger("rnnkit.store")


class StoreThread:
    """Rows of runs trained until "solved", in memory, and behind them a Store that one thread reads and writes.

    No call waits for the disk. The thread begins with the first call and ends with the process. Safe from any thread.
    """

    def __init__(self, open_store: Callable[[], Store] = Store, until: str = "solved") -> None:
        self.until = until
        self._open = open_store
        self._rows: OrderedDict[Experiment, list[Row] | None] = OrderedDict()  # None: not in the store
        self._asked: set[Experiment] = set()  # being read
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[tuple[list[Experiment], list[Row] | None] | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def get(self, runs: Iterable[Experiment], seconds: float = 0.0) -> tuple[dict[Experiment, list[Row]], bool]:
        """Returns the rows of the runs that are known, and whether the store has been asked for all of them.

        Asks for the others, and waits for the answer for at most so many seconds.
        """
        runs = list(runs)
        with self._lock:
            if new := [e for e in runs if e not in self._rows and e not in self._asked]:
                self._asked.update(new)
                self._put((new, None))
        if new and seconds:
            self.wait(seconds)
        with self._lock:
            for e in runs:
                if e in self._rows:
                    self._rows.move_to_end(e)
            found = {e: rows for e in runs if (rows := self._rows.get(e)) is not None}
            return found, all(e in self._rows for e in runs)

    def put(self, e: Experiment, rows: Sequence[Row]) -> None:
        """Takes the rows of a run that has ended. They are known at once, and stored soon. Known ones stay."""
        with self._lock:
            if self._rows.get(e) is None:
                self._note(e, list(rows))
                self._put(([e], list(rows)))

    def wait(self, seconds: float) -> bool:
        """Waits until all earlier reads and writes are done, at most so many seconds. Returns whether they are."""
        done = threading.Event()
        with self._lock:
            self._put(done)
        return done.wait(seconds)

    def _put(self, work: tuple[list[Experiment], list[Row] | None] | threading.Event) -> None:
        """Under the lock."""
        self._work.put(work)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()

    def _note(self, e: Experiment, rows: list[Row] | None) -> None:
        """Under the lock."""
        self._rows[e] = rows
        self._rows.move_to_end(e)
        while len(self._rows) > MAX_RUNS:
            self._rows.popitem(last=False)

    def _serve(self) -> None:
        store, told = self._opened(), 0
        while True:
            work = self._work.get()
            if isinstance(work, threading.Event):
                work.set()
                continue
            runs, rows = work
            try:
                if store is None:
                    self._not_found(runs)
                elif rows is not None:
                    store.put(runs[0], rows, self.until)
                else:
                    self._read(store, runs)
            except Exception:  # a run stays in memory, and the thread goes on
                LOG.exception("results store")
                self._not_found(runs)
            for text in store.warnings[told:] if store else ():
                LOG.warning("%s", text)
                told += 1

    def _opened(self) -> Store | None:
        """Returns the open store, None where its settings are not valid: rows then stay in memory."""
        try:
            return self._open()
        except Exception:
            LOG.exception("results store")
            return None

    def _read(self, store: Store, runs: list[Experiment]) -> None:
        found = store.get_many([(e, self.until) for e in runs])
        with self._lock:
            for e, rows in zip(runs, found, strict=True):
                self._asked.discard(e)
                if self._rows.get(e) is None:  # else it has ended meanwhile
                    self._note(e, rows)

    def _not_found(self, runs: list[Experiment]) -> None:
        with self._lock:
            for e in runs:
                self._asked.discard(e)
                self._rows.setdefault(e, None)
