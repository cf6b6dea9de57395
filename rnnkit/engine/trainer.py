"""train(experiment): puts task, cell, initialization, learner and recorder together and yields Records, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine.batches import TrainingBatch, training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.cuda_graph import CapturedFunctions
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.device import check_device, check_dtype
from rnnkit.engine.divergence import Divergence
from rnnkit.engine.history import History
from rnnkit.engine.learners import LEARNERS, Learner
from rnnkit.engine.params import ParamStack
from rnnkit.engine.record import Record
from rnnkit.engine.recorder import Recorder
from rnnkit.engine.step import StepFunctions, StepResult, carried_state
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment


def init_params(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> dict[str, Tensor]:
    """The weights as drawn; network r depends on seed + r alone. Shapes as in bptt.py."""
    drawn = [draw_weights(e, e.seed + r) for r in range(e.replicas)]
    return {k: torch.tensor(np.stack([d[k] for d in drawn]), dtype=dtype, device=device) for k in drawn[0]}


def _step_functions(e: Experiment, params: ParamStack, learner: Learner) -> StepFunctions:
    """The plain ones; on a GPU those captured as CUDA graphs, where every step does the same with arrays of the same shapes."""
    task, W = e.bound_task, params.flat
    same = learner.capturable and CELLS[e.cell].captures and not task.padded and not task.carries_state
    if W.is_cuda and same and W.dtype == torch.float32:  # float64's norm may need a second try
        return CapturedFunctions(e, params, learner)
    return StepFunctions(e, params, learner)


class Trainer:
    """One run between its steps: the weights, what the learner remembers, the data streams, and which networks have diverged.

    examines: as in Recorder. endless: it makes no Record, and trains on after the run's last step, under the learning rate that
    the schedule has reached there.
    """

    def __init__(
        self, e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu", examines: bool = True, endless: bool = False
    ) -> None:
        self.e, self.step, self.endless = e, 0, endless
        self.params = ParamStack.of(init_params(e, dtype, device))
        self.batches = training_batches(e, dtype, device)
        self.functions = _step_functions(e, self.params, LEARNERS[CELLS[e.cell].learner](e, self.params))
        self.recorder = Recorder(e, self.functions, examines)
        self.divergence = Divergence(e.replicas)
        self.carries, self.every = e.bound_task.carries_state, e.every

    @property
    def diverged(self) -> np.ndarray:
        """(R,): the step at which a network diverged; -1 while it is sound."""
        return self.divergence.steps

    @property
    def done(self) -> bool:
        return self.step > self.e.steps and not self.endless

    def compute(self, batch: TrainingBatch) -> StepResult:
        """Loss and gradients of a batch at this step; where the task carries its state, from the state of the batch before."""
        self.functions.begin(self.step)
        s0 = carried_state(self.functions.tape, self.step) if self.carries and self.step else None
        return self.functions.compute(batch, s0)

    def compute_next(self) -> StepResult:
        """What this step's batch gives. Networks that diverge now are frozen."""
        out = self.compute(next(self.batches))
        self.divergence.check(self.step, out, self.functions)
        return out

    def advance(self) -> Record | None:
        """One training step; a Record where one is due, of the weights before the step's update."""
        e, step = self.e, self.step
        due = (step % self.every == 0 or step == e.steps) and not self.endless
        record = None
        if self.divergence.of_all:  # nothing is left to compute
            record = self.recorder.record_of_none(step, self.divergence) if due else None
        else:
            out = self.compute_next()
            record = self.recorder.record(step, out, self.divergence) if due else None
            if step < e.steps or self.endless:
                self.functions.update(out, step + 1)
        self.step += 1
        return record

    def records(self) -> Iterator[Record]:
        """Trains to the end; see `train`."""
        while not self.done:
            with no_grad_no_denormals():  # not around the yield: the caller's settings are its own
                record = self.advance()
            if record is not None:
                yield record


def train(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Iterator[Record]:
    """Trains the Experiment's networks and yields a Record at every recorded step.

    A network diverges when its weights, its loss or the gradient after all fixes is not finite. It is then frozen and its later
    numbers are NaN, while the others train on. The same Experiment gives the same Records, bit for bit, on the same CPU and
    number of threads. Denormal numbers are flushed to zero (by threads that torch started before this, only if it was told to
    then).

    `dtype` is torch.float32 or torch.float64, `device` "cpu", "cuda" or "cuda:1". Raises ValueError for others, and for a
    GPU that is not here; ExperimentError where the data that the Experiment names are not in this process.
    """
    check_device(device)
    check_dtype(dtype)
    with no_grad_no_denormals():
        trainer = Trainer(e, dtype, device)
    yield from trainer.records()


def run(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> History:
    """Trains the Experiment's networks to the end and returns all Records in one History; see `train`."""
    return History.of(e, train(e, dtype, device))
