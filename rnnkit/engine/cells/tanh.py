"""The hyperbolic tangent cell."""

from __future__ import annotations

from typing import ClassVar

from rnnkit.engine.cells.base import HiddenState, Params, PreActivation, PreActivationGradient
from rnnkit.engine.cells.elementwise import Elementwise


class Tanh(Elementwise):
    """h_t = tanh(a_t),  a_t = x_t W_in + h_{t-1} W_rec + b   (Elman 1990; torch.nn.RNN)."""

    title = "tanh"
    max_slope: ClassVar[float | None] = 1.0
    equations = (("h", "tanh(a)"),)
    derivatives = (("phi", "1 - h * h"), ("da", "dh * phi"))  # phi: the slope tanh'(a)
    torch_cell = "nn.RNNCell(INPUTS, HIDDEN)"
    torch_slope = "(1 - h * h)"

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = tanh(a), (R, B, H)."""
        s.h.tanh_()

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = 1 - h^2, (steps, R, B, H)."""
        import torch

        torch.addcmul(s.h.new_ones(()), s.h, s.h, value=-1, out=d.da)
