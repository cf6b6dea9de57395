"""What a remedy is: something done to the gradient between the backward pass and the optimizer. Pure, composable, in order.

A SignalFix acts on dL/ds_t as it crosses from step t to t - 1; a GradientFix acts on dL/dtheta afterwards. Each is a frozen
dataclass with one strength, and is written `name:strength` in links and on the command line, `name:strength@n` where it begins
at training step n only: before, the run is the one without it. Networks never mix: every norm and factor has one value for each
of the R networks. torch is imported where it computes, so that menus read the fixes without it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.bptt import Tape
    from rnnkit.engine.cells.base import Cell

Grads = Mapping[str, "Tensor"]
Params = Mapping[str, "Tensor"]
LAST_START = 1_000_000


@dataclass(frozen=True)
class Fix(ABC):
    """What all fixes have in common: a name, what a menu shows, and the checked strength."""

    name: ClassVar[str]  # in links, JSON and on the command line
    title: ClassVar[str]  # in menus
    about: ClassVar[str]  # a sentence
    default: ClassVar[Any]
    above: ClassVar[float] = 0.0  # the strength is greater than this ...
    high: ClassVar[float] = 1e6  # ... and at most this
    is_int: ClassVar[bool] = False
    choices: ClassVar[tuple[str, ...]] = ()  # where the strength is no number, but some of these, joined by +
    floats_per_unit: ClassVar[int] = 0  # numbers it holds beside the tape, per time step, network, sequence and hidden unit
    moves_weights: ClassVar[bool] = False  # it moves weights where the gradient of the loss is 0, as a penalty does
    not_in_panels: ClassVar[str] = ""  # why no panel of the remedies tries it; "" where one does

    def __init_subclass__(cls) -> None:
        """A subclass does something else: it does not inherit the lines for the exported script."""
        super().__init_subclass__()
        for name in ("torch_lines", "torch_function"):
            if name not in vars(cls):
                setattr(cls, name, getattr(Fix, name))

    @property
    def strength(self) -> Any:
        return getattr(self, fields(self)[-1].name)

    def __post_init__(self) -> None:
        object.__setattr__(self, fields(self)[-1].name, self.checked(self.strength))

    def checked(self, value: Any) -> Any:
        """The strength, in the form in which equal ones are equal. Raises ValueError with what is valid."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not self.above < value <= self.high or (self.is_int and value != int(value)):
            kind = "a whole number" if self.is_int else "a number"
            raise ValueError(f"{self.name} needs {kind} greater than {self.above:g} and at most {self.high:g}, got {value!r}")
        return int(value) if self.is_int else float(value)

    @classmethod
    def parse(cls, text: str) -> Fix:
        """The fix from its strength as it stands in a link or on the command line; empty for the default."""
        if not text:
            return cls(cls.default)  # type: ignore[call-arg]  # a subclass has one field, its strength
        try:
            return cls(float(text))  # type: ignore[call-arg]
        except ValueError as error:
            message = str(error)
            if "could not convert" in message:
                message = f"{cls.name} needs a number, got {text[:40]!r}"
            raise ValueError(message) from None

    def __str__(self) -> str:
        return f"{self.name}:{self.strength!r}" if isinstance(self.strength, float) else f"{self.name}:{self.strength}"

    @classmethod
    def applies_to(cls, gates: int) -> bool:
        """Whether the remedy is defined for a cell with so many gates."""
        return True

    def torch_lines(self, cell: Cell, frozen: bool) -> str:
        """What it does, as statements of the exported PyTorch script; "" where there are none for this cell.

        Those of a GradientFix follow loss.backward() and change `.grad` of `network`'s weights; `frozen` says that some of these
        may be None. Those of a SignalFix stand in the loop over t, before the cell's step, and change the variables of its state.
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
class GradientFix(Fix):
    """A fix on the gradients of the weights, after the backward pass."""

    start_step: int = field(default=0, kw_only=True)  # the training step at which it begins

    def __post_init__(self) -> None:
        super().__post_init__()
        start = self.start_step
        if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start <= LAST_START:
            raise ValueError(f"{self.name} can begin at a training step from 0 to {LAST_START}, got {start!r}")

    def __str__(self) -> str:
        return super().__str__() + (f"@{self.start_step}" if self.start_step else "")

    @abstractmethod
    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """New gradients from dL/dtheta, (R, ...) each; `tape` is the pass that made them. Changes none of its arguments."""

    def holds(self, weight: str) -> bool:
        """Whether this weight, a name such as W_rec, keeps its value: no later fix and no optimizer's memory moves it."""
        return False
