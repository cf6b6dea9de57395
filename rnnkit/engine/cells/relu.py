"""The rectified linear cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnkit.engine.cells.base import HiddenState, Params, PreActivation, PreActivationGradient
from rnnkit.engine.cells.elementwise import Elementwise

if TYPE_CHECKING:
    from torch import Tensor


class Relu(Elementwise):
    """h_t = max(a_t, 0), unbounded: with W_rec = identity the IRNN of Le, Jaitly & Hinton 2015; with a large gain, NaN."""

    title = "ReLU"
    max_slope = 1.0
    flat = "off"
    suited = (("lr", 0.01), ("init", "identity"), ("input_scale", 0.1))
    equations = (("h", "max(a, 0)"),)
    derivatives = (("phi", "step(h)"), ("da", "dh * phi"))  # step: 1 above 0, else 0
    torch_cell = 'nn.RNNCell(INPUTS, HIDDEN, nonlinearity="relu")'
    torch_slope = "(h > 0)"

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = max(a, 0), (R, B, H)."""
        s.h.relu_()

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = 1 where h > 0, else 0, (steps, R, B, H)."""
        step_above_0(s.h, d.da)


def step_above_0(values: Tensor, out: Tensor) -> None:
    """Fills `out` with 1 where a value, which is not negative, is above 0, else 0. Unlike a comparison, this keeps a NaN."""
    import torch

    torch.clamp(values, max=1, out=out).ceil_()
