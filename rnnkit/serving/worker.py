"""`python -m rnnkit.serving.worker`: the process that trains. Reads commands from stdin, writes frames to stdout.

A command is one line of JSON:
  {"ticket": n, "experiment": {...}, "skip": k, "until": m}  trains an Experiment and sends rows k ... m-1 (those before k too
                                                             are trained, but not sent)
  {"until": m}                                               trains the run on, up to row m-1
  {"drop": true}                                             ends the run
  {"study": name, "ticket": n, "experiment": {...}, "options": {...}}  computes a study (rnnkit/studies/), between two rows
  {"kind": class, "data": text}                              brings a Corpus or Text, which later commands name
  {"forget": name}                                           drops it

A frame is a header (kind, ticket, seconds of training so far, length of the payload) and a payload. Kinds: b"W" ready, and in
words what computes; b"R" a packed Record; b"E" an error in words; of a study b"P" a packed part, b"D" done, b"F" an error in
words.

The process trains one run at a time, on one thread. It exits when its stdin closes, however the server ended. It does not rely on
the server's checks: it refuses an Experiment past the limits (limits.py), answers a command that it does not know with an error,
and limits its own allocations to `worker_megabytes`, so that too large a run ends with a message and the process lives on.
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
from rnnkit.tasks.data import STORE

HEADER = struct.Struct("<cIdI")
READY, RECORD, ERROR = b"W", b"R", b"E"
PART, DONE, FAILED = b"P", b"D", b"F"
TOO_LARGE = "not enough memory for this network: make it shorter, narrower, or take fewer replicas"
MAX_UNRETURNED_MEGABYTES = 32.0  # that a worker has more than a warm one while the next command waits
COMMANDS: tuple[dict[str, type], ...] = (
    {"ticket": int, "experiment": dict, "skip": int, "until": int},
    {"until": int},
    {"drop": bool},
    {"study": str, "ticket": int, "experiment": dict, "options": dict},
    {"kind": str, "data": str},
    {"forget": str},
)


def parse_command(line: bytes) -> dict[str, Any]:
    """The command in a line. Raises ValueError where there is none."""
    command = json.loads(line)
    types = {name: type(value) for name, value in command.items()} if isinstance(command, dict) else type(command).__name__
    if types not in COMMANDS or not 0 <= command.get("ticket", 0) < 2**32:
        raise ValueError(f"no command looks like {str(types)[:200]}")
    return command


def _read_commands(commands: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        try:
            command = parse_command(line)
            if "data" in command:
                STORE.receive(command["kind"], command["data"])
            elif "forget" in command:
                STORE.drop(command["forget"])
            else:
                commands.put(command)
        except Exception as error:  # the commands after it may be valid
            commands.put({"refused": _in_words(error)})
    os._exit(0)  # the server has ended


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
        """Warms up (imports torch, trains one step), then carries out commands without end."""
        from rnnkit.engine import backends
        from rnnkit.engine.trainer import train

        computes = backends.settle()
        list(train(Experiment(length=10, replicas=1, batch=1, steps=1)))
        self.warm = resident() or 0.0
        self.ceiling = self.limits.worker_ceiling(self.warm)
        limit_memory(self.ceiling)
        threading.Thread(target=_read_commands, args=(self.commands,), daemon=True).start()
        self.send(READY, payload=computes.encode())
        gc.freeze()  # these objects stay: the garbage collector need not search them
        gc.enable()
        command = self.next_command()
        while True:
            if self.commands.empty() or (resident() or 0.0) > self.warm + MAX_UNRETURNED_MEGABYTES:
                return_memory()
            if command and "experiment" in command:  # another one was for a run that has ended meanwhile
                try:
                    command = self._train(command)
                    continue
                except Exception as error:  # the run fails with a message, the process lives on
                    self.send(ERROR, command["ticket"], payload=_in_words(error).encode())
            command = self.next_command()

    def next_command(self) -> dict[str, Any] | None:
        """Waits for a command. Returns it, or None where it was a study or not valid, which is answered here."""
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
        """Trains until another command replaces the run. Returns that command."""
        from rnnkit.engine.denormals import no_grad_no_denormals
        from rnnkit.engine.record import pack_record
        from rnnkit.engine.trainer import Trainer
        from rnnkit.studies.networks import remember

        e = self.experiment(command)
        with no_grad_no_denormals():
            trainer = Trainer(e)
        records, rows = trainer.records(), len(e.recorded_steps)
        ticket, skip, until = command["ticket"], command["skip"], min(command["until"], rows)
        row, seconds = 0, 0.0
        while True:
            while row >= until or not self.commands.empty():
                other = self.next_command()
                if other is None:  # between two studies the run goes on
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
                remember(e, e.steps, trainer)  # studies of this run use its weights

    def _study(self, command: dict[str, Any]) -> None:
        from rnnkit.engine.record import pack
        from rnnkit.results import to_wire
        from rnnkit.studies import STUDIES

        ticket = command["ticket"]
        try:
            for part in STUDIES[command["study"]](self.experiment(command), **command["options"]):
                self.check_memory()
                self.send(PART, ticket, payload=pack(to_wire(part)))
            self.send(DONE, ticket)
        except Exception as error:  # as in serve
            self.send(FAILED, ticket, payload=_in_words(error).encode())


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError) or "alloc" in str(error):
        return TOO_LARGE
    return f"{type(error).__name__}: {error}"


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(5)  # where cores are short, the server comes first
    gc.disable()  # until all is imported: a fifth of the time that the imports take
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between the frames
    import torch

    torch.set_num_threads(1)  # small matrices: a second thread mostly waits, and another worker may use the core
    Worker(out).serve()


if __name__ == "__main__":
    main()
