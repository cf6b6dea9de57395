"""What benchmarks/step.py measures: the problem, the product itself, and the products of matrices that no step can do without.

A variant, here and in peers.py, is made from a Problem; calling it takes one training step and gives (loss, heatmap): (R,)
and the norms of dL/ds_t, (P, T, R), or None where it does not know them. `weights()` gives its weights as rnnkit lays them
out, so that tests/unit/test_benchmark.py can check that all variants compute the same. Those with `single` train one network
only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import backends
from rnnkit.engine.batches import TrainingBatch
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import ClipNorm
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import Experiment

LR, BATCH = 0.01, 32
Result = tuple[Any, Any]
SLABS = {"tanh": 11, "lstm": 39, "gru": 29}  # tensors (T, R, B, H) that all variants hold together, measured at T = 1000


@dataclass(frozen=True)
class Problem:
    """R networks, each with the weights and the one batch of the task "agreement" that rnnkit draws from its seed."""

    cell: str
    T: int
    H: int
    R: int = 1
    seed: int = 0
    clip: float = 1.0
    device: str = "cpu"

    def experiment(self, steps: int = 1) -> Experiment:
        rule = {"fixes": (ClipNorm(self.clip),), "optimizer": "sgd", "lr": LR, "batch": BATCH, "steps": steps}
        size = {"cell": self.cell, "length": self.T, "hidden": self.H, "replicas": self.R, "seed": self.seed}
        return Experiment(task="agreement", **size, **rule)

    @cached_property
    def params(self) -> dict[str, Tensor]:
        return init_params(self.experiment(), device=self.device)

    @cached_property
    def batch(self) -> TrainingBatch:
        """Symbols x (T, R, B) and answers y (1, R, B), neither padded nor weighted."""
        return next(Trainer(self.experiment(), device=self.device).batches)

    @property
    def gates(self) -> int:
        return CELLS[self.cell].gates

    @property
    def parts(self) -> int:
        return len(CELLS[self.cell].parts)

    @property
    def bytes(self) -> int:
        """Memory that all variants of this size need together, roughly."""
        return 4 * self.T * self.R * BATCH * self.H * SLABS[self.cell]

    @property
    def operations(self) -> int:
        """Multiplications and additions in the three products."""
        return 3 * 2 * self.T * self.R * BATCH * self.H * self.gates * self.H

    def alone(self, r: int) -> Problem:
        """Network r by itself: it depends on its own seed only."""
        return replace(self, R=1, seed=self.seed + r)


class Rnnkit:
    """The product itself, as `train` runs it, with a Record (and so a row of the heatmap) at every step.

    Two things are left out, as they are in all other variants: drawing sentences (one batch comes again and again) and
    the held-out evaluation, which is not part of a training step. The step's number is set back to one that has a Record but no
    evaluation: with steps = 10, `every` is at most 5 (at all sizes of the grid) and `eval_every` at least 10.
    """

    single: ClassVar[bool] = False
    steps: ClassVar[int] = 10
    examines: ClassVar[bool] = True
    backend: ClassVar[str] = "torch"

    def __init__(self, problem: Problem) -> None:
        e = problem.experiment(self.steps)
        backends.use_backend(self.backend)
        try:
            with torch.inference_mode():
                self.trainer = Trainer(e, device=problem.device, examines=self.examines)
        finally:
            backends.use_backend("torch")
        self.trainer.batches = repeat(problem.batch)
        self.trainer.recorder.evaluation = None  # a step with an evaluation would fail
        self.number = e.every

    def __call__(self) -> Result:
        self.trainer.step = self.number
        with torch.inference_mode():
            record = self.trainer.advance()
        return record.loss, record.state_grad

    def weights(self) -> dict[str, np.ndarray]:
        return {k: v.cpu().numpy() for k, v in self.trainer.params.items()}


class RnnkitCompiled(Rnnkit):
    """The same with the loops over time in C++ (rnnkit/engine/backends/compiled)."""

    backend = "compiled"


class RnnkitHeatmapAlone(Rnnkit):
    """The same without what a Record says of units and lags."""

    examines = False


class RnnkitCompiledHeatmapAlone(RnnkitCompiled, RnnkitHeatmapAlone):
    """Both: what the peers compute, and no more."""


class RnnkitPlain(Rnnkit):
    """The same without Records: what the heatmap costs is the difference."""

    steps = 1_000_000

    def __call__(self) -> Result:
        self.trainer.step = 1  # not recorded
        with torch.inference_mode():
            self.trainer.advance()
        return None, None


class Floor:
    """No training: only the step's three products of matrices, on contiguous memory and into buffers that are there already."""

    single: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        T, R, H, width = problem.T, problem.R, problem.H, problem.gates * problem.H
        self.W = torch.rand(R, H, width, device=problem.device)
        self.W_t = self.W.mT.contiguous()
        self.h, self.dh = (torch.rand(T, R, BATCH, H, device=problem.device) for _ in range(2))
        self.a = torch.rand(T, R, BATCH, width, device=problem.device)
        self.rows = self.h.view(R, H, T * BATCH), self.a.view(R, T * BATCH, width)  # which numbers they hold does not matter
        self.steps = tuple(zip(self.h.unbind(0), self.a.unbind(0), self.dh.unbind(0), strict=True))

    def __call__(self) -> Result:
        with torch.inference_mode():
            for h, a, _ in self.steps:
                torch.bmm(h, self.W, out=a)
            for _, a, dh in reversed(self.steps):
                torch.bmm(a, self.W_t, out=dh)
            torch.bmm(*self.rows)
        return None, None
