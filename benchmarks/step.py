"""The training step, side by side: `python benchmarks/step.py`. Writes docs/benchmarks.csv, .md and .svg.

Times the same training step of the same networks (problem.py) in rnnkit and in its peers (peers.py), and how rnnkit's time and
memory grow with T. Needs benchmarks/requirements.txt; a variant that cannot run here is named in the tables instead. What is
measured is written as it comes, so an interrupted run keeps it: `--report-only` makes the tables of what is there. Options
restrict the sizes; `--out FOLDER` leaves docs/ as it is.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, TextIO

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import report  # noqa: E402
from peers import MODULES, VARIANTS  # noqa: E402
from problem import Problem  # noqa: E402

ROUNDS = 5  # at least, for a variant that takes them in the time given
TURN = 0.05  # seconds that a variant has in a round: as many steps as fit, or one
HEADLINE_SHARE = 5  # times as long for the size that is compared with the targets
LARGE = 2e9  # bytes, from which on all threads are taken: one is not faster there
TRIED = (
    "rnnkit",
    "rnnkit compiled",
    "rnnkit compiled, heatmap alone",
    "rnnkit heatmap alone",
    "rnnkit without heatmap",
    "torch.nn",
    "cell loop",
)  # with one thread and with all; JAX uses its own
LINEAR_T = (100, 500, 1000, 2000, 5000)


@dataclass
class Entry:
    """One variant at one size, and its times: one number a round, the mean over the steps of its turn."""

    variant: str
    problem: Problem
    note: str = ""
    step: Callable[[], Any] | None = None
    first: float = float("nan")
    steps: int = 1  # in a turn
    threads: int = 1  # of torch: one or all, whichever this variant is faster with
    others: float = float("nan")  # cores that other processes kept busy meanwhile
    seconds: list[float] = field(default_factory=list)

    def prepare(self, args: argparse.Namespace, room: float) -> None:
        """Makes the step and takes it twice, uncounted; whatever goes wrong becomes the note. `room` is free memory in bytes."""
        p = self.problem
        if p.bytes > room * 2 / 3:
            self.note = f"skipped: all variants need about {p.bytes / 1e9:.0f} GB, more than two thirds of the memory available"
        elif self.variant == "torch.compile" and args.compile_T < p.T:
            self.note = f"not compiled: T > {args.compile_T} (option --compile-T)"
        else:
            try:
                slow, step = self._fastest(args)
            except Exception as error:  # a peer that fails is a line in the table
                self.note = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
                return
            if slow > args.limit:
                self.note = f"skipped: a step takes {slow:.0f} s"
                return
            self.step = step
            self.steps = max(1, min(20, int(TURN / slow)))

    def _fastest(self, args: argparse.Namespace) -> tuple[float, Callable[[], Any]]:
        """Seconds of a step with one thread or with all, and the step, made anew for each."""
        best, made = float("inf"), None
        tried = self.variant in TRIED and self.problem.bytes < LARGE and not args.probe  # a probe looks at memory: make one
        for threads in sorted({1 if tried else args.threads, args.threads}):
            torch.set_num_threads(threads)
            step = VARIANTS[self.variant](self.problem)
            first = timed(step, 1, self.problem.device)
            slow = min(timed(step, 1, self.problem.device) for _ in range(5 if first < 1 else 1))
            if slow < best:
                best, made, self.first, self.threads = slow, step, first, threads
        return best, made

    def turn(self) -> None:
        torch.set_num_threads(self.threads)
        if self.steps > 1:
            self.step()  # uncounted: the caches are another variant's, and torch's threads still spin for a moment
        self.seconds.append(timed(self.step, self.steps, self.problem.device))

    def row(self, section: str = "step") -> dict[str, Any]:
        p, times = self.problem, self.seconds
        row = {"section": section, "cell": p.cell, "T": p.T, "H": p.H, "R": p.R, "variant": self.variant, "note": self.note}
        if times:
            row |= {"rounds": len(times), "steps_a_round": self.steps, "threads": self.threads, "first_s": round(self.first, 3)}
            row |= {"median_ms": round(statistics.median(times) * 1e3, 4), "min_ms": round(min(times) * 1e3, 4)}
            row["others"] = round(self.others, 2)
        return row


def timed(step: Callable[[], Any], n: int, device: str) -> float:
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    synchronize()
    start = time.perf_counter()
    for _ in range(n):
        step()
    synchronize()
    return (time.perf_counter() - start) / n


def measure(entries: list[Entry], seconds: float) -> None:
    """Round by round, every entry in turn, until the time is up and each had ROUNDS, or has used up all the time by itself."""
    gc.collect()
    gc.disable()
    start, before = time.perf_counter(), others()
    todo = [e for e in entries if e.step]
    while todo:
        for entry in todo:
            entry.turn()
        late = time.perf_counter() - start > seconds
        todo = [e for e in todo if (len(e.seconds) < ROUNDS or not late) and sum(e.seconds) * e.steps < seconds]
    gc.enable()
    for entry in entries:
        entry.others = max((others() - before) / (time.perf_counter() - start), 0.0)  # NaN stays


def others() -> float:
    """CPU seconds of all processes but this one since the system started; torch's threads suffer much where they must share."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return float("nan")
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - time.process_time()


