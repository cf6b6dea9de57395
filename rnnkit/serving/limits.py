"""What one server carries: the only place where its limits stand. Each can be set by an environment variable RNNKIT_<NAME>.

The package itself goes further (Experiment's own ranges); these keep a shared dashboard alive on one or two slow cores. How many
processes train, and how large a network they may train, follows from the machine: SERVER megabytes for the dashboard, SMALL for
each worker; where there is more, workers get up to LARGE each, as long as half of the machine stays free.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment, ExperimentError
from rnnkit.serving import resources

CAPPED = ("length", "hidden", "batch", "replicas", "steps")
SERVER, SMALL, LARGE = 250, 350, 1024  # megabytes (2**20 bytes) of memory
WARM = 258  # of a worker that has trained nothing yet, and a little
EXAMINED = 64  # sequences at once in an exam
SPILL = 1.5  # what training takes of memory, measured, for each of the `megabytes` reckoned below


@dataclass(frozen=True)
class Limits:
    max_length: int = 1000
    max_hidden: int = 256
    max_batch: int = 256
    max_replicas: int = 32
    max_steps: int = 5000
    max_gigaflops: int = 20_000  # of a whole run: some ten minutes of one slow core
    workers: int = 0  # processes that train; 0: as many as cores and memory allow
    worker_megabytes: int = 0  # that one of them may take, with torch's CPU build; 0: from the machine's memory
    max_megabytes: int = 0  # of one training step's tensors; 0: what a worker has room for
    keep_megabytes: int = 128  # of finished runs; the least recently used go first
    max_upload_megabytes: int = 10  # of a file or text that a viewer brings; in memory it takes some ten times as much
    keep_upload_megabytes: int = 20  # of all that viewers brought; the least recently used goes first
    idle_seconds: int = 12  # a run that nobody looked at for so long is stopped
    hang_seconds: int = 120  # a training process that should train and says nothing for so long is ended
    slice_seconds: int = 30  # a run may train for so long while other viewers' runs wait: see scheduler.py

    def __post_init__(self) -> None:
        room = resources.memory() or 8192.0  # a machine that does not tell is somebody's desk
        fit = {"workers": max(1, min(resources.cores(), int((room - SERVER) // SMALL)))}
        workers = self.workers or fit["workers"]
        fit["worker_megabytes"] = int(max(SMALL, min(LARGE, (room / 2 - SERVER) / workers)))
        fit["max_megabytes"] = max(1, int(((self.worker_megabytes or fit["worker_megabytes"]) - WARM) / SPILL))
        for name, value in fit.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    @classmethod
    def from_environment(cls) -> Limits:
        """The defaults, with every RNNKIT_<NAME> that is set; raises ValueError that names a variable which is no number."""
        values = {}
        for f in fields(cls):
            name = f"RNNKIT_{f.name.upper()}"
            text = os.environ.get(name, "")
            if text and not (text.isdecimal() and int(text) > 0):
                raise ValueError(f"environment variable {name} must be a whole number above 0, got {text!r}")
            if text:
                values[f.name] = int(text)
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """Variables from which another process has the same limits."""
        return {f"RNNKIT_{name.upper()}": str(value) for name, value in asdict(self).items()}

    def worker_ceiling(self, warm: float) -> float:
        """Megabytes that a worker may take which took `warm` before it trained anything: training has the same room whatever
        `import torch` takes. With its CPU build a warm worker has 241 MB, with the one for CUDA 650, half of them code.
        """
        return self.worker_megabytes + max(0.0, warm - WARM)

    def smallest(self) -> Experiment:
        """The default Experiment, made small enough for this server."""
        return Experiment(**{name: min(FIELDS[name].default, getattr(self, f"max_{name}")) for name in CAPPED})

    def check(self, e: Experiment) -> dict[str, str]:
        """field -> why this server refuses the Experiment; empty where it is welcome."""
        problems = {}
        for name in CAPPED:
            limit = getattr(self, f"max_{name}")
            if getattr(e, name) > limit:
                problems[name] = f"{name} may be at most {limit} on this server, got {getattr(e, name)}"
        try:
            e.bound_task  # noqa: B018
        except ExperimentError as error:
            return problems | error.problems
        if not problems and megabytes(e) > self.max_megabytes:
            problems[_most_raised(e, ("length", "replicas", "batch", "hidden"))] = (
                f"length x replicas x batch x hidden needs about {megabytes(e):.0f} MB a step, this server allows "
                f"{self.max_megabytes} MB: make one of them smaller"
            )
        if not problems and gigaflops(e) > self.max_gigaflops:
            problems[_most_raised(e, CAPPED)] = (
                f"this run needs about {gigaflops(e):.0f} GFLOP, this server allows {self.max_gigaflops}: "
                "take fewer steps, replicas or hidden units"
            )
        return problems


def _most_raised(e: Experiment, names: Sequence[str]) -> str:
    """The field to blame for a product that is too large: the one furthest above its default."""
    return max(names, key=lambda name: getattr(e, name) / FIELDS[name].default)


def megabytes(e: Experiment) -> float:
    """What a training step holds: activations, states, their derivatives and gradients of all time steps, and the weights.

    Of the weights about ten copies: gradients before and after the fixes, optimizer memory, what is made on the way. Of the
    outputs four: scores, logarithms, derivatives. Where sentences have different lengths, the exam passes through whole.
    """
    cell, task = CELLS[e.cell], e.bound_task
    kept = cell.floats_per_unit + sum(fix.floats_per_unit for fix in e.fixes)
    weights = e.hidden * ((task.n_in + e.hidden) * cell.gates + task.n_out)
    outputs = task.asked(e.length) * e.batch * task.n_out
    sequences = e.batch * kept + (EXAMINED * cell.floats_per_unit / 2 if task.padded else 0)
    return 4 * e.replicas * (e.hidden * e.length * sequences + 10 * weights + 4 * outputs) / 1e6


def gigaflops(e: Experiment) -> float:
    """The three matrix products a step with W_rec, and with W_out, over the whole run."""
    task = e.bound_task
    a_sequence = e.length * e.hidden**2 * CELLS[e.cell].gates + task.asked(e.length) * e.hidden * task.n_out
    return 6 * e.steps * e.replicas * e.batch * a_sequence / 1e9
