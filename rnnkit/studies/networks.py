"""Weights for the studies: a network's, as drawn or after training; and one pass forward and backward."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params, Tape
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.tasks import Batch

MAX_TRAINED_STEPS = 10_000  # training steps, or as many as the run has
MAX_STACKS, MAX_MEGABYTES = 8, 16  # of the cached weights


class Network(NamedTuple):
    """One network: weights with the axis R = 1 in front, and the step at which it diverged (-1: it has not)."""

    p: dict[str, Tensor]  # in float64, in which every float32 number is exact
    diverged: int


class Stack(NamedTuple):
    """All networks of a run after some training steps."""

    p: dict[str, Tensor]
    diverged: np.ndarray  # (R,)

    @property
    def nbytes(self) -> int:
        return sum(W.nbytes for W in self.p.values())


_cache: OrderedDict[tuple[Experiment, int], Stack] = OrderedDict()


def network(e: Experiment, step: int, replica: int = 0, share: float = 1.0) -> Generator[Progress, None, Network]:
    """Trains network `replica` of this Experiment's run for `step` steps: yields Progress up to `share`, and returns the Network.

    A study takes both: `p, diverged = yield from network(e, step, replica, share=0.8)`. share: of the study's work, 0 to 1.
    Its weights are those of the run, bit for bit, on the same CPU and number of threads. All networks are trained side by side,
    as in the run: one alone is rounded differently, and training can amplify the difference. The last few stacks are cached for
    later studies of any of their networks. Raises ValueError for a step or replica out of range.
    """
    whole("step", step, max(MAX_TRAINED_STEPS, e.steps))
    whole("replica", replica, e.replicas - 1)
    key = _key(e, step)
    if key not in _cache:
        if step == 0:
            drawn = init_params(replace(e, replicas=1, seed=e.seed + replica))  # drawn for each network apart
            return Network({name: W.double() for name, W in drawn.items()}, -1)
        for done in _train(e, step):
            yield Progress(share * done)
    _cache.move_to_end(key)
    stack = _cache[key]
    return Network({name: W[replica : replica + 1].double() for name, W in stack.p.items()}, int(stack.diverged[replica]))


def _train(e: Experiment, step: int) -> Iterator[float]:
    with no_grad_no_denormals():
        trainer = Trainer(e, endless=True)
    yielded = time.monotonic()
    while trainer.step < step:
        with no_grad_no_denormals():
            trainer.advance()
        if trainer.step % 25 == 0 or time.monotonic() > yielded + 1:
            yield trainer.step / step
            yielded = time.monotonic()
    with no_grad_no_denormals():
        if (trainer.diverged < 0).any():
            trainer.compute_next()  # as the run does when it records this step: it may be the one at which a network diverges
    remember(e, step, trainer)


def remember(e: Experiment, step: int, trainer: Trainer) -> None:
    """Caches the weights that the run of e has now, after `step` training steps, for `network`."""
    _cache[_key(e, step)] = Stack({name: W.clone() for name, W in trainer.params.items()}, trainer.diverged.copy())
    while len(_cache) > 1 and (len(_cache) > MAX_STACKS or sum(s.nbytes for s in _cache.values()) > MAX_MEGABYTES * 2**20):
        _cache.popitem(last=False)


def _key(e: Experiment, step: int) -> tuple[Experiment, int]:
    return e.of_any_length, step


def whole(name: str, value: Any, most: int) -> None:
    """Raises ValueError unless the value is a whole number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 0 to {most}, got {value!r}")


def tensors(batches: list[Batch]) -> tuple[Tensor, Tensor]:
    """Stacks one Batch of each network: x (T, R, B[, I]), y (K, R, B[, O]), numbers in float64. ValueError if lengths differ."""
    if any(b.lengths is not None for b in batches):
        raise ValueError("expected sequences of one length, got sentences of many: this can only be measured on another task")
    x, y = (torch.from_numpy(np.stack([getattr(b, name) for b in batches], 1)) for name in ("x", "y"))
    return x, y


def both_ways(e: Experiment, p: Params, x: Tensor, y: Tensor) -> tuple[Tape, Tensor]:
    """Runs one pass forward and backward without fixes: returns the Tape, and dL/dz of the last step, (1, R, B, O).

    L is the loss of the last step alone, whatever losses the steps before have: y (K, R, B[, O]) may be the targets of all.
    """
    tape = bptt.forward(CELLS[e.cell], p, x)
    _, dz = LOSSES[e.loss](bptt.readout(p, tape.h[-1:]), y[-1:])
    tape.backward(dz)
    return tape, dz
