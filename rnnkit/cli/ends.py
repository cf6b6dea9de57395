"""How a command ends: exit codes, one plain line for what went wrong, Ctrl-C, and a pipe that nobody reads any more."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

FAILED, REFUSED = 1, 2
STOPPED = 128  # plus the number of the signal, as in every shell
CLOSED = 128 + 13  # by SIGPIPE

CODES = """\
exit codes:
  0         trained to the end; networks that became NaN are a result, not a failure
  1         failed during the training or after it: out of memory, a file could not be written
  2         refused before the training: an option, an input or an output path is wrong
  130, 143  stopped by Ctrl-C or SIGTERM; what was recorded is written. A second Ctrl-C stops at once. After
            the training it ends the report, and the files are complete
  141       nobody reads the output any more (| head)
Errors and notes go to standard error, the verdict to standard output.
"""
TRAINING_ERRORS = (RuntimeError, AssertionError, ValueError, OSError, ImportError, MemoryError)


def fail(problem: object, code: int = REFUSED) -> NoReturn:
    tell(problem)
    raise SystemExit(code)


def tell(problem: object) -> None:
    print(f"rnnkit: {problem}", file=sys.stderr)


def reason(error: BaseException) -> str:
    """What an exception says, in one line; an OSError without its number and path."""
    text = " ".join((error.strerror if isinstance(error, OSError) and error.strerror else str(error)).split())
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text.lower():
        return "out of memory: take a smaller length, hidden, batch or replicas"
    return text or type(error).__name__


def run(command: Callable[[], int]) -> int:
    """The command's exit code. Ctrl-C and a closed pipe get no traceback; output that cannot be written is named.

    A character that standard output's encoding lacks (a pipe on Windows, LC_ALL=C) is printed as "?".
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            return command()
        finally:
            if sys.stdout:  # None where it was closed before Python began
                sys.stdout.flush()
    except KeyboardInterrupt:
        tell("stopped before the training began, nothing is written")
        return STOPPED + signal.SIGINT
    except BrokenPipeError:
        _drop_output()
        return CLOSED
    except OSError as error:
        _drop_output()
        with suppress(OSError):
            tell(f"cannot write to standard output: {reason(error)}")
        return FAILED


def _drop_output() -> None:
    """Python flushes both streams once more when it ends, and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
            continue
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Stop:
    """While it is entered, the first Ctrl-C or SIGTERM only sets `number`; the second one ends the program at once.

    `ending` is what the first one is answered with: what ends now.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.number = 0
        self.ending = "stopping after this training step"
        self._before: dict[signal.Signals, Any] = {}

    @property
    def name(self) -> str:
        return "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = {number: signal.signal(number, self._asked) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        for other in self.SIGNALS:
            signal.signal(other, signal.SIG_DFL)
        with suppress(OSError):  # print could be in the middle of another line
            os.write(2, f"\nrnnkit: {self.ending}; Ctrl-C again stops at once\n".encode())
