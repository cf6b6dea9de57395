"""Networks to look at: their weights as drawn or trained, and one full pass of forward and backward."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params, Tape
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.trainer import Trainer, init_params, no_grad_no_denormals, one_hot
from rnnkit.experiment import Experiment
from rnnkit.tasks import Batch

Part = dict[str, Any]
MOST_TRAINED = 10_000  # training steps, or as many as the run has
MAX_STEPS = 1_000_000  # more than any study trains
REMEMBERED, MEGABYTES = 8, 16  # runs whose weights this process keeps: so many at most, and of so much together


class Network(NamedTuple):
    """One network to look at: weights with the axis R = 1 in front, and the step at which it diverged (-1: it has not)."""

    p: dict[str, Tensor]  # in float64, in which every float32 number is exact
    diverged: int


class Stack(NamedTuple):
    """All networks of a run after some training steps."""

    p: dict[str, Tensor]
    diverged: np.ndarray  # (R,)

    @property
    def nbytes(self) -> int:
        return sum(W.nbytes for W in self.p.values())


_known: OrderedDict[tuple[Experiment, int], Stack] = OrderedDict()


def network(e: Experiment, step: int, replica: int = 0) -> Iterator[float | Network]:
    """Network `replica` of this Experiment's run after `step` training steps: yields the share done, the Network at last.

    Its weights are those of the run, bit for bit, on the same CPU and number of threads: all networks are trained side by side
    as there, since one alone is rounded otherwise, and training can blow that up to another answer. The last few runs are kept,
    so that the next question about any of their networks trains nothing. Raises ValueError for what is out of range.
    """
    whole("step", step, max(MOST_TRAINED, e.steps))
    whole("replica", replica, e.replicas - 1)
    key = _key(e, step)
    if key not in _known:
        if step == 0:
            drawn = init_params(replace(e, replicas=1, seed=e.seed + replica))  # drawn for each network apart
            yield Network({name: W.double() for name, W in drawn.items()}, -1)
            return
        yield from _train(e, step)
    _known.move_to_end(key)
    stack = _known[key]
    yield Network({name: W[replica : replica + 1].double() for name, W in stack.p.items()}, int(stack.diverged[replica]))


def _train(e: Experiment, step: int) -> Iterator[float]:
    with no_grad_no_denormals():
        trainer = Trainer(replace(e, steps=MAX_STEPS))  # so many steps that records are rare
    told = time.monotonic()
    while trainer.step < step:
        with no_grad_no_denormals():
            trainer.advance()
        if trainer.step % 25 == 0 or time.monotonic() > told + 1:
            yield trainer.step / step
            told = time.monotonic()
    with no_grad_no_denormals():
        if (trainer.diverged < 0).any():
            trainer.look()  # as the run does when it records this step: it may be the one at which a network diverges
    keep(e, step, trainer)


def keep(e: Experiment, step: int, trainer: Trainer) -> None:
    """For `network`: the weights that the run of e has now, after `step` training steps."""
    _known[_key(e, step)] = Stack({name: W.clone() for name, W in trainer.params.items()}, trainer.diverged.copy())
    while len(_known) > 1 and (len(_known) > REMEMBERED or sum(stack.nbytes for stack in _known.values()) > MEGABYTES * 2**20):
        _known.popitem(last=False)


def _key(e: Experiment, step: int) -> tuple[Experiment, int]:
    return replace(e, steps=1), step  # how long the run goes on does not matter


def whole(name: str, value: Any, most: int) -> None:
    """Raises ValueError unless the value is a whole number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 0 to {most}, got {value!r}")


def weights(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Part]:
    """The weights of one network after `step` training steps, shapes as in bptt.py without the network axis."""
    for state in network(e, step, replica):
        if isinstance(state, Network):
            yield {name: W[0].float().numpy() for name, W in state.p.items()}
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
    tape.backward(dz)
    return tape, dz
