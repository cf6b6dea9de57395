"""One training step of all networks: what a batch gives, and the update of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.batches import TrainingBatch
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import ActivationFix, SignalFix
from rnnkit.engine.learners import Learner
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.params import ParamStack
from rnnkit.experiment import Experiment
from rnnkit.tasks.next_symbol import STATE_RESET_EVERY


class StepResult(NamedTuple):
    """What one batch gives, before any weight changes."""

    z: Tensor  # outputs of the last K steps, (K, R, B, O)
    y: Tensor  # their targets, (K, R, B) classes or (K, R, B, O) numbers
    loss: Tensor  # (R,)
    dz: Tensor  # dL/dz, (K, R, B, O)
    raw: ParamStack  # gradients of the weights before the fixes on activations and gradients
    penalised: ParamStack  # with those of the fixes on activations
    grads: ParamStack  # after all fixes
    norm_raw: Tensor  # (R,)
    norm_applied: Tensor  # (R,)
    sound: Tensor  # (R,) bool: what the update takes is finite


class StepFunctions:
    """The two functions that a training step consists of, and the arrays that they work on in place.

    In float32, with a learner that can be captured, neither reads a value on the host.
    """

    def __init__(self, e: Experiment, params: ParamStack, learner: Learner) -> None:
        self.params, self.learner = params, learner
        self.loss = LOSSES[e.loss]
        self.signals = [fix for fix in e.fixes if isinstance(fix, SignalFix)]
        self.penalties = [fix for fix in e.fixes if isinstance(fix, ActivationFix)]
        self.active: list[ActivationFix] = []  # those that have begun
        self.tape = bptt.Tape(CELLS[e.cell], params, e.length, e.batch)
        self.previous = params.flat.clone()  # the weights before the last update
        self.frozen = torch.zeros(e.replicas, 1, dtype=torch.bool, device=params.flat.device)

    def begin(self, step: int) -> bool:
        """Prepares training step 0, 1, ...: fixes that begin there. Returns whether other work is done from this step on."""
        before, self.active = self.active, [fix for fix in self.penalties if fix.start_step <= step]
        return self.learner.begin(step) or self.active != before

    def compute(self, batch: TrainingBatch, s0: tuple[Tensor, ...] | None = None) -> StepResult:
        """Loss and gradients of one batch, from the zero state or from s0. Changes no weight."""
        x, y, padding, weight = batch
        tape = self.tape.forward(self.params, x, s0, padding)
        z = bptt.readout(self.params, tape.h[-len(y) :])
        loss, dz = self.loss(z, y, weight)
        raw, penalised = backward_passes(tape, dz, self.signals, self.active)
        grads = penalised
        for _, changed in self.learner.stages(penalised, tape):
            grads = changed
        return StepResult(z, y, loss, dz, raw, penalised, grads, raw.norm, grads.norm, self.learner.is_sound(loss, grads))

    def update(self, out: StepResult, n: int | Tensor) -> None:
        """The n-th update of the weights, n = 1, 2, ..., by what the last `compute` gave. Frozen networks keep theirs."""
        weights = self.params.flat
        self.previous.copy_(weights)
        self.learner.update(out.grads, self.tape, out.y, n)
        torch.where(self.frozen, self.previous, weights, out=weights)

    def freeze(self, r: int) -> None:
        """From now on network r keeps its weights: these, or those before the last update where these are not finite."""
        self.frozen[r] = True
        if not self.params.flat[r].isfinite().all():
            self.params.flat[r] = self.previous[r]


def backward_passes(
    tape: bptt.Tape, dz: Tensor, signals: Sequence[SignalFix], penalties: Sequence[ActivationFix]
) -> tuple[ParamStack, ParamStack]:
    """The gradients of the weights without and with penalties on the states. The tape then holds those of the loss alone."""
    penalised = None
    if penalties:
        h, begun = tape.h[tape.first :], tape.begun
        tape.backward(dz, signals, reduce(torch.add, (fix(h, begun) for fix in penalties)))
        penalised = tape.gradients()
    tape.backward(dz, signals)
    raw = tape.gradients()
    return raw, raw if penalised is None else penalised


def carried_state(tape: bptt.Tape, step: int) -> tuple[Tensor, ...]:
    """The state that the last batch ended in, each part (lag, R, B, H) as in Tape.end.

    One sequence in STATE_RESET_EVERY begins anew: its state is set to 0.
    """
    s0 = tape.end
    for part in s0:
        part[:, :, -step % STATE_RESET_EVERY :: STATE_RESET_EVERY] = 0
    return s0
