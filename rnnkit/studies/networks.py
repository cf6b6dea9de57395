"""Networks to look at: their weights as drawn or trained, and one full pass of forward and backward."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit import bptt
from rnnkit.bptt import Params, Tape
from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.losses import LOSSES
from rnnkit.tasks import Batch
from rnnkit.trainer import Trainer, one_hot, quietly

Part = dict[str, Any]
MAX_STEPS = 1_000_000  # more than any study trains


def trained(e: Experiment, step: int, replica: int = 0) -> Iterator[float | Trainer]:
    """Network `replica` alone after `step` training steps: yields the share done now and then, the Trainer at last."""
    one = replace(e, replicas=1, seed=e.seed + replica, steps=MAX_STEPS)  # so many steps that records are rare
    with quietly():
        trainer = Trainer(one)
    told = time.monotonic()
    while trainer.step < step:
        with quietly():
            trainer.advance()
        if trainer.step % 25 == 0 or time.monotonic() > told + 1:
            yield trainer.step / step
            told = time.monotonic()
    yield trainer


def weights(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Part]:
    """The weights of one network after `step` training steps, shapes as in bptt.py without the network axis."""
    for state in trained(e, step, replica):
        if isinstance(state, Trainer):
            yield {name: W[0].cpu().numpy() for name, W in state.params.items()}
        else:
            yield {"progress": state}


def tensors(batches: list[Batch]) -> tuple[Tensor, Tensor]:
    """One Batch a network -> x (T, R, B[, I]) and y (K, R, B[, O]); numbers in float64. ValueError if lengths differ."""
    if any(b.words is not None for b in batches):
        raise ValueError("expected sequences of one length, got sentences of many: this can only be measured on another task")
    x, y = (torch.from_numpy(np.stack([getattr(b, name) for b in batches], 1)) for name in ("x", "y"))
    return x, y


def both_ways(e: Experiment, p: Params, x: Tensor, y: Tensor) -> tuple[Tape, Tensor]:
    """One pass forward and backward with nothing cut or clipped: the Tape, and dL/dz of the last step, (1, R, B, O).

    L is the loss of the last step alone, whatever losses the steps before have: y (K, R, B[, O]) may be the targets of all.
    """
    cell = CELLS[e.cell]
    tape = bptt.forward(cell, p, x)
    z, y = bptt.readout(p, tape.h[-1:]), y[-1:]
    target = one_hot(y, z.shape[-1], z.dtype) if cell.reservoir and y.dim() == 3 else y
    _, dz = LOSSES[e.loss](z, target)
    bptt.backward(cell, p, tape, dz)
    return tape, dz
