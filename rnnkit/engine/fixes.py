"""Remedies: what is done to the gradient between the backward pass and the optimizer. Pure, composable, applied in order.

A SignalFix acts on dL/ds_t as it crosses from step t to t - 1; a GradientFix acts on dL/dtheta afterwards. Each is a frozen
dataclass with one strength, and is written `name:strength` in links and on the command line, `name:strength@n` where it begins
at training step n only: before, the run is the one without it. Networks never mix: every
norm and factor has one value for each of the R networks. Menus read FIXES without torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from rnnkit.engine.params import Bundle

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.bptt import Tape

    Grads = Mapping[str, Tensor]
    Params = Mapping[str, Tensor]


LAST_START = 1_000_000


@dataclass(frozen=True)
class Fix(ABC):
    """Common to all: a name, what stands in a menu, and the checked strength."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    default: ClassVar[Any]
    low: ClassVar[float] = 0.0  # the strength is greater than `low` ...
    high: ClassVar[float] = 1e6  # ... and at most `high`
    whole: ClassVar[bool] = False
    numbers: ClassVar[int] = 0  # that it holds beside the tape, per time step, network, sentence and hidden unit

    @property
    def strength(self) -> Any:
        return getattr(self, fields(self)[-1].name)

    def __post_init__(self) -> None:
        object.__setattr__(self, fields(self)[-1].name, self.checked(self.strength))

    def checked(self, value: Any) -> Any:
        """The strength, in the form in which equal ones are equal; raises ValueError with what is valid."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not self.low < value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.name} needs {kind} greater than {self.low:g} and at most {self.high:g}, got {value!r}")
        return int(value) if self.whole else float(value)

    @classmethod
    def parse(cls, text: str) -> Fix:
        """The strength as it stands in a link or on the command line; empty for the default."""
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

    def applies_to(self, gates: int) -> bool:
        """Whether the remedy is defined for a cell with so many gates."""
        return True


class SignalFix(Fix):
    @abstractmethod
    def __call__(self, ds: Tensor, t: int, T: int) -> Tensor:
        """dL/ds as it crosses from step t to step t - 1 (t = 0 ... T-1)."""

    def cuts(self, t: int, T: int) -> bool:
        """Whether nothing at all crosses from t to t - 1."""
        return False


@dataclass(frozen=True)
class GradientFix(Fix):
    since: int = field(default=0, kw_only=True)  # the training step at which it begins

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.since, bool) or not isinstance(self.since, int) or not 0 <= self.since <= LAST_START:
            raise ValueError(f"{self.name} can begin at a training step from 0 to {LAST_START}, got {self.since!r}")

    def __str__(self) -> str:
        return super().__str__() + (f"@{self.since}" if self.since else "")

    @abstractmethod
    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        """New gradients from dL/dtheta, (R, ...) each; `tape` is the pass that made them."""

    def holds(self, weight: str) -> bool:
        """Whether this weight, a name such as W_rec, keeps its value: no later fix and no optimizer's memory moves it."""
        return False


@dataclass(frozen=True)
class Truncate(SignalFix):
    """Truncated backpropagation: the T steps are cut, from the end, into pieces of k; no gradient crosses a cut.

    The same as detaching the state that enters each piece (Williams & Peng 1990). The loss of the last step then reaches
    the last k steps only: h_{T-k} ... h_{T-1}, counted from 0.
    """

    steps: int
    name = "truncate"
    title = "Truncated backpropagation"
    about = "Lets the gradient flow back this many steps, no further."
    default = 25
    high = 100_000
    whole = True

    def __call__(self, ds: Tensor, t: int, T: int) -> Tensor:
        return ds.new_zeros(ds.shape) if self.cuts(t, T) else ds

    def cuts(self, t: int, T: int) -> bool:
        return (T - t) % self.steps == 0


@dataclass(frozen=True)
class L1(GradientFix):
    """Adds alpha sign(W) to the gradients of W_in, W_rec and W_out: the penalty alpha sum |W|."""

    alpha: float
    name = "l1"
    title = "L1 penalty"
    about = "Pulls every weight towards zero by the same amount."
    default = 1e-4
    high = 10

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        return {k: g + self.alpha * params[k].sign() if k.startswith("W") else g for k, g in grads.items()}


@dataclass(frozen=True)
class L2(GradientFix):
    """Adds alpha W to the gradients of W_in, W_rec and W_out: the penalty alpha/2 sum W^2."""

    alpha: float
    name = "l2"
    title = "L2 penalty"
    about = "Pulls every weight towards zero in proportion to its size."
    default = 1e-3
    high = 10

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        return {k: g + self.alpha * params[k] if k.startswith("W") else g for k, g in grads.items()}


