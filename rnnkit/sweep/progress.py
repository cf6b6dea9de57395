"""The progress of a sweep: on a terminal, or in a notebook, where it needs no widgets."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterable
from typing import Any

from rnnkit.experiment import Experiment
from rnnkit.sweep.combination import Ended, estimated_seconds

SECONDS_BETWEEN = 0.2  # two drawings
WIDTH = 30  # of the terminal's bar, in characters


class SweepProgress:
    """How far a sweep is, by the estimated seconds of its runs. This class shows nothing."""

    def __init__(self, experiments: Iterable[Experiment]) -> None:
        self._waiting = {e: estimated_seconds(e) for e in experiments}
        self.n, self.n_ended, self.whole = len(self._waiting), 0, sum(self._waiting.values())
        self.left, self._trained = self.whole, 0.0
        self._start, self._drawn = time.monotonic(), 0.0

    def add(self, event: Ended | str | None) -> None:
        """Takes what Sweep.stream yields. What was in the store does not count for the time that is left."""
        if isinstance(event, Ended):
            seconds = self._waiting.pop(event.experiment)
            self.n_ended += 1
            self.left -= seconds
            self._trained += 0.0 if event.stored else seconds
        elif event is not None:
            self.note(event)
        now = time.monotonic()
        if now > self._drawn + SECONDS_BETWEEN or not self._waiting:
            self._drawn = now
            self.draw()

    @property
    def share(self) -> float:
        """Returns the share of the work that is done, 0 to 1."""
        return 1 - self.left / self.whole if self._waiting else 1.0

    @property
    def text(self) -> str:
        """Returns the counts and the time left: `12 of 40 runs, 3 min left`."""
        text = f"{self.n_ended} of {self.n} runs"
        if not self._trained or not self._waiting:
            return text
        return f"{text}, {duration((time.monotonic() - self._start) * self.left / self._trained)} left"

    def draw(self) -> None:
        """Shows the present state."""

    def clear(self) -> None:
        """Makes room, so that something else can be printed."""

    def note(self, text: str) -> None:
        """Shows a sentence that stays."""
        self.clear()
        print(text, file=sys.stderr)

    def close(self) -> None:
        """Ends the display."""


class TerminalProgress(SweepProgress):
    """A bar in the last line of the terminal."""

    def draw(self) -> None:
        done = round(WIDTH * self.share)
        print(f"\r\033[K{'█' * done}{'·' * (WIDTH - done)} {self.text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        print("\r\033[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(file=sys.stderr)


class NotebookProgress(SweepProgress):
    """HTML's own progress element, in an output that is drawn anew."""

    def __init__(self, experiments: Iterable[Experiment]) -> None:
        from IPython.display import display

        super().__init__(experiments)
        self._notes: list[str] = []
        self._handle: Any = display(self._html(), display_id=True)

    def _html(self) -> Any:
        from IPython.display import HTML

        notes = "".join(f"<div>{html.escape(text)}</div>" for text in self._notes)
        return HTML(f'<progress value="{self.share:.4f}" max="1"></progress> {html.escape(self.text)}{notes}')

    def draw(self) -> None:
        self._handle.update(self._html())

    def note(self, text: str) -> None:
        self._notes.append(text)
        self.draw()


def progress_of(experiments: Iterable[Experiment], quiet: bool = False) -> SweepProgress:
    """Returns the kind of progress that this process can show: none where `quiet`, or where standard error is a file."""
    if quiet:
        return SweepProgress(experiments)
    if _in_notebook():
        return NotebookProgress(experiments)
    return (TerminalProgress if sys.stderr and sys.stderr.isatty() else SweepProgress)(experiments)


def duration(seconds: float) -> str:
    """Returns a time in one unit: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def _in_notebook() -> bool:
    """Whether a Jupyter kernel shows what is printed here. A shell of IPython in a terminal has no kernel."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")
