"""The limits of one server. Each can be set by an environment variable RNNKIT_<NAME>.

An Experiment's own ranges are wider. These limits are for a shared dashboard on one or two slow cores. How many processes train,
and how large a network they may train, follows from the machine's memory: SERVER megabytes for the dashboard and SMALL for each
worker. Where there is more, workers get up to LARGE each, as long as half of the machine's memory stays free.

A server reads its limits before it answers, so what an Experiment needs is imported by the functions that are handed one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from rnnkit.serving import resources

if TYPE_CHECKING:
    from rnnkit.experiment import Experiment

CAPPED = ("length", "hidden", "batch", "replicas", "steps")
SERVER, SMALL, LARGE = 250, 350, 1024  # megabytes (2**20 bytes) of memory
WARM = 258  # of a worker that has trained nothing yet, rounded up
EVALUATION_PORTION = 64  # sequences that an evaluation computes at once
SPILL = 1.5  # measured memory of training, in units of the `megabytes` estimated below


@dataclass(frozen=True)
class Limits:
    """The limits; a 0 is replaced by what the machine's memory and cores allow."""

    max_length: int = 1000
    max_hidden: int = 256
    max_batch: int = 256
    max_replicas: int = 32
    max_steps: int = 5000
    max_gigaflops: int = 20_000  # of a whole run: some ten minutes of one slow core
    workers: int = 0  # processes that train; 0: as many as cores and memory allow
    worker_megabytes: int = 0  # memory of one of them, with torch's CPU build; 0: from the machine's memory
    max_megabytes: int = 0  # of one training step's tensors; 0: what fits a worker
    keep_megabytes: int = 128  # of all runs; the least recently used are dropped first
    max_upload_megabytes: int = 10  # of one uploaded file or text; in memory it takes some ten times as much
    keep_upload_megabytes: int = 20  # of all uploads; the least recently used is dropped first
    idle_seconds: int = 12  # a run without a heartbeat from a viewer for so long is stopped
    hang_seconds: int = 120  # a busy training process that has sent nothing for so long is ended
    max_rooms: int = 20  # rooms of classes at a time (room.py)
    max_room_members: int = 500  # of one room; the largest measured class has 250 (docs/scale.md)
    slice_seconds: int = 30  # how long a run may train while other users' runs wait: see scheduler.py

    def __post_init__(self) -> None:
        room = resources.memory() or 8192.0  # where the system does not report it: a desktop computer
        fit = {"workers": max(1, min(resources.cores(), int((room - SERVER) // SMALL)))}
        workers = self.workers or fit["workers"]
        fit["worker_megabytes"] = int(max(SMALL, min(LARGE, (room / 2 - SERVER) / workers)))
        fit["max_megabytes"] = max(1, int(((self.worker_megabytes or fit["worker_megabytes"]) - WARM) / SPILL))
        for name, value in fit.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    @classmethod
    def from_environment(cls) -> Limits:
        """Returns the limits set by RNNKIT_<NAME>, else the defaults. Raises ValueError unless each is a whole number above 0."""
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
        """Returns the environment variables that give another process the same limits."""
        return {f"RNNKIT_{name.upper()}": str(value) for name, value in asdict(self).items()}

    def worker_ceiling(self, warm: float) -> float:
        """Returns the megabytes that a worker may take if it took `warm` megabytes before its first training.

        Training has the same memory whatever `import torch` takes: 241 MB with its CPU build, 650 with the one for CUDA, half of
        them code.
        """
        return self.worker_megabytes + max(0.0, warm - WARM)

    def smallest(self) -> Experiment:
        """Returns the default Experiment, reduced to the limits of this server."""
        from rnnkit.experiment import FIELDS, Experiment

        return Experiment(**{name: min(FIELDS[name].default, getattr(self, f"max_{name}")) for name in CAPPED})

    def check(self, e: Experiment) -> dict[str, str]:
        """Returns field -> why this server refuses the Experiment; empty where it accepts it."""
        from rnnkit.experiment import ExperimentError

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
    """Returns the field to name for a product that is too large: the one with the largest ratio to its default."""
    from rnnkit.experiment import FIELDS

    return max(names, key=lambda name: getattr(e, name) / FIELDS[name].default)


def megabytes(e: Experiment) -> float:
    """Estimates the megabytes of a training step: activations, states and their gradients of all time steps, and the weights.

    Of the weights about ten copies: gradients before and after the fixes, optimizer memory, intermediate results. Of the outputs
    four: scores, logarithms, derivatives. Where sentences have different lengths, the evaluation holds all time steps.
    """
    from rnnkit.engine.cells import CELLS

    cell, task = CELLS[e.cell], e.bound_task
    floats = cell.floats_per_unit + sum(fix.floats_per_unit for fix in e.fixes)
    weights = e.hidden * ((task.n_in + e.hidden * cell.n_products) * cell.gates + task.n_out)
    outputs = task.n_targets(e.length) * e.batch * task.n_out
    sequences = e.batch * floats + (EVALUATION_PORTION * cell.floats_per_unit / 2 if task.padded else 0)
    return 4 * e.replicas * (e.hidden * e.length * sequences + 10 * weights + 4 * outputs) / 1e6


def gigaflops(e: Experiment) -> float:
    """Returns the GFLOP of a run: of the products with W_rec and W_out, and of a matrix that is built, of all its steps."""
    from rnnkit.engine.cells import CELLS

    cell, task = CELLS[e.cell], e.bound_task
    per_sequence = e.length * e.hidden**2 * cell.gates * cell.n_products + task.n_targets(e.length) * e.hidden * task.n_out
    return e.steps * e.replicas * (6 * e.batch * per_sequence + cell.matrix_flops * e.hidden**3) / 1e9
