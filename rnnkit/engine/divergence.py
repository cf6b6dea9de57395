"""Which networks have diverged, at which training step, and which tensor was the first that was not finite."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from rnnkit.engine.bptt import Tape
from rnnkit.engine.cells import Cell
from rnnkit.engine.step import StepFunctions, StepResult

Params = Mapping[str, Tensor]


class Divergence:
    """Which of R networks have diverged.

    A network diverges at the first training step at which its weights, its loss or the gradient that the optimizer would get
    (after all fixes) is not finite. It then keeps its last finite weights. What no update takes may be infinite: a gradient that
    `clip-value` limits, or that of a frozen weight.
    """

    def __init__(self, replicas: int) -> None:
        self.steps = np.full(replicas, -1, np.int32)  # the step at which a network diverged; -1: it has not
        self.causes = [""] * replicas  # the first tensor that was not finite, in the order of computation

    @property
    def of_all(self) -> bool:
        return bool((self.steps >= 0).all())

    def check(self, step: int, out: StepResult, functions: StepFunctions) -> None:
        """Freezes the networks that diverge at this training step."""
        for r in np.flatnonzero(~out.sound.cpu().numpy() & (self.steps < 0)):
            self.steps[r] = step
            self.causes[r] = _cause(step, out, functions, int(r))
            functions.freeze(int(r))


def _cause(step: int, out: StepResult, functions: StepFunctions, r: int) -> str:
    """The first tensor of network r that is not finite, in the order of computation: weights, both passes, fixes."""
    if weight := not_finite(functions.params, r):
        return f"{weight} after the update at step {step - 1}"
    if found := first_not_finite(functions.tape.cell, functions.tape, out.z, out.loss, out.raw, r):
        return found
    if weight := not_finite(out.penalised, r):
        return f"the gradient of {weight} with the penalty on the states"
    for name, grads in functions.learner.stages(out.penalised, functions.tape):
        if weight := not_finite(grads, r):
            return f"the gradient of {weight} after {name}"
    return "the gradient's norm"


def first_not_finite(cell: Cell, tape: Tape, z: Tensor, loss: Tensor, grads: Params, r: int) -> str:
    """The first tensor of network r with a NaN or inf, in the order of computation, or "" where all is finite.

    Forward a step computes the parts of the state in the order of cell.equations (LSTM: c before h), backward in that of
    cell.parts (LSTM: dL/dh before dL/dc).
    """
    states = dict(zip(cell.parts, tape.s, strict=True))
    computed = [(name, states[name]) for name, _ in cell.equations if name in states]
    for t in range(tape.T):
        for name, part in computed:
            if not part[t, r].isfinite().all():
                return f"{name} at t = {t} of the forward pass"
    if not z[:, r].isfinite().all():
        return "the readout"
    if not loss[r].isfinite():
        return "the loss"
    for t in range(tape.T - 1, -1, -1):
        for name, part in zip(cell.parts, tape.ds, strict=True):
            if not part[t, r].isfinite().all():
                return f"dL/d{name} at t = {t} of the backward pass"
    weight = not_finite(grads, r)
    return f"the gradient of {weight}" if weight else ""


def not_finite(tensors: Params, r: int) -> str:
    """The name of the first of these tensors (R, ...) in which network r has a NaN or inf, or "" where it has none."""
    return next((name for name, values in tensors.items() if not values[r].isfinite().all()), "")