def grid(args: argparse.Namespace, write: Callable[[dict], None]) -> None:
    """All sizes, the headline's first. What trains one network only is measured once for all R."""
    sizes = sorted(product(args.T, args.H, args.cells), key=lambda size: size[:2] != report.HEADLINE)
    for number, (T, H, cell) in enumerate(sizes, 1):
        start = time.perf_counter()
        gc.collect()  # what the size before left
        room = available(args.device)
        problems = {R: Problem(cell, T, H, R, device=args.device) for R in {1, *args.R}}
        entries = [Entry(name, problems[R]) for name, v in VARIANTS.items() for R in ([1] if v.single else args.R)]
        for entry in entries:
            entry.prepare(args, room)
        measure(entries, args.seconds * (HEADLINE_SHARE if (T, H) == report.HEADLINE else 1))
        for entry in entries:
            write(entry.row())
            entry.step = None  # frees its memory
        print(f"[{number}/{len(sizes)}] {cell}, T = {T}, H = {H}: {time.perf_counter() - start:.0f} s; ms per network:")
        for name in VARIANTS:
            mine = [e for e in entries if e.variant == name]
            texts = [f"{statistics.median(e.seconds) * 1e3 / e.problem.R:.2f}" if e.seconds else e.note for e in mine]
            print(f"    {name:<23}{'  '.join(dict.fromkeys(texts))}", flush=True)


def linear(args: argparse.Namespace, write: Callable[[dict], None]) -> None:
    """rnnkit's time and memory against T, each T in a process of its own, whose memory is its own."""
    for cell, T in product(args.cells, LINEAR_T):
        command = [sys.executable, __file__, "--probe", cell, str(T), "--threads", str(args.threads)]
        done = subprocess.run([*command, "--seconds", str(args.seconds)], capture_output=True, text=True, check=False)
        row = json.loads(done.stdout) if done.returncode == 0 else Entry("rnnkit", Problem(cell, T, 64), "failed").row("linear")
        write(row)
        print(f"{cell}, T = {T}: {row.get('median_ms', '-')} ms, {row.get('memory_mb', '-')} MB", flush=True)


def probe(cell: str, T: int, args: argparse.Namespace) -> dict[str, Any]:
    """In a fresh process: the growth of the resident memory at its peak during the first steps, then the time."""
    VARIANTS["rnnkit"](Problem(cell, 7, 64))()  # libraries are loaded, threads started
    entry = Entry("rnnkit", Problem(cell, T, 64))
    entry.problem.batch  # noqa: B018  # drawn before memory is looked at
    linux = Path("/proc/self/clear_refs")
    if linux.exists():
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # memory that imports left over would hide what the step takes
        linux.write_text("5")  # forget the peak so far
    before = resident("VmRSS")
    entry.prepare(args, available("cpu"))
    grown = resident("VmHWM") - before
    measure([entry], args.seconds)
    return entry.row("linear") | ({"memory_mb": round(grown / 1e6, 2)} if grown else {})


