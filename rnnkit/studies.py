"""Studies: what can be measured on an Experiment's networks beside training them; STUDIES holds them by name.

A study is a generator: `STUDIES[name](experiment, **options)` yields dicts of arrays and plain values as they are found, the last
one complete; a long one yields {"progress": share done} in between. Options are plain JSON values. On the dashboard a
worker runs it (RunPool.ask); in a notebook it can be called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from rnnkit.experiment import Experiment
from rnnkit.trainer import Trainer, quietly

Part = dict[str, Any]
MAX_STEPS = 1_000_000  # more than any study trains


def trained(e: Experiment, step: int, replica: int = 0) -> Iterator[float | Trainer]:
    """Network `replica` alone after `step` training steps: yields the share done now and then, the Trainer at last."""
    one = replace(e, replicas=1, seed=e.seed + replica, steps=MAX_STEPS)  # so many steps that records are rare
    with quietly():
        trainer = Trainer(one)
    while trainer.step < step:
        with quietly():
            trainer.advance()
        if trainer.step % 25 == 0:
            yield trainer.step / step
    yield trainer


def weights(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Part]:
    """The weights of one network after `step` training steps, shapes as in bptt.py without the network axis."""
    for state in trained(e, step, replica):
        if isinstance(state, Trainer):
            yield {name: W[0].cpu().numpy() for name, W in state.params.items()}
        else:
            yield {"progress": state}


STUDIES: dict[str, Callable[..., Iterator[Part]]] = {"weights": weights}
