"""Gradient descent: the fixes on the gradients of the weights, then the optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from rnnkit.engine.bptt import Tape
from rnnkit.engine.fixes import GradientFix
from rnnkit.engine.learners.base import Learner
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import ParamStack
from rnnkit.experiment import Experiment


class GradientDescent(Learner):
    """theta <- theta - step(fixes(dL/dtheta)): every GradientFix of the Experiment in order, then its optimizer."""

    capturable = True

    def __init__(self, e: Experiment, params: ParamStack) -> None:
        super().__init__(e, params)
        self.fixes = [fix for fix in e.fixes if isinstance(fix, GradientFix)]
        self.active: list[GradientFix] = []  # those that have begun
        self.held: list[Tensor | None] = []  # (N,) bool for each of these: weights that it or one before it holds; None: none
        self.optimizer, self.lr = OPTIMIZERS[e.optimizer], e.lr
        self._memory = self.optimizer.init({"all": params.flat})["all"]

    @property
    def memory(self) -> tuple[Tensor, ...]:
        return self._memory

    def begin(self, step: int) -> bool:
        active = [fix for fix in self.fixes if fix.start_step <= step]
        if active == self.active:
            return False
        self.active, self.held = active, []
        names: set[str] = set()
        for fix in active:
            names |= {name for name in self.params if fix.holds(name)}
            self.held.append(self.params.columns(names) if names else None)
        return True

    def stages(self, raw: ParamStack, tape: Tape) -> Iterator[tuple[str, ParamStack]]:
        """Yields the gradients after each active fix. Those of the weights that are held so far are 0."""
        grads = raw
        for fix, held in zip(self.active, self.held, strict=True):
            changed = fix(grads, tape, self.params)
            grads = changed if isinstance(changed, ParamStack) else ParamStack.of({k: changed[k] for k in grads})
            if held is not None:
                grads = grads.like(grads.flat.masked_fill(held, 0))
            yield fix.name, grads

    def is_sound(self, loss: Tensor, grads: ParamStack) -> Tensor:
        return (loss + grads.norm).isfinite()

    def update(self, grads: ParamStack, tape: Tape, y: Tensor, n: int | Tensor) -> None:
        """Subtracts the optimizer's step. A held weight does not move, though the optimizer's memory would move it."""
        step = self.optimizer.step(grads.flat, self._memory, self.lr, n)
        if self.held and (held := self.held[-1]) is not None:
            step = step.masked_fill_(held, 0)
        self.params.flat.sub_(step)
