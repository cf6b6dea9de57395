"""Recordings: runs trained to their end, a file each, so that what was trained once is there at once after a restart.

A file holds the arrays of a History (engine/record.py, `pack`). One thread reads and writes, and no call waits for the disk. The
folder belongs to one version of the program: `program` is in the files' names, because another version may give other numbers.
Files of all versions count for the bound; the least recently used go first. Any file may be deleted at any time.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rnnkit.engine.history import History
from rnnkit.engine.record import pack, unpack
from rnnkit.experiment import Experiment
from rnnkit.serving import event_log

MAX_MEGABYTES = 200
MIN_SECONDS = 0.3  # of training: a shorter run is trained again in about the time in which a file is read
SUFFIX = ".run"
Loaded = Callable[[dict[str, Any] | None], None]


class Recordings:
    """The recorded runs in `folder`, made with the first file. Safe from any thread.

    What the disk refuses is a warning in the event log, and is trained again. A damaged file is deleted.
    """

    def __init__(self, folder: Path, program: str, max_megabytes: float = MAX_MEGABYTES) -> None:
        self.folder, self.program, self.max_bytes = folder, program, int(max_megabytes * 2**20)
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._warned = False
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def takes(e: Experiment) -> bool:
        """Returns whether runs of this Experiment are recorded: those of a file of the user's are not."""
        return not e.given

    def load(self, e: Experiment, then: Loaded) -> None:
        """Calls `then` soon, on the thread, with the recording for `restore`, or with None where there is none."""

        def work() -> None:
            found = None
            try:
                found = self._read(self._path(e))
            finally:
                then(found)

        self._work.put(work)

    def save(self, e: Experiment, history: History, seconds: float) -> None:
        """Writes a run that was trained to its end in so many seconds, soon."""
        if self.takes(e) and seconds >= MIN_SECONDS:
            self._work.put(lambda: self._write(self._path(e), pack(recording_of(history, seconds))))

    def wait(self, seconds: float) -> bool:
        """Waits until all earlier reads and writes are done, at most so many seconds. Returns whether they are."""
        done = threading.Event()
        self._work.put(done.set)
        return done.wait(seconds)

    def _path(self, e: Experiment) -> Path:
        return self.folder / f"{self.program[:16]}-{e.key}{SUFFIX}"

    def _serve(self) -> None:
        while True:
            work = self._work.get()
            try:
                work()
            except Exception as error:  # the run is trained, and the thread goes on
                self._warn(error)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            found = unpack(path.read_bytes())
            os.utime(path)  # used now
            return found
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._warn(error)
            with suppress(OSError):
                path.unlink()
            return None

    def _write(self, path: Path, data: bytes) -> None:
        """Writes the file as a whole, or not at all: it is renamed once it is complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        self._evict(path)

    def _evict(self, newest: Path) -> None:
        """Removes the least recently used files, never `newest`, until the rest is within the bound."""
        files = []
        for path in self.folder.iterdir():
            with suppress(OSError):  # another process has removed it
                stat = path.stat()
                files.append((stat.st_mtime, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total > self.max_bytes and path != newest:
                with suppress(OSError):
                    path.unlink()
                total -= size

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            event_log.warn("recordings", reason=f"{type(error).__name__}: {error}")
        self._warned = True


def recording_of(history: History, seconds: float) -> dict[str, Any]:
    """Returns a whole run as plain values and arrays for `pack`."""
    return {"seconds": float(seconds), "causes": history.causes, **arrays_of(history)}


def restore(history: History, recording: dict[str, Any]) -> bool:
    """Fills an empty History. Returns False, and changes nothing, where the recording is not one of this Experiment."""
    arrays = arrays_of(history)
    for name, array in arrays.items():
        value = recording.get(name)
        if not isinstance(value, np.ndarray) or (value.shape, value.dtype) != (array.shape, array.dtype):
            return False
    causes, seconds = recording.get("causes"), recording.get("seconds")
    if not isinstance(causes, list) or len(causes) != len(history.steps) or not isinstance(seconds, float):
        return False
    for name, array in arrays.items():
        array[:] = recording[name]
    history.causes[:] = [tuple(row) for row in causes]
    history.n = len(history.steps)  # last: readers take n first
    return True


def arrays_of(history: History) -> dict[str, np.ndarray]:
    """Returns the arrays of a History that records fill, by name; one that stands for another is left out."""
    arrays = {name: value for name, value in vars(history).items() if isinstance(value, np.ndarray) and name != "steps"}
    if history.state_grad_all is history.state_grad:
        del arrays["state_grad_all"]
    return arrays
