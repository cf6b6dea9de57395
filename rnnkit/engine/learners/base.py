"""What a learner is: the rule by which one batch changes the weights of all networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from rnnkit.engine.bptt import Tape
from rnnkit.engine.params import ParamStack
from rnnkit.experiment import Experiment


class Learner(ABC):
    """Changes `params` in place, once a training step, and holds what it remembers between the steps. Networks never mix.

    `tape` is always that of the batch's forward and backward pass.
    """

    capturable: ClassVar[bool] = False  # `stages` and `update` read no value on the host: a CUDA graph can hold them

    def __init__(self, e: Experiment, params: ParamStack) -> None:
        self.params = params

    @property
    def memory(self) -> tuple[Tensor, ...]:
        """The tensors that `update` changes beside the weights."""
        return ()

    def begin(self, step: int) -> bool:
        """Prepares training step 0, 1, ... Returns whether `stages` or `update` do other work from this step on."""
        return False

    def stages(self, raw: ParamStack, tape: Tape) -> Iterator[tuple[str, ParamStack]]:
        """Yields the gradients of the weights, (R, ...) each, after everything done to the raw ones, with the name of what was
        done. Nothing is done to them by default.
        """
        return iter(())

    @abstractmethod
    def is_sound(self, loss: Tensor, grads: ParamStack) -> Tensor:
        """(R,) bool: whether what the update takes is finite. grads: after the last stage."""

    @abstractmethod
    def update(self, grads: ParamStack, tape: Tape, y: Tensor, n: int | Tensor) -> None:
        """The n-th update, n = 1, 2, ..., of all networks. grads: after the last stage; y: the targets, (K, R, B[, O])."""
