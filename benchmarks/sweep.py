"""How fast a sweep trains: with two processes against one, and what sweep, store and processes cost beside the training itself.

    python benchmarks/sweep.py --runs 1000 --pairs 5

Each pair trains as many runs with one process and with two, in turn, so that what else the machine does meets both. The overhead
is the CPU time of a sweep with one process, of both processes together, beside that of the same runs trained in a plain loop. It
is the same on a busy machine. The waiting is the wall time in which a process did not train. --scheduler measures the workers of
a Dask cluster instead, without CPU time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from rnnkit import Experiment, Sweep
from rnnkit.sweep.executors import DaskCluster, Executor, LocalProcesses
from rnnkit.sweep.store import Store

SHORT = Experiment(length=20, hidden=16, batch=16, steps=40, replicas=4)


class Entered:
    """An executor that stays entered: its processes are used again."""

    def __init__(self, executor: Executor) -> None:
        self.outcomes = executor.outcomes

    def __enter__(self) -> Entered:
        return self

    def __exit__(self, *_: object) -> None: ...


def cpu_seconds() -> float:
    """Returns the CPU time of this process and of those that it has started and that live."""
    here = psutil.Process()
    return sum(t.user + t.system for t in (process.cpu_times() for process in (here, *here.children(recursive=True))))


def measured(runs: int, first_seed: int, executor: Executor, processes: int) -> tuple[float, float, float]:
    """Returns runs a second, CPU seconds a run, and the share of the time in which a process did not train."""
    warm = [(replace(SHORT, seed=seed), "end") for seed in range(4 * processes)]
    list(executor.outcomes(warm))
    sweep = Sweep(SHORT, {"seed": [first_seed + 10 * i for i in range(runs)]}, until="end")
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "store.sqlite")) as store:
        start, cpu = time.perf_counter(), cpu_seconds()
        result = sweep.run(store, Entered(executor), progress=False)
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    training = sum(row.seconds for rows in result.rows.values() for row in rows)
    assert len(result.rows) == runs
    return runs / seconds, cpu / runs, 1 - training / (processes * seconds)


def plain(seeds: Iterable[int]) -> float:
    """Returns the CPU seconds of a run in a plain loop in this process."""
    import torch

    from rnnkit.studies.training_outcome import study

    torch.set_num_threads(1)
    list(study(SHORT))
    seeds = list(seeds)
    start = time.process_time()
    for seed in seeds:
        list(study(replace(SHORT, seed=seed)))
    return (time.process_time() - start) / len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000, help="of each measurement (default 1000)")
    parser.add_argument("--pairs", type=int, default=5, help="measurements with one process and with two (default 5)")
    parser.add_argument("--scheduler", help="measure the cluster of this scheduler")
    parser.add_argument("--workers", type=int, default=2, help="threads of that cluster's workers (default 2)")
    args = parser.parse_args()
    if args.scheduler:
        with DaskCluster(args.scheduler) as cluster:
            for i in range(args.pairs):
                rate, _, waiting = measured(args.runs, i, cluster, args.workers)
                print(f"{args.workers} workers: {rate:.1f} runs a second, waiting {waiting:.1%}", flush=True)
        return
    ratios, overheads = [], []
    with LocalProcesses(1) as one, LocalProcesses(2) as two:
        for i in range(args.pairs):
            slow, cpu, _ = measured(args.runs, 2 * i, one, 1)
            fast, _, waiting = measured(args.runs, 2 * i + 1, two, 2)
            ratios.append(fast / slow)
            overheads.append(cpu / plain(range(2 * i, 2 * i + 10 * args.runs, 10)) - 1)
            print(f"1 process: {slow:.1f} runs a second; 2: {fast:.1f}, ratio {ratios[-1]:.2f}, waiting {waiting:.1%}", end="; ")
            print(f"overhead {overheads[-1]:.1%}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}, median overhead {statistics.median(overheads):.1%}")


if __name__ == "__main__":
    main()
