"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from rnnkit.engine.history import median
from rnnkit.engine.record import Record
from rnnkit.experiment import Experiment

WIDTH = 30


def with_progress(e: Experiment, records: Iterator[Record], quiet: bool) -> Iterator[Record]:
    """Yields the records and draws the bar at most ten times a second; no bar where `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield from records
        return
    start, shown = time.monotonic(), 0.0
    try:
        for r in records:
            yield r
            now = time.monotonic()
            if now - shown > 0.1 or r.step == e.steps:
                shown, share = now, r.step / e.steps
                left = (now - start) * (1 - share) / share if share else 0
                bar = "█" * round(WIDTH * share) + "·" * (WIDTH - round(WIDTH * share))
                loss = f"{median(r.loss[None])[0]:.4g}"
                print(f"\r{bar} step {r.step}/{e.steps}  loss {loss}  {left:.0f} s left   ", end="", file=sys.stderr)
    finally:
        print(file=sys.stderr)
