"""Gradient descent: the fixes on the gradients of the weights, the optimizer, then the fixes on its step."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from rnnkit.engine.bptt import Tape
from rnnkit.engine.fixes import GradientFix, UpdateFix
from rnnkit.engine.fixes.base import Grads
from rnnkit.engine.learners.base import Learner
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import ParamStack
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.experiment import Experiment


class GradientDescent(Learner):
    """theta <- theta - step(fixes(dL/dtheta)): every GradientFix of the Experiment in order, its optimizer, every UpdateFix."""

    capturable = True

    def __init__(self, e: Experiment, params: ParamStack) -> None:
        super().__init__(e, params)
        self.e = e
        self.fixes = [fix for fix in e.fixes if isinstance(fix, (GradientFix, UpdateFix))]
        self.begun: list[GradientFix | UpdateFix] = []
        self.active: list[GradientFix] = []  # those on the gradients that have begun
        self.of_step: list[UpdateFix] = []  # those on the step that have begun
        self.held: list[Tensor | None] = []  # (N,) bool for each of `active`: weights that it or one before it holds; None: none
        self.optimizer, self.schedule = OPTIMIZERS[e.optimizer], SCHEDULES[e.schedule]
        self._memory = self.optimizer.init({"all": params.flat})["all"]

    @property
    def memory(self) -> tuple[Tensor, ...]:
        return self._memory

    def begin(self, step: int) -> bool:
        begun = [fix for fix in self.fixes if fix.start_step <= step]
        if begun == self.begun:
            return False
        self.begun, self.held = begun, []
        self.active = [fix for fix in begun if isinstance(fix, GradientFix)]
        self.of_step = [fix for fix in begun if isinstance(fix, UpdateFix)]
        names: set[str] = set()
        for fix in self.active:
            names |= {name for name in self.params if fix.holds(name)}
            self.held.append(self.params.columns(names) if names else None)
        return True

    def stages(self, raw: ParamStack, tape: Tape) -> Iterator[tuple[str, ParamStack]]:
        """Yields the gradients after each active fix on them. Those of the weights that are held so far are 0."""
        grads = raw
        for fix, held in zip(self.active, self.held, strict=True):
            grads = _stacked(fix(grads, tape, self.params), grads)
            if held is not None:
                grads = grads.like(grads.flat.masked_fill(held, 0))
            yield fix.name, grads

    def is_sound(self, loss: Tensor, grads: ParamStack) -> Tensor:
        return (loss + grads.norm).isfinite()

    def learning_rate(self, n: int | Tensor) -> float | Tensor:
        """The learning rate of the n-th update, n = 1, 2, ..."""
        e = self.e
        return e.lr * self.schedule.factor(n, e.steps, e.warmup) if self.schedule.ends or e.warmup else e.lr

    def update(self, grads: ParamStack, tape: Tape, y: Tensor, n: int | Tensor) -> None:
        """Subtracts the step. A held weight does not move, though the optimizer's memory or a fix on the step would move it."""
        lr = self.learning_rate(n)
        step = grads.like(self.optimizer.step(grads.flat, self._memory, lr, n))
        for fix in self.of_step:
            step = _stacked(fix(step, self.params, lr), grads)
        if self.held and (held := self.held[-1]) is not None:
            step.flat.masked_fill_(held, 0)
        self.params.flat.sub_(step.flat)


def _stacked(changed: Grads, before: ParamStack) -> ParamStack:
    """What a fix has returned, in the order of what it was given."""
    return changed if isinstance(changed, ParamStack) else ParamStack.of({k: changed[k] for k in before})
