"""What cells share whose state reaches the next one through one gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from rnnkit.engine.cells.base import Cell, HiddenState, Params

if TYPE_CHECKING:
    from torch import Tensor

F = TypeVar("F", bound=tuple)
D = TypeVar("D", bound=tuple)


class OnePath(Cell[HiddenState, F, D]):
    """h_t = f h_{t-1} + what comes in, with the forget gate f; past W_rec, where there is one, h_{t-1} has no other way.

    Saved begins with a and its columns, Partials with da (R, B, gates, H) and the columns of da, all views.
    """

    def backward_views(self, *arrays: Tensor) -> D:
        """From da (T, R, B, gates H)."""
        (da,) = arrays
        made: Any = self.Partials(da.unflatten(-1, (self.gates, -1)), *da.chunk(self.gates, -1))
        return made

    def backward(self, p: Params, saved: F, d: D, ds: HiddenState, ds_prev: HiddenState) -> None:
        """dL/da = dh dh/da for all columns,  dh_{t-1} = dh f as far as it passes no W_rec; (R, B, H) each."""
        import torch

        assert self.forget_gate is not None
        d[0].mul_(ds.h.unsqueeze(-2))
        torch.mul(ds.h, saved[1 + self.forget_gate], out=ds_prev.h)
