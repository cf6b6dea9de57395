"""The server's end of one worker process (worker.py): the commands to it, the frames from it, and why it ended."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.serving.limits import Limits
from rnnkit.serving.resources import SLACK, resident
from rnnkit.serving.scheduler import slice_of
from rnnkit.serving.worker import HEADER, TOO_LARGE
from rnnkit.tasks.data import DataStore

if TYPE_CHECKING:
    from rnnkit.serving.run import Run

ROOT = Path(__file__).resolve().parents[2]
OnFrame = Callable[["WorkerProcess", bytes, int, float, bytes], None]  # (worker, kind, ticket, seconds, payload) of a frame
OnExit = Callable[["WorkerProcess"], None]


@dataclass
class Answer:
    """What a study (rnnkit/studies/) has found so far. Any thread may read it."""

    study: str = ""
    parts: list[Any] = field(default_factory=list)  # Progress, and results of the study's class in RESULTS
    error: str = ""
    done: bool = False
    nbytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def found(self) -> list[Any]:
        """Returns the results without Progress, each more complete than the one before."""
        return [part for part in list(self.parts) if not isinstance(part, Progress)]

    @property
    def progress(self) -> float:
        """Returns the last reported share of the work that is done, 0 to 1."""
        return next((part.share for part in reversed(list(self.parts)) if isinstance(part, Progress)), 0.0)

    def end(self, error: str = "") -> None:
        self.done, self.error = not error, error
        self.ended.set()


class WorkerProcess:
    """The server's end of one worker process."""

    def __init__(self, on_frame: OnFrame, on_exit: OnExit, limits: Limits, store: DataStore) -> None:
        self.on_frame, self.on_exit = on_frame, on_exit  # called from this worker's thread
        self.store = store  # the pool's
        self.run: Run | None = None
        self.ready = False
        self.warm = 0.0  # megabytes when it was ready
        self.computes = ""  # with PyTorch or another backend, in words
        self.ran_out_of_memory = False  # a new process replaces it as soon as it is idle
        self.ticket = self.run_ticket = 0  # the last one used, and that of the run
        self.goal = 0  # rows of the run that it trains up to
        self.studies: dict[int, Answer] = {}  # not answered yet, by ticket
        self.data: set[str] = set()  # names of the data that it has
        self.last_active = time.monotonic()  # when it last sent a frame, or was given something to do
        self.began = self.last_active  # when its run began, or when it became idle
        self.slice = 0.0  # seconds that the run may train while others wait
        self.end_reason = ""  # why the server ended it
        self.stderr: deque[str] = deque(maxlen=20)
        self._commands: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rnnkit.serving.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | limits.environment(),
        )
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_reader.start()
        for work in (self._read_frames, self._write_commands):
            threading.Thread(target=work, daemon=True).start()

    @property
    def busy(self) -> bool:
        return bool(self.studies) or (self.run is not None and self.run.needs_training)

    def begin(self, run: Run, seconds: float) -> None:
        """Trains the run, for a slice of so many seconds at least."""
        self.run, run.worker = run, self
        self.began, self.slice = time.monotonic(), slice_of(seconds, run.seconds)
        self.ticket += 1
        self.run_ticket = self.ticket
        self.goal, self.last_active = run.wanted, time.monotonic()
        for digest in run.experiment.given:
            self.send_data(digest)
        self.send(ticket=self.ticket, experiment=run.experiment.to_dict(), skip=(run.trained or run.history).n, until=self.goal)

    def ask(self, study: str, e: Experiment, options: dict[str, Any], answer: Answer) -> None:
        """Asks for a study, whose parts come in as frames with this ticket."""
        self.ticket += 1
        self.studies[self.ticket], self.last_active = answer, time.monotonic()
        for digest in (*e.given, options.get("pairs", "")):
            self.send_data(digest)
        self.send(study=study, ticket=self.ticket, experiment=e.to_dict(), options=options)

    def send_data(self, digest: str) -> None:
        """Sends the data of this name, unless the process has them. It then drops those that the server has dropped."""
        if digest and digest not in self.data and digest in self.store:
            for gone in self.data - set(self.store):
                self.data.remove(gone)
                self.send(forget=gone)
            self.data.add(digest)
            data = self.store.get(digest)
            self.send(kind=type(data).__name__, data=data.to_bytes().decode())

    def release_run(self) -> None:
        """Stops training the run, whose rows stay in its history."""
        if self.run:
            self.run.worker = None
            self.run = None
            self.began = time.monotonic()
            self.send(drop=True)

    def send(self, **command: Any) -> None:
        """Queues a command and never blocks: a process that is starting, or hangs, does not read, and a pipe holds little."""
        self._commands.put(json.dumps(command).encode() + b"\n")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def megabytes(self) -> float:
        """Resident memory; 0 where the system does not tell."""
        return resident(self.process.pid) or 0.0

    def fault(self, limits: Limits) -> str:
        """Why it has to be ended, in words, or "": it is busy and has sent no frame for too long, or takes too much memory."""
        if self.busy and time.monotonic() - self.last_active > limits.hang_seconds:
            return "the training process did not answer any more and was ended"
        too_large = self.megabytes > limits.worker_ceiling(self.warm) + SLACK  # it should have noticed by itself
        return TOO_LARGE if too_large and self.ready else ""

    def end(self, why: str) -> None:
        """Kills the process. `on_exit` follows."""
        self.end_reason = why
        self.process.kill()

    def _write_commands(self) -> None:
        assert self.process.stdin
        try:
            while line := self._commands.get():
                self.process.stdin.write(line)
                self.process.stdin.flush()
        except (ValueError, OSError):
            pass  # the process has ended: `_read_frames` calls on_exit

    def _read_frames(self) -> None:
        out = self.process.stdout
        assert out
        try:
            while len(head := out.read(HEADER.size)) == HEADER.size:
                kind, ticket, seconds, size = HEADER.unpack(head)
                payload = out.read(size)
                if len(payload) < size:
                    break
                self.last_active = time.monotonic()
                self.on_frame(self, kind, ticket, seconds, payload)
        finally:
            try:
                self.process.wait(5)  # its output ends a moment before it does
            except subprocess.TimeoutExpired:
                self.stop()
            self._commands.put(None)
            self._stderr_reader.join(1)
            self.on_exit(self)

    def _read_stderr(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.stderr.append(line.decode(errors="replace").rstrip())

    def reason(self) -> str:
        """Why the process ended, in words."""
        if self.end_reason:
            return self.end_reason
        code = self.process.returncode
        last = next((line for line in reversed(self.stderr) if line.strip()), "")
        if "No module named 'torch'" in last:
            return "PyTorch is not installed: run  pip install torch==2.13.0  and start again"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            hint = ", perhaps because the machine ran out of memory" if name == "SIGKILL" else ""
            return f"the training process was ended by {name}{hint}"
        return f"the training process ended with code {code}" + (f": {last}" if last else "")
