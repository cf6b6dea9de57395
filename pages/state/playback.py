"""One viewer's place in a run: which rows are revealed, which one is shown, and at what pace. Uses no Streamlit.

A run is a recording that all viewers share (rnnkit.serving.run_pool), so Train, Pause, Step and Reset move only this viewer's
place.
"""

from __future__ import annotations

from dataclasses import dataclass

PACES = {"normal": 8.0, "slow": 25.0, "fast": 0.0}  # name -> seconds that a whole run takes at least


@dataclass
class Playback:
    """`head` rows are revealed (0 before the first frame); `cursor` is the row shown, None to follow the head."""

    head: float = 0.0
    cursor: int | None = None
    playing: bool = False
    stopped: bool = False
    pace: str = "normal"
    clock: float | None = None
    moves: int = 0  # of the cursor by anything but the seek bar, which then needs a new key

    def set_pace(self, pace: str) -> None:
        self.pace = pace

    def train(self, rows: int) -> None:
        """Continues, or starts over where all `rows` of the run have been shown."""
        if self.head >= rows:
            self.head = 1
        self.playing, self.stopped, self.cursor, self.clock = True, False, None, None

    def pause(self) -> None:
        self.playing, self.clock = False, None
        self.moves += 1

    def step(self, rows: int) -> None:
        """Reveals one more row and pauses."""
        self.pause()
        self.head, self.cursor, self.stopped = min(rows, int(self.head) + 1), None, False

    def reset(self) -> None:
        """Goes back to the same weights, untrained, and pauses."""
        self.pause()
        self.head, self.cursor, self.stopped = 1, None, False

    def stop(self) -> None:
        """Pauses, and asks for no more rows."""
        self.pause()
        self.stopped = True

    def seek(self, row: int, by_bar: bool = False) -> None:
        """Pauses at an earlier row, or reveals the rows up to a later one."""
        self.playing, self.clock, self.stopped = False, None, False
        self.moves += not by_bar
        self.head = max(self.head, row + 1)
        self.cursor = row

    def tick(self, now: float, known: int, rows: int, done: bool) -> None:
        """Advances the head to the time `now`. `known` of `rows` rows are trained, and more will be unless `done`."""
        if self.playing:
            seconds = PACES[self.pace]
            passed = now - self.clock if self.clock is not None else 0.0
            self.clock = now
            self.head = min(known, self.head + rows * passed / seconds) if seconds else known
            if done and self.head >= known:
                self.pause()
        self.head = max(self.head, 1)

    def wants(self, rows: int) -> int:
        """Returns how many rows have to be trained for what this viewer sees next."""
        if self.stopped:
            return 0
        return rows if self.playing else max(1, int(self.head))

    def shown(self, known: int) -> int:
        """Returns how many rows are revealed."""
        return min(known, int(self.head))

    def row(self, known: int) -> int:
        """Returns the row shown."""
        last = self.shown(known) - 1
        return last if self.cursor is None else min(self.cursor, last)
