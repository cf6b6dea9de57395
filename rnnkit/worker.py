"""`python -m rnnkit.worker`: the process that trains. Commands come in on stdin, frames go out on stdout.

A command is one line of JSON: {"ticket": n, "experiment": {...}, "skip": k, "until": m} trains rows k..m-1 of an Experiment (rows
before k are trained but not sent again), {"until": m} moves the goal, {"drop": true} ends the run. {"study": name, "ticket": n,
"experiment": {...}, "options": {...}} asks for a study (rnnkit/studies/), which is answered between two rows. {"kind": class,
"data": text} brings a Corpus or Text that later commands name, {"forget": name} takes it away. A frame is a header (kind, ticket,
seconds of training so far, length) and a payload: b"W" ready, b"R" a packed Record, b"E" an error in words; of a study b"P" a
packed part, b"D" done, b"F" failed, in words. The process trains one run at a time, on one thread, and exits when its stdin
closes, however the server ended.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
import time
from typing import Any, BinaryIO

from rnnkit.tasks.data import drop, receive

HEADER = struct.Struct("<cIdI")
READY, RECORD, ERROR = b"W", b"R", b"E"
PART, DONE, FAILED = b"P", b"D", b"F"


def _read_commands(commands: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        command = json.loads(line)
        if "data" in command:
            receive(command["kind"], command["data"])
        elif "forget" in command:
            drop(command["forget"])
        else:
            commands.put(command)
    os._exit(0)  # the server is gone; nobody is left to train for


class Worker:
    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.commands: queue.Queue[dict[str, Any]] = queue.Queue()

    def send(self, kind: bytes, ticket: int = 0, seconds: float = 0.0, payload: bytes = b"") -> None:
        self.out.write(HEADER.pack(kind, ticket, seconds, len(payload)) + payload)
        self.out.flush()

    def serve(self) -> None:
        """Warms up (torch imported, one step done), then trains what it is told for ever."""
        from rnnkit.experiment import Experiment
        from rnnkit.trainer import train

        list(train(Experiment(length=10, replicas=1, batch=1, steps=1)))
        threading.Thread(target=_read_commands, args=(self.commands,), daemon=True).start()
        self.send(READY)
        command = self.commands.get()
        while True:
            if "study" in command:
                self._study(command)
            elif "experiment" in command:  # else it was meant for a run that has ended meanwhile
                try:
                    command = self._train(command, train(Experiment.from_json(json.dumps(command["experiment"]))))
                    continue
                except Exception as error:  # the run fails with a message, the process lives on
                    self.send(ERROR, command["ticket"], payload=_in_words(error).encode())
            command = self.commands.get()

    def _train(self, command: dict[str, Any], records: Any) -> dict[str, Any]:
        """Trains until the run is done or another command replaces it; returns that command."""
        from rnnkit.record import pack_record

        ticket, skip, until = command["ticket"], command["skip"], command["until"]
        row, seconds = 0, 0.0
        while True:
            while row >= until or not self.commands.empty():
                command = self.commands.get()
                if "study" in command:
                    self._study(command)
                    continue
                if "until" not in command or "experiment" in command:
                    return command
                until = command["until"]
            start = time.perf_counter()
            record = next(records)  # `until` never asks for more than there are
            seconds += time.perf_counter() - start
            if row >= skip:
                self.send(RECORD, ticket, seconds, pack_record(record))
            row += 1

    def _study(self, command: dict[str, Any]) -> None:
        from rnnkit.experiment import Experiment
        from rnnkit.record import pack
        from rnnkit.studies import STUDIES

        ticket = command["ticket"]
        try:
            for part in STUDIES[command["study"]](Experiment.from_json(json.dumps(command["experiment"])), **command["options"]):
                self.send(PART, ticket, payload=pack(part))
            self.send(DONE, ticket)
        except Exception as error:  # as in serve
            self.send(FAILED, ticket, payload=_in_words(error).encode())


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError) or "alloc" in str(error):
        return "not enough memory for this network: make it shorter, narrower, or take fewer replicas"
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
