"""The logistic cell."""

from __future__ import annotations

from rnnkit.engine.cells.base import HiddenState, Params, PreActivation, PreActivationGradient
from rnnkit.engine.cells.elementwise import Elementwise

MODULE = '''\
class SigmoidCell(nn.RNNCell):
    """torch.nn has no such cell: the weights of its RNNCell, and another step."""

    def forward(self, x, h):
        return torch.sigmoid(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh))


'''


class Sigmoid(Elementwise):
    """h_t = sigma(a_t): sigma' is at most 1/4, so it forgets four times faster a step than tanh can.

    The units of Elman 1990. torch.nn has no such cell.
    """

    title = "sigmoid"
    max_slope = 0.25
    suited = (("lr", 0.03), ("gain", 4.0))
    not_in_panels = "as tanh, but its derivative is at most 1/4"
    equations = (("h", "sigmoid(a)"),)
    derivatives = (("phi", "h * (1 - h)"), ("da", "dh * phi"))
    torch_cell = "SigmoidCell(INPUTS, HIDDEN)"
    torch_class = MODULE
    torch_slope = "h * (1 - h)"

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = sigma(a), (R, B, H)."""
        s.h.sigmoid_()

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = h - h^2, (steps, R, B, H)."""
        import torch

        torch.addcmul(s.h, s.h, s.h, value=-1, out=d.da)
