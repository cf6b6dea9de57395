"""What a whole run costs beside its training steps: `python benchmarks/run.py`.

For every story of the dashboard, on one core: the CPU seconds of its run, and the shares of them that go into the gradient and
the update, Records, drawing sentences, and held-out evaluations; then in how many stories drawing and evaluations take more than
LIMIT. `--stories-only` ends there. Then, in turns: training steps a second in a worker of the dashboard with a viewer, as a
multiple of those on the command line.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

LIMIT = 10  # percent of a run for drawing and evaluations together
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from rnnkit.engine.trainer import Trainer  # noqa: E402
from rnnkit.experiment import Experiment  # noqa: E402
from rnnkit.serving.run_pool import RunPool  # noqa: E402
from rnnkit.stories.presets import PRESETS  # noqa: E402

COMMAND_LINE = """
import sys, time, torch
from rnnkit import Experiment, train
torch.set_num_threads(1)
records = train(Experiment.from_json(sys.argv[1]))
next(records)
start = time.perf_counter()
list(records)
print(time.perf_counter() - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS), metavar="NAME")
    parser.add_argument("--stories-only", action="store_true", help="not the dashboard's steps a second")
    parser.add_argument("--cells", nargs="+", default=["tanh", "lstm", "gru"], metavar="NAME", help="compared with the dashboard")
    parser.add_argument("--steps", type=int, default=300, help="of each of those runs")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each cell")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print("CPU seconds of a run, and shares of them in percent")
    print(f"{'':22}{'seconds':>8}{'step':>8}{'records':>9}{'drawing':>9}{'evaluation':>12}{'drawing and evaluation':>24}")
    above = []
    for name in args.presets:
        seconds, step, drawing, evaluation, records = shares(PRESETS[name].experiment)
        both = drawing + evaluation
        above += [name] if both > LIMIT else []
        print(f"{name:22}{seconds:8.2f}{step:8.1f}{records:9.1f}{drawing:9.1f}{evaluation:12.1f}{both:24.1f}", flush=True)
    print(f"drawing and evaluation above {LIMIT} %: {len(above)} of {len(args.presets)} {' '.join(above)}")
    if args.stories_only:
        return
    print("\nsteps a second in the dashboard / on the command line")
    pool = RunPool()
    for cell in args.cells:
        ratios = []
        for seed in range(args.seeds):
            e = Experiment(cell=cell, length=100, steps=args.steps, seed=seed, fixes=("clip-norm:1",))
            ratios.append(on_the_command_line(e) / in_the_dashboard(pool, e))
        print(f"{cell:6} {statistics.median(ratios):.2f}   ({', '.join(f'{r:.2f}' for r in ratios)})", flush=True)
    pool.close()


def shares(e: Experiment) -> tuple[float, float, float, float, float]:
    """CPU seconds of the run, and the percent that gradient and update, drawing, evaluations and Records take of them."""
    spent: dict[str, float] = defaultdict(float)

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args)
            finally:
                spent[name] += time.process_time() - start

        return call

    start = time.process_time()
    with torch.inference_mode():
        trainer = Trainer(e)
        trainer.batches = iter(clocked("drawing", trainer.batches.__next__), None)
        evaluation, recorder = trainer.recorder.evaluation, trainer.recorder
        evaluation.accuracy = clocked("evaluation", evaluation.accuracy)
        recorder.record = clocked("records", recorder.record)
        while not trainer.done:
            trainer.advance()
    whole = time.process_time() - start
    spent["records"] -= spent["evaluation"]  # which are taken within
    rest = whole - sum(spent.values())
    parts = rest, spent["drawing"], spent["evaluation"], spent["records"]
    return whole, *(100 * part / whole for part in parts)


def on_the_command_line(e: Experiment) -> float:
    """Seconds from the first Record to the last."""
    done = subprocess.run([sys.executable, "-c", COMMAND_LINE, e.to_json()], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def in_the_dashboard(pool: RunPool, e: Experiment) -> float:
    """The same in a worker, for a viewer who takes every row as soon as it is there."""
    run, start = pool.get(e), 0.0
    while not run.done:
        pool.watch(run, "benchmark", run.rows)
        if run.history.n and not start:
            start = time.perf_counter()
        time.sleep(0.01)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
