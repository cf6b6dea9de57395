"""What a backend is: the two loops over time of a tape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells import Cell
    from rnnkit.engine.tape_arrays import Signal, TapeArrays


class BackendError(ValueError):
    """There is no such backend, or this machine lacks what it needs."""


class Sums(NamedTuple):
    """What a backend may sum up on its way back, while the numbers are in the cache; None where it did not."""

    norms: Tensor | None = None  # (P, T, R) ||dL/ds_t|| of each part, in float64
    rows: list[Tensor] | None = None  # (R, symbols, width) dL/d of the rows that x_t picked, of each array that it enters
    matrices: list[Tensor] | None = None  # (R, H, G H) dL/dM of each product


class Loops(ABC):
    """The loops over time. They fill the arrays of the tape, whose `derived`, `products` and `padding` are those of this pass."""

    title: ClassVar[str]

    @abstractmethod
    def missing(self) -> str:
        """What this machine lacks to run them; "" where nothing is missing."""

    def prepare(self) -> None:
        """Does what has to be done once on this machine. Raises BackendError where it fails."""
        return None

    @abstractmethod
    def takes(self, cell: Cell, like: Tensor) -> bool:
        """Whether they run this cell on tensors of this one's kind."""

    @abstractmethod
    def forward(self, tape: TapeArrays, end: int) -> None:
        """Enters x and runs the cell over the steps tape.first, ..., end - 1."""

    @abstractmethod
    def backward(self, tape: TapeArrays, direct: Tensor, signals: Sequence[Signal], terms: Tensor | None) -> Sums:
        """Fills dL/ds and dL/da of the steps T - 1, ..., tape.first. dL/ds of the last step is there already.

        direct (K, R, B, H) is dL/dh_t of the last K steps past the recurrence. terms (T, R, H, G H), where it is not None, may be
        filled with what each step adds to dL/dM of the first product: Sums has its sum then.
        """

    def inner(self, left: Tensor, right: Tensor, direction: Tensor) -> Tensor:
        """<left_t^T right_t, direction> of every step, (T, R), from (T, R, B, H), (T, R, B, G H) and (R, H, G H).

        It is the sum over the batch of (right_t direction^T) . left_t: for each step a product as large as that with W_rec.
        """
        back, across = left.new_empty(left.shape), direction.mT.contiguous()
        if len(direction) == 1:  # one network's steps lie one below the other: one product
            back.view(-1, left.shape[-1]).addmm_(right.flatten(0, 2), across[0], beta=0)
        else:
            for b, r in zip(back.unbind(0), right.unbind(0), strict=True):
                b.baddbmm_(r, across, beta=0)
        return back.mul_(left).sum((2, 3))


def cross(signals: Sequence[Signal], ds_prev: Sequence[Tensor], t: int, T: int) -> None:
    """Applies the signals, in place, to the gradient that crosses from t to t - 1."""
    for signal in signals:
        for part in ds_prev:
            changed = signal(part, t, T)
            if changed is not part:
                part.copy_(changed)


def arrive_late(tape: TapeArrays, ds_prev: Tensor, M: Tensor, t: int, signals: Sequence[Signal]) -> None:
    """Adds to dL/ds_{t-1} what step t - 1 + lag hands to it past the steps between, as far as the signals let it pass."""
    later = t - 1 + tape.cell.lag
    if later < tape.T:
        short_cut = tape.backward_arrays.entered[0][later].bmm(M)
        for crossed in range(later, t - 1, -1) if signals else ():
            cross(signals, (short_cut,), crossed, tape.T)
        ds_prev.add_(short_cut)