def resident(name: str) -> int:
    """VmRSS, the memory in use, or VmHWM, its peak, in bytes; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def available(device: str) -> float:
    """Free memory in bytes; without end where the system does not say."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    info = Path("/proc/meminfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), float("inf"))


def matrix_rate(device: str) -> float:
    """Multiplications and additions a second in one large product of float32 matrices."""
    a = torch.rand(4096, 4096, device=device)
    return 2 * 4096**3 / min(timed(lambda: a @ a, 1, device) for _ in range(5))


def machine(args: argparse.Namespace) -> dict[str, str]:
    """What the numbers belong to."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    packages = {name: metadata.version(name) for name in ("torch", "jax") if find_spec(name)}
    facts = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "cpu": f"{cpu}, {os.cpu_count()} cores", "threads": str(args.threads)}
    facts |= {"device": args.device, "python": platform.python_version(), "system": platform.system()} | packages
    if args.device == "cuda":
        facts |= {"gpu": torch.cuda.get_device_name(), "matrix_rate": f"{matrix_rate('cuda'):.4g}"}
    return facts


def writer(file: TextIO, facts: dict[str, str]) -> Callable[[dict], None]:
    """Begins the table; the function given back adds a row and leaves it safe on the disk."""
    file.writelines(f"# {key}: {value}\n" for key, value in facts.items())
    table = csv.DictWriter(file, report.COLUMNS, lineterminator="\n")
    table.writeheader()

    def write(row: dict) -> None:
        table.writerow(row)
        file.flush()

    return write


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", nargs="+", default=list(MODULES), choices=list(MODULES))
    parser.add_argument("--T", nargs="+", type=int, default=[20, 100, 200, 1000])
    parser.add_argument("--H", nargs="+", type=int, help="default 32 64 128; on cuda 64")
    parser.add_argument("--R", nargs="+", type=int, help="default 1 8 32; on cuda 1 8 32 512 4096")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch at most; JAX always uses its own")
    parser.add_argument("--seconds", type=float, default=4, help="for the rounds at one cell, T and H")
    parser.add_argument("--limit", type=float, default=30, help="seconds beyond which a step is not measured")
    parser.add_argument("--compile-T", type=int, default=20, help="longest loop for torch.compile")
    parser.add_argument("--no-linear", dest="linear", action="store_false", help="without the part on time and memory against T")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for the results")
    parser.add_argument("--report-only", action="store_true", help="tables and chart anew from the CSV")
    parser.add_argument("--probe", nargs=2, metavar=("CELL", "T"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    cuda = args.device == "cuda"
    if cuda and not (args.report_only or torch.cuda.is_available()):
        parser.error("--device cuda: torch sees no GPU here")
    args.H = args.H or ([64] if cuda else [32, 64, 128])
    args.R = args.R or ([1, 8, 32, 512, 4096] if cuda else [1, 8, 32])
    return args


def main() -> None:
    args = arguments()
    table = args.out / f"benchmarks{'-cuda' if args.device == 'cuda' else ''}.csv"
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # as `train` does; before torch starts its threads, so that they do too
    torch.backends.cudnn.allow_tf32 = False  # the peers multiply as exactly as rnnkit does
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes most of a GPU for itself
    if args.probe:
        print(json.dumps(probe(args.probe[0], int(args.probe[1]), args)))
        return
    if not args.report_only:
        with table.open("w", newline="") as file:
            write = writer(file, machine(args))
            grid(args, write)
            if args.linear and args.device == "cpu":
                linear(args, write)
    report.write(table)


if __name__ == "__main__":
    main()
