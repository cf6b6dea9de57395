"""What the explaining pages compute while somebody waits: `python benchmarks/pages.py`. Seconds on one thread, median of five.

The goal is 0.3 s for each, or a bar that shows how far it is: the regime map has one, and so has whatever trains first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from rnnkit.analysis import activations, error_surface, ledger
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.studies import STUDIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS), metavar="NAME")
    parser.add_argument("--times", type=int, default=5, help="of which the median is given")
    args = parser.parse_args()
    torch.set_num_threads(1)

    def report(what: str, do: Callable[[], object], times: int = args.times) -> None:
        print(f"{what:48} {median_seconds(do, times):6.3f} s", flush=True)

    for cell in args.cells:
        e = Experiment(cell=cell)
        tiny = replace(e, hidden=4, length=12)
        x = activations.example(e).x[:, 0]
        report(f"Network: {cell}, 100 words", lambda e=e, x=x: activations.read(e, draw_weights(e, 0), x))
        small = activations.example(tiny).x[:, 0]
        report(
            f"Step by step: {cell}, 4 units, 12 words", lambda e=tiny, x=small: ledger.Ledger(e.cell, draw_weights(e, 0), x, 1)
        )
        report(f"Vanishing: {cell}, 100 words", lambda e=e: list(STUDIES["gradient_flow"](e)))
        report(f"Vanishing, the map (with a bar): {cell}", lambda e=e: list(STUDIES["regime_map"](e)), 1)
    w, b = error_surface.mesh((3.6, 6.4), (-3.6, -1.4), 90, 90)
    report("Exploding: surface of 90 x 90 points", lambda: error_surface.gradient(w, b))
    report("Exploding: both paths of 150 steps", lambda: error_surface.descend(4.9, -2.3, 0.15, 150, np.array([np.inf, 0.4])))


def median_seconds(do: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
