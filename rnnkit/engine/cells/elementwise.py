"""What cells with h_t = phi(a_t) share."""

from __future__ import annotations

from rnnkit.engine.cells.base import Cell, HiddenState, Params, PreActivation, PreActivationGradient


class Elementwise(Cell[HiddenState, PreActivation, PreActivationGradient]):
    """h_t = phi(a_t) for each unit. h_t is stored where a_t was, since phi'(a_t) follows from h_t."""

    in_place = True

    def backward(self, p: Params, saved: PreActivation, d: PreActivationGradient, ds: HiddenState, ds_prev: HiddenState) -> None:
        """dL/da = dL/dh phi'(a), (R, B, H). All of dL/dh_{t-1} passes through W_rec."""
        d.da.mul_(ds.h)
