"""Exit codes, error messages of one line, Ctrl-C and SIGTERM, and a closed output pipe."""

from __future__ import annotations

import errno
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
SIGNAL_BASE = 128  # plus the signal's number, as in every shell
PIPE_CLOSED = 128 + 13  # SIGPIPE

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
# of a write to an open file; EINVAL: a closed pipe on Windows
WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EINVAL)
TRAINING_ERRORS = (RuntimeError, AssertionError, ValueError, OSError, ImportError, MemoryError)


def fail(message: object, code: int = REFUSED) -> NoReturn:
    """Prints the message to standard error and raises SystemExit with this exit code."""
    print_error(message)
    raise SystemExit(code)


def print_error(message: object) -> None:
    """Prints `rnnkit: message` to standard error."""
    print(f"rnnkit: {message}", file=sys.stderr)


def error_text(error: BaseException) -> str:
    """Returns the message of an exception in one line; an OSError's without number and path."""
    text = " ".join((error.strerror if isinstance(error, OSError) and error.strerror else str(error)).split())
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text.lower():
        return "out of memory: take a smaller length, hidden, batch or replicas"
    return text or type(error).__name__


def run(command: Callable[[], int]) -> int:
    """Calls the command and returns its exit code. Ctrl-C, a closed pipe and an output error give no traceback.

    Prints "?" for a character that standard output's encoding lacks (a pipe on Windows, LC_ALL=C).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            return command()
        finally:
            if sys.stdout:  # None where it was closed before Python started
                sys.stdout.flush()
    except KeyboardInterrupt:
        print_error("stopped before the training began, nothing is written")
        return SIGNAL_BASE + signal.SIGINT
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except OSError as error:
        _drop_output()
        with suppress(OSError):
            print_error(f"{_what_failed(error)}{error_text(error)}")
        return FAILED


def _what_failed(error: OSError) -> str:
    """Returns the file's name, or that it is standard output, before the message; "" where neither is at fault."""
    if error.filename is not None:
        return f"{error.filename}: "
    return "cannot write to standard output: " if error.errno in WRITE_ERRORS else ""


def _drop_output() -> None:
    """Redirects broken streams to os.devnull, because Python flushes them at exit and would print an error."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
            continue
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(devnull, stream.fileno())
    os.close(devnull)


class Stop:
    """Context manager in which the first Ctrl-C or SIGTERM sets `signal_number`, and the second ends the program at once.

    The first one prints `notice`, which says what is being stopped.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.signal_number = 0
        self.notice = "stopping after this training step"
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def name(self) -> str:
        """The signal's name, "Ctrl-C" for SIGINT."""
        return "Ctrl-C" if self.signal_number == signal.SIGINT else signal.Signals(self.signal_number).name

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._previous = {signal_number: signal.signal(signal_number, self._on_signal) for signal_number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for signal_number, handler in self._previous.items():
            signal.signal(signal_number, handler)

    def _on_signal(self, signal_number: int, _frame: FrameType | None) -> None:
        self.signal_number = signal_number
        for other in self.SIGNALS:
            signal.signal(other, signal.SIG_DFL)
        with suppress(OSError):  # os.write, because the signal may have interrupted a print
            os.write(2, f"\nrnnkit: {self.notice}; Ctrl-C again stops at once\n".encode())
