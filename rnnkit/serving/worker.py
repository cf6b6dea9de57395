"""`python -m rnnkit.serving.worker`: the process that trains. Commands come in on stdin, frames go out on stdout.

A command is one line of JSON: {"ticket": n, "experiment": {...}, "skip": k, "until": m} trains rows k..m-1 of an Experiment (rows
before k are trained but not sent again), {"until": m} moves the goal, {"drop": true} ends the run. {"study": name, "ticket": n,
"experiment": {...}, "options": {...}} asks for a study (rnnkit/studies/), which is answered between two rows. {"kind": class,
"data": text} brings a Corpus or Text that later commands name, {"forget": name} takes it away. A frame is a header (kind, ticket,
seconds of training so far, length) and a payload: b"W" ready, b"R" a packed Record, b"E" an error in words; of a study b"P" a
packed part, b"D" done, b"F" failed, in words. The process trains one run at a time, on one thread, and exits when its stdin
closes, however the server ended.

It trusts nobody with its memory: an Experiment past the limits (limits.py) is refused here too, a command that is none is
answered with an error, and an allocation past `worker_megabytes` fails, which ends the run with a message and not the machine.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import struct
import sys
import threading
import time
from typing import Any, BinaryIO

from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.serving.limits import Limits
from rnnkit.serving.resources import limit_memory, resident, return_memory
from rnnkit.tasks.data import drop, receive

HEADER = struct.Struct("<cIdI")
READY, RECORD, ERROR = b"W", b"R", b"E"
PART, DONE, FAILED = b"P", b"D", b"F"
TOO_LARGE = "not enough memory for this network: make it shorter, narrower, or take fewer replicas"
COMMANDS: tuple[dict[str, type], ...] = (
    {"ticket": int, "experiment": dict, "skip": int, "until": int},
    {"until": int},
    {"drop": bool},
    {"study": str, "ticket": int, "experiment": dict, "options": dict},
    {"kind": str, "data": str},
    {"forget": str},
)


def understand(line: bytes) -> dict[str, Any]:
    """The command in a line; raises ValueError for what is none."""
    command = json.loads(line)
    types = {name: type(value) for name, value in command.items()} if isinstance(command, dict) else type(command).__name__
    if types not in COMMANDS or not 0 <= command.get("ticket", 0) < 2**32:
        raise ValueError(f"no command looks like {str(types)[:200]}")
    return command


def _read_commands(commands: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        try:
            command = understand(line)
            if "data" in command:
                receive(command["kind"], command["data"])
            elif "forget" in command:
                drop(command["forget"])
            else:
                commands.put(command)
        except Exception as error:  # the other commands are still good
            commands.put({"refused": _in_words(error)})
    os._exit(0)  # the server is gone; nobody is left to train for


class Worker:
    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.commands: queue.Queue[dict[str, Any]] = queue.Queue()
        self.limits = Limits.from_environment()
        self.ceiling = float(self.limits.worker_megabytes)

    def send(self, kind: bytes, ticket: int = 0, seconds: float = 0.0, payload: bytes = b"") -> None:
        self.out.write(HEADER.pack(kind, ticket, seconds, len(payload)) + payload)
        self.out.flush()

    def serve(self) -> None:
        """Warms up (torch imported, one step done), then trains what it is told for ever."""
        from rnnkit.engine.trainer import train

        list(train(Experiment(length=10, replicas=1, batch=1, steps=1)))
        self.ceiling = self.limits.worker_ceiling(resident() or 0)
        limit_memory(self.ceiling)
        threading.Thread(target=_read_commands, args=(self.commands,), daemon=True).start()
        self.send(READY)
        gc.freeze()  # what is there now stays: nothing to search
        command = self.attend()
        while True:
            return_memory()
            if command and "experiment" in command:  # else it was meant for a run that has ended meanwhile
                try:
                    command = self._train(command)
                    continue
                except Exception as error:  # the run fails with a message, the process lives on
                    self.send(ERROR, command["ticket"], payload=_in_words(error).encode())
            command = self.attend()

    def attend(self) -> dict[str, Any] | None:
        """Waits for a command, and returns it unless it could be answered at once."""
        command = self.commands.get()
        if "study" in command:
            self._study(command)
        elif "refused" in command:
            self.send(ERROR, payload=command["refused"].encode())
        else:
            return command
        return None

    def experiment(self, command: dict[str, Any]) -> Experiment:
        e = Experiment.from_json(json.dumps(command["experiment"]))
        if problems := self.limits.check(e):
            raise ExperimentError(problems)
        return e

    def check_memory(self) -> None:
        if (resident() or 0) > self.ceiling:
            raise MemoryError

    def _train(self, command: dict[str, Any]) -> dict[str, Any]:
        """Trains until the run is done or another command replaces it; returns that command."""
        from rnnkit.engine.record import pack_record
        from rnnkit.engine.trainer import Trainer, no_grad_no_denormals
        from rnnkit.studies.networks import keep

        e = self.experiment(command)
        with no_grad_no_denormals():
            trainer = Trainer(e)
        records, rows = trainer.records(), len(e.recorded_steps)
        ticket, skip, until = command["ticket"], command["skip"], min(command["until"], rows)
        row, seconds = 0, 0.0
        while True:
            while row >= until or not self.commands.empty():
                other = self.attend()
                if other is None:  # studies do not keep the run from getting on
                    if row < until:
                        break
                elif "until" not in other or "experiment" in other:
                    return other
                else:
                    until = min(other["until"], rows)
            start = time.perf_counter()
            record = next(records)
            self.check_memory()
            seconds += time.perf_counter() - start
            if row >= skip:
                self.send(RECORD, ticket, seconds, pack_record(record))
            row += 1
            if row == rows:
                keep(e, e.steps, trainer)  # studies of this run will ask for them

    def _study(self, command: dict[str, Any]) -> None:
        from rnnkit.engine.record import pack
        from rnnkit.studies import STUDIES

        ticket = command["ticket"]
        try:
            for part in STUDIES[command["study"]](self.experiment(command), **command["options"]):
                self.check_memory()
                self.send(PART, ticket, payload=pack(part))
            self.send(DONE, ticket)
        except Exception as error:  # as in serve
            self.send(FAILED, ticket, payload=_in_words(error).encode())


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError) or "alloc" in str(error):
        return TOO_LARGE
    return f"{type(error).__name__}: {error}"


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(5)  # where cores are short, the page comes first
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between the frames
    import torch

    torch.set_num_threads(1)  # small matrices: a second thread only waits, and another worker may use the core
    Worker(out).serve()


if __name__ == "__main__":
    main()
