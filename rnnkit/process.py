"""The server's end of one worker process (worker.py): what it is told, what is heard from it, and why it ended."""

from __future__ import annotations

import json
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
from rnnkit.tasks.data import KEPT
from rnnkit.worker import HEADER

if TYPE_CHECKING:
    from rnnkit.runs import Run

ROOT = Path(__file__).resolve().parent.parent
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

    def __init__(self, heard: Heard, died: Died) -> None:
        self.heard_frame, self.died = heard, died  # called from this worker's thread
        self.run: Run | None = None
        self.ready = False
        self.ticket = self.training = 0  # the last one given out, and that of the run
        self.goal = 0
        self.asked: dict[int, Answer] = {}  # studies it owes, by ticket
        self.given: set[str] = set()  # names of the data it has
        self.heard = time.monotonic()  # when it last gave a sign of life, or was given something to do
        self.hung = False
        self.stderr: deque[str] = deque(maxlen=20)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rnnkit.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        self._listener = threading.Thread(target=self._listen_to_stderr, daemon=True)
        self._listener.start()
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, run: Run) -> None:
        self.run, run.worker = run, self
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
            self.say(drop=True)

    def say(self, **command: Any) -> None:
        try:
            assert self.process.stdin
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError, OSError):
            pass  # it died; the listener hears of it and tells

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def hangs(self, seconds: float) -> bool:
        """Whether it has something to do and has not been heard of for so long."""
        busy = bool(self.asked) or (self.run is not None and self.run.hungry)
        self.hung = busy and time.monotonic() - self.heard > seconds
        return self.hung

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
            self._listener.join(1)
            self.died(self)

    def _listen_to_stderr(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.stderr.append(line.decode(errors="replace").rstrip())

    def reason(self) -> str:
        """Why the process ended, in words."""
        if self.hung:
            return "the training process did not answer any more and was ended"
        code = self.process.returncode
        last = next((line for line in reversed(self.stderr) if line.strip()), "")
        if "No module named 'torch'" in last:
            return "PyTorch is not installed: run  pip install torch==2.13.0  and start again"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            hint = ", perhaps because the machine ran out of memory" if name == "SIGKILL" else ""
            return f"the training process was ended by {name}{hint}"
        return f"the training process ended with code {code}" + (f": {last}" if last else "")
