"""The server's end of one worker process (worker.py): what it is told, what is heard from it, and why it ended."""

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
from rnnkit.serving.limits import Limits
from rnnkit.serving.resources import SLACK, resident
from rnnkit.serving.scheduler import slice_of
from rnnkit.serving.worker import HEADER, TOO_LARGE
from rnnkit.tasks.data import KEPT

if TYPE_CHECKING:
    from rnnkit.serving.run import Run

ROOT = Path(__file__).resolve().parents[2]
Heard = Callable[["WorkerProcess", bytes, int, float, bytes], None]  # (worker, kind, ticket, seconds, payload) of a frame
Died = Callable[["WorkerProcess"], None]


@dataclass
class Answer:
    """What a study (rnnkit/studies/) has found so far; read it freely."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    done: bool = False
    nbytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def end(self, error: str = "") -> None:
        self.done, self.error = not error, error
        self.ended.set()


class WorkerProcess:
    """The server's end of one worker process."""

    def __init__(self, heard: Heard, died: Died, limits: Limits) -> None:
        self.heard_frame, self.died = heard, died  # called from this worker's thread
        self.run: Run | None = None
        self.ready = False
        self.warm = 0.0  # megabytes when it was ready
        self.worn = False  # it ran out of memory: better a new one, once it is idle
        self.ticket = self.training = 0  # the last one given out, and that of the run
        self.goal = 0
        self.asked: dict[int, Answer] = {}  # studies it owes, by ticket
        self.given: set[str] = set()  # names of the data it has
        self.heard = time.monotonic()  # when it last gave a sign of life, or was given something to do
        self.began = self.heard  # when its run did, or when it had nothing more to do
        self.slice = 0.0  # seconds that the run may keep it while others wait
        self.why = ""  # the server ended it
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
        self._listener = threading.Thread(target=self._listen_to_stderr, daemon=True)
        self._listener.start()
        for work in (self._listen, self._speak):
            threading.Thread(target=work, daemon=True).start()

    @property
    def busy(self) -> bool:
        return bool(self.asked) or (self.run is not None and self.run.hungry)

    def begin(self, run: Run, seconds: float) -> None:
        """Trains the run, which keeps the process for a slice of so many seconds at least."""
        self.run, run.worker = run, self
        self.began, self.slice = time.monotonic(), slice_of(seconds, run.seconds)
        self.ticket += 1
        self.training = self.ticket
        self.goal, self.heard = run.wanted, time.monotonic()
        self.give(run.experiment.data)
        self.say(ticket=self.ticket, experiment=run.experiment.to_dict(), skip=run.history.n, until=self.goal)

    def ask(self, study: str, e: Experiment, options: dict[str, Any], answer: Answer) -> None:
        self.ticket += 1
        self.asked[self.ticket], self.heard = answer, time.monotonic()
        for digest in (e.data, options.get("pairs", "")):
            self.give(digest)
        self.say(study=study, ticket=self.ticket, experiment=e.to_dict(), options=options)

    def give(self, digest: str) -> None:
        """The data of this name, unless it has them; what the server has forgotten it forgets then, too."""
        if digest and digest not in self.given and digest in KEPT:
            for gone in self.given - KEPT.keys():
                self.given.remove(gone)
                self.say(forget=gone)
            self.given.add(digest)
            self.say(kind=type(KEPT[digest]).__name__, data=KEPT[digest].to_bytes().decode())

    def leave(self) -> None:
        """Lets go of the run; it keeps its rows."""
        if self.run:
            self.run.worker = None
            self.run = None
            self.began = time.monotonic()
            self.say(drop=True)

    def say(self, **command: Any) -> None:
        """Never waits: a process that is busy starting, or hangs, does not read, and a pipe holds little."""
        self._commands.put(json.dumps(command).encode() + b"\n")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def megabytes(self) -> float:
        """In memory now; 0 where the system does not tell."""
        return resident(self.process.pid) or 0.0

    def fault(self, limits: Limits) -> str:
        """Why it has to be ended, in words: it has something to do and says nothing, or it takes too much memory."""
        if self.busy and time.monotonic() - self.heard > limits.hang_seconds:
            return "the training process did not answer any more and was ended"
        too_large = self.megabytes > limits.worker_ceiling(self.warm) + SLACK  # it should have noticed by itself
        return TOO_LARGE if too_large and self.ready else ""

    def end(self, why: str) -> None:
        """Its listener does the rest."""
        self.why = why
        self.process.kill()

    def _speak(self) -> None:
        assert self.process.stdin
        try:
            while line := self._commands.get():
                self.process.stdin.write(line)
                self.process.stdin.flush()
        except (ValueError, OSError):
            pass  # it died; the listener hears of it and tells

    def _listen(self) -> None:
        out = self.process.stdout
        assert out
        try:
            while len(head := out.read(HEADER.size)) == HEADER.size:
                kind, ticket, seconds, size = HEADER.unpack(head)
                payload = out.read(size)
                if len(payload) < size:
                    break
                self.heard = time.monotonic()
                self.heard_frame(self, kind, ticket, seconds, payload)
        finally:
            try:
                self.process.wait(5)  # its output ends a moment before it does
            except subprocess.TimeoutExpired:
                self.stop()
            self._commands.put(None)
            self._listener.join(1)
            self.died(self)

    def _listen_to_stderr(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.stderr.append(line.decode(errors="replace").rstrip())

    def reason(self) -> str:
        """Why the process ended, in words."""
        if self.why:
            return self.why
        code = self.process.returncode
        last = next((line for line in reversed(self.stderr) if line.strip()), "")
        if "No module named 'torch'" in last:
            return "PyTorch is not installed: run  pip install torch==2.13.0  and start again"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            hint = ", perhaps because the machine ran out of memory" if name == "SIGKILL" else ""
            return f"the training process was ended by {name}{hint}"
        return f"the training process ended with code {code}" + (f": {last}" if last else "")
