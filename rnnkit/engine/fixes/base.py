"""What a remedy is: something done to the gradient on its way to the optimizer, or to the step that this takes.

Pure, composable, in order. There are four kinds. A SignalFix acts on dL/ds_t as it crosses from step t to t - 1. An
ActivationFix adds a penalty on the states h_t to the loss. A GradientFix acts on dL/dtheta afterwards. An UpdateFix acts on the
optimizer's step, and no gradient shows it. Each is a frozen dataclass whose fields are its parameters
(fields.setting). In links and on the command line it is written `name:a:b` with the parameters in their order, and `name:a:b@n`
where it begins at training step n only: before, the run is the one without it. Networks never mix: every norm and factor has one
value for each of the R networks. torch is imported where it computes, so that menus read the fixes without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from rnnkit.fields import FieldSpec, IntField, lower_first, specs

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell

Grads = Mapping[str, "Tensor"]
Params = Mapping[str, "Tensor"]
START_STEP = IntField(
    0,
    "from step",
    "The training step at which this remedy begins; before, the run is the one without it.",
    low=0,
    high=1_000_000,
    noun="a training step",
    verb="can begin at",
)


@dataclass(frozen=True)
class Fix(ABC):
    """What all fixes have in common: a name, what a menu shows, and the checked parameters."""

    name: ClassVar[str]  # in links, JSON and on the command line
    title: ClassVar[str]  # in menus
    about: ClassVar[str]  # a sentence
    floats_per_unit: ClassVar[int] = 0  # numbers it holds beside the tape, per time step, network, sequence and hidden unit
    moves_weights: ClassVar[bool] = False  # it moves weights where the gradient of the loss is 0, as a penalty does
    not_in_panels: ClassVar[str] = ""  # why no panel of the remedies tries it; "" where one does

    def __init_subclass__(cls) -> None:
        """A subclass does something else: it does not inherit the lines for the exported script."""
        super().__init_subclass__()
        for name in ("torch_lines", "torch_function"):
            if name not in vars(cls):
                setattr(cls, name, getattr(Fix, name))

    def __post_init__(self) -> None:
        for name, spec in self.parameters().items():
            object.__setattr__(self, name, spec.check(getattr(self, name)))

    @classmethod
    @cache
    def parameters(cls) -> dict[str, FieldSpec[Any]]:
        """Returns attribute -> FieldSpec in the order in which they are written. A single one has the fix's name and title."""
        own = specs(cls)
        if len(own) == 1:
            return {
                name: replace(spec, name=cls.name, verb="needs", label=cls.title, help=cls.about) for name, spec in own.items()
            }
        return {name: replace(spec, name=f"{cls.name} {name}") for name, spec in own.items()}

    @property
    def values(self) -> tuple[Any, ...]:
        """Returns the parameters' values, in their order."""
        return tuple(getattr(self, name) for name in self.parameters())

    @classmethod
    def parse(cls, text: str) -> Fix:
        """Reads the fix from the text after its name, `a:b`. A parameter that is empty or left out has its default."""
        known = cls.parameters()
        if text and not known:
            raise ValueError(f"{cls.name} has no parameters, got {text[:40]!r}")
        parts = zip(known.items(), text.split(":", len(known) - 1), strict=False)
        return cls(**{name: spec.read(part) for (name, spec), part in parts if part})

    def __str__(self) -> str:
        known = self.parameters().values()
        return ":".join([self.name, *(spec.show(value) for spec, value in zip(known, self.values, strict=True))])

    def words(self) -> str:
        """Writes what tables and captions say of it behind its title."""
        return self.strength()

    def strength(self) -> str:
        """Writes the parameters' values: `0.5`, or `rate 0.5 and power 2` where there are several."""
        known = self.parameters().values()
        labels = [f"{lower_first(spec.label)} " if len(known) > 1 else "" for spec in known]
        return " and ".join(label + spec.words(value) for label, spec, value in zip(labels, known, self.values, strict=True))

    @classmethod
    def applies_to(cls, cell: Cell) -> bool:
        """Whether the remedy is defined for this cell."""
        return True

    def without_effect(self, cell: Cell, steps: int) -> str:
        """Returns why it changes nothing in a run of so many training steps; "" where it does."""
        return ""

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        """What it does, as statements of the exported PyTorch script; "" where there are none for this cell.

        Those of a GradientFix follow loss.backward() and change `.grad` of `network`'s weights; `frozen` says that some of these
        may be None. Those of a SignalFix stand in the loop over t, before the cell's step, and change the variables of its state.
        Those of an ActivationFix add to the variable `penalty`; `h` (T, B, HIDDEN) are the states of one network. Those of an
        UpdateFix stand before `optimizer.step()` and change the weights themselves.
        """
        return ""

    def torch_function(self, cell: Cell) -> str:
        """The source of a function that these statements call; "" for none."""
        return ""


class SignalFix(Fix):
    """A fix on the gradient of the state, at every step of the backward pass."""

    @abstractmethod
    def __call__(self, ds: Tensor, t: int, T: int) -> Tensor:
        """dL/ds (R, B, H), for each part of the state, as it crosses from step t to step t - 1 (t = 0 ... T-1)."""

    def blocks(self, t: int, T: int) -> bool:
        """Whether nothing at all crosses from t to t - 1."""
        return False


@dataclass(frozen=True)
class StartableFix(Fix):
    """A fix that can begin at a later training step."""

    start_step: int = field(default=0, kw_only=True)  # the training step at which it begins

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "start_step", self.start().check(self.start_step))

    @classmethod
    @cache
    def start(cls) -> IntField:
        """Returns the FieldSpec of `start_step`."""
        return replace(START_STEP, name=cls.name)

    def __str__(self) -> str:
        return super().__str__() + (f"@{self.start_step}" if self.start_step else "")

    def words(self) -> str:
        return super().words() + (f" from training step {self.start_step} on" if self.start_step else "")

    def without_effect(self, cell: Cell, steps: int) -> str:
        late = f"it begins at training step {self.start_step}, and the last update is that of training step {steps - 1}"
        return late if self.start_step >= steps else super().without_effect(cell, steps)


class ActivationFix(StartableFix):
    """A penalty P on the states h_t, added to the loss: dP/dh_t enters the backward pass at every step, beside dL/dh_t.

    It then travels back as the gradient of the loss does: the same SignalFixes act on it. No GradientFix sees it on the tape,
    which holds the gradient of the loss alone.
    """

    moves_weights = True

    @abstractmethod
    def __call__(self, h: Tensor, begun: Tensor) -> Tensor:
        """dP/dh_t (T, R, B, H) from h_t (T, R, B, H). Changes none of its arguments.

        begun (T, R, B, 1) is 1 where a sequence has begun, else 0. There h_t is 0, and dP/dh_t must be 0.
        """


class GradientFix(StartableFix):
    """A fix on the gradients of the weights, after the backward pass."""

    @abstractmethod
    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """New gradients from dL/dtheta, (R, ...) each; `tape` is the pass that made them. Changes none of its arguments."""

    def holds(self, weight: str) -> bool:
        """Whether this weight, a name such as W_rec, keeps its value: no later fix and no optimizer's memory moves it."""
        return False


class UpdateFix(StartableFix):
    """A fix on the optimizer's step in theta <- theta - step. Neither the gradient nor the optimizer's memory changes."""

    @abstractmethod
    def __call__(self, step: Grads, params: Params, lr: float | Tensor) -> Grads:
        """The new step, (R, ...) for each weight, from the optimizer's at this learning rate. Changes none of its arguments."""
