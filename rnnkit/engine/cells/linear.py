"""The cell without a nonlinearity."""

from __future__ import annotations

from rnnkit.engine.cells.base import HiddenState, Params, PreActivation, PreActivationGradient
from rnnkit.engine.cells.elementwise import Elementwise

MODULE = '''\
class LinearCell(nn.RNNCell):
    """torch.nn has no such cell: the weights of its RNNCell, and no nonlinearity."""

    def forward(self, x, h):
        return F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)


'''


class Linear(Elementwise):
    """h_t = a_t: a plain cell whose nonlinearity is left out. Every slope is 1, so every Jacobian is W_rec^T.

    Nothing bounds the state: with a spectral radius above 1 it grows like a power of it, and the gradient with it.
    """

    title = "linear"
    max_slope = 1.0
    suited = (("lr", 0.003), ("init", "orthogonal"))
    not_in_panels = "as tanh with small inputs, and without its bound"
    equations = (("h", "a"),)
    derivatives = (("da", "dh"),)
    torch_cell = "LinearCell(INPUTS, HIDDEN)"
    torch_class = MODULE
    torch_slope = "torch.ones_like(h)"

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = a, where it stands."""

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = 1, (steps, R, B, H)."""
        d.da.fill_(1)
