"""What rnnkit.watch costs: `python benchmarks/watch.py`. Prints a table; docs/watch.md has one.

Of one layer alone, so that nothing of a larger model hides the cost: the time of its forward and backward pass without a watch;
what a watched step takes on top of it, in units of that time; and what a step takes on top that is not watched. The loss reads
every time step: one that vanishes passes denormal numbers, which slow torch down and not the replay. Each time is the fastest
of rounds in which the three take turns: other programs only make it longer. memory: what rnnkit.watch states.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import cycle, permutations, product
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import rnnkit.watch
from rnnkit.watch.call import Shape, replay_bytes

KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
SIZES = ((100, 32, 64), (100, 32, 128), (100, 32, 256), (400, 16, 64), (50, 64, 512))  # T, B, H
INPUTS = 32


class Loop:
    """A training step of one layer, with a loss at every time step, and the seconds that its rounds have taken."""

    def __init__(self, kind: str, T: int, B: int, H: int, layers: int, bidirectional: bool, every: int) -> None:
        torch.manual_seed(0)
        self.rnn = KINDS[kind](INPUTS, H, layers, bidirectional=bidirectional)
        self.x = torch.randn(T, B, INPUTS)
        self.watch = rnnkit.watch(self.rnn, every=every) if every else None
        self.seconds: list[float] = []

    def step(self) -> None:
        start = time.perf_counter()
        self.rnn(self.x)[0].sum().backward()
        if self.watch is not None:
            self.watch.step()
        self.seconds.append(time.perf_counter() - start)
        self.rnn.zero_grad()


def measure(kind: str, size: tuple[int, int, int], layers: int, bidirectional: bool, seconds: float) -> str:
    """One row of the table."""
    alone, watched, between = (Loop(kind, *size, layers, bidirectional, every) for every in (0, 1, 10**9))
    end = time.perf_counter() + seconds
    turns = cycle(permutations((alone, watched, between)))  # none always comes after the watched one
    while time.perf_counter() < end or len(alone.seconds) < 6:
        for loop in next(turns):
            loop.step()
    assert watched.watch is not None and watched.watch.problem == ""
    own, on, off = (min(loop.seconds) for loop in (alone, watched, between))
    T, B, H = size
    memory = replay_bytes(alone.rnn, Shape(T, B), 4) / 1e6
    form = f"{layers} layer{'s' * (layers > 1)}{', both directions' * bidirectional}"
    times = f"{own * 1e3:.1f} | {(on - own) / own:.2f} | {(off - own) / own:+.2f}"
    return f"| {kind} | {form} | {T} | {B} | {H} | {times} | {memory:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seconds", type=float, default=3.0, help="of each row")
    parser.add_argument("--tiny", action="store_true", help="one small size")
    options = parser.parse_args()
    sizes = ((10, 4, 8),) if options.tiny else SIZES
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), float32")
    print("| layer | form | T | B | H | forward and backward, ms | watched step, on top | other steps, on top | memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        for size, (layers, bidirectional) in product(sizes, ((1, False), (2, True))):
            if layers == 1 or size == sizes[0]:
                print(measure(kind, size, layers, bidirectional, options.seconds), flush=True)


if __name__ == "__main__":
    main()