@dataclass(frozen=True)
class Omega(GradientFix):
    """Pascanu, Mikolov & Bengio 2013, section 3.3: asks that the gradient keeps its norm from each step to the one before.

    With delta_t = dL/dh_t and da_t = delta_t phi'(a_t), for step t and sentence b:
        r = ||da_t W_rec^T||^2 / ||delta_t||^2,   1 where ||delta_t||^2 < 1e-20
        Omega = sum_t mean_b (r - 1)^2 / sum_t mean_b [||delta_t||^2 >= 1e-20]
    and alpha dOmega/dW_rec, with delta and h held constant, is added to the gradient of W_rec alone.

    As in the authors' code, which differs from the paper: a mean over the counted steps, not a sum (eq. 9); squared
    norms, as in eq. 10, not the norms of eq. 9; delta_t holds the gradient that step t's own loss puts in as well as the one
    transported from later steps, not the transported one alone. The code's loss, like ours, is a mean over the batch, which
    the threshold 1e-20 refers to. Only for cells with one gate, where the Jacobian is W_rec^T diag(phi').
    """

    alpha: float
    name = "omega"
    title = "Omega penalty"
    about = "Pascanu's penalty: asks the gradient to keep its size on the way back."
    default = 0.5
    high = 100
    numbers = 5
    BOUND: ClassVar[float] = 1e-20

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        da, back, norm, counted = self._parts(tape, params)
        r = back.square().sum(-1, keepdim=True) / norm
        factor = (4 * (r - 1) / norm).mul_(counted) / counted.sum(1, keepdim=True).clamp(min=1)  # the two means over b cancel
        return {**grads, "W_rec": grads["W_rec"] + self.alpha * ((factor * back).mT @ da)}

    def value(self, tape: Tape, params: Params) -> Tensor:
        """Omega itself, (R,)."""
        _, back, norm, counted = self._parts(tape, params)
        r = back.square().sum(-1, keepdim=True) / norm
        return ((r - 1).square() * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)

    def _parts(self, tape: Tape, params: Params) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """s da and s da W_rec^T (R, T*B, H), s^2 ||delta||^2 and whether it counts (R, T*B, 1).

        s is a power of two for each step and sentence that makes the largest |delta_i| about 1: neither r nor its gradient
        depends on it, and without it the squares overflow from 1.8e19 on in float32.
        """
        from torch import finfo

        da, delta = (v.transpose(0, 1).flatten(1, 2) for v in (tape.da, tape.ds[0]))
        counted = delta.square().sum(-1, keepdim=True) >= self.BOUND
        largest = delta.abs().amax(-1, keepdim=True).clamp(1e-30, finfo(delta.dtype).max / 256)
        scale = largest.frexp().mantissa / largest
        delta = delta * scale
        norm = delta.square().sum(-1, keepdim=True).clamp(min=self.BOUND)  # 0 where nothing counts
        da = da * scale
        return da, da @ params["W_rec"].mT, norm, counted

    def applies_to(self, gates: int) -> bool:
        return gates == 1


@dataclass(frozen=True)
class Freeze(GradientFix):
    """The named weights, e.g. W_rec or W_in+W_rec, keep the values that they have when it begins; b stands for b_rec too.

    Their gradient is 0 from here on: later fixes, such as clipping by norm, do not count them. Nor does the optimizer's memory
    of earlier gradients move them.
    """

    names: str
    name = "freeze"
    title = "Frozen weights"
    about = "Keeps these weights as they are."
    default = "W_rec"
    CHOICES: ClassVar[tuple[str, ...]] = ("W_in", "W_rec", "b", "W_out", "b_out")

    def checked(self, value: Any) -> str:
        names = value.replace(" ", "+").split("+") if isinstance(value, str) else []  # "+" is a space in a URL
        unknown = [n for n in names if n not in self.CHOICES]
        if unknown or not names:
            raise ValueError(f"freeze needs weights out of {', '.join(self.CHOICES)}, joined by +, got {str(value)[:60]!r}")
        return "+".join(n for n in self.CHOICES if n in names)

    @classmethod
    def parse(cls, text: str) -> Freeze:
        return cls(text or cls.default)

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        return {k: g.new_zeros(g.shape) if self.holds(k) else g for k, g in grads.items()}

    def holds(self, weight: str) -> bool:
        return ("b" if weight == "b_rec" else weight) in self.names.split("+")


@dataclass(frozen=True)
class ClipNorm(GradientFix):
    """Clipping by norm: g <- g threshold / ||g|| where ||g|| > threshold, with ||g|| over all weights of one network.

    Pascanu, Mikolov & Bengio 2013, algorithm 1. A gradient that is NaN or infinite stays so.
    """

    threshold: float
    name = "clip-norm"
    title = "Clipping by norm"
    about = "Shortens a gradient longer than this to exactly this length."
    default = 1.0
    LEAST: ClassVar[float] = 1e-30

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        grads = Bundle.of(grads)
        scale = (self.threshold / grads.norm.clamp(min=self.threshold)).unsqueeze(1)
        most = scale.clamp(min=self.LEAST)  # float32 has no number for a smaller one: the rest of the factor comes second
        return grads.like(grads.flat * most.to(grads.flat.dtype) * (scale / most).to(grads.flat.dtype))


@dataclass(frozen=True)
class ClipValue(GradientFix):
    """Clipping by value: every component into [-threshold, threshold] (Mikolov 2012). Changes the direction."""

    threshold: float
    name = "clip-value"
    title = "Clipping by value"
    about = "Limits every single component of the gradient to this size."
    default = 0.1

    def __call__(self, grads: Grads, tape: Tape, params: Params) -> Grads:
        grads = Bundle.of(grads)
        return grads.like(grads.flat.clamp(-self.threshold, self.threshold))


FIXES: dict[str, type[Fix]] = {fix.name: fix for fix in (Truncate, L1, L2, Omega, Freeze, ClipNorm, ClipValue)}


def parse_fix(text: str) -> Fix:
    """`name:strength` -> the remedy; `name` alone takes its default, `@n` behind it lets it begin at training step n."""
    what, at, since = text.strip().partition("@")
    name, _, strength = what.partition(":")
    if name not in FIXES:
        raise ValueError(f"unknown fix {name[:40]!r}: valid are {', '.join(FIXES)}")
    fix = FIXES[name].parse(strength)
    if not at:
        return fix
    if not isinstance(fix, GradientFix):
        raise ValueError(f"{name} acts from the first training step on: it cannot begin at {since[:40]!r}")
    if not since.isdecimal() or len(since) > 9:
        raise ValueError(f"{name} can begin at a training step from 0 to {LAST_START}, got {since[:40]!r}")
    return replace(fix, since=int(since))
