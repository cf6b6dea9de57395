"""The antisymmetric recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnkit.engine.cells.arrays import identity
from rnnkit.engine.cells.base import Cell, HiddenState, Params, PreActivation, PreActivationGradient

STEP, DIFFUSION = 0.01, 0.01  # epsilon and gamma; the paper tries 0.01, 0.1 and 1 for epsilon

MODULE = '''\
class AntisymmetricCell(nn.RNNCell):
    """torch.nn has no such cell: a small step from h, along an antisymmetric matrix with a little damping."""

    def forward(self, x, h):
        W = self.weight_hh - self.weight_hh.T - 0.01 * torch.eye(HIDDEN, dtype=DTYPE)
        return h + 0.01 * torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, W))


'''


class Antisymmetric(Cell[HiddenState, PreActivation, PreActivationGradient]):
    """AntisymmetricRNN (Chang et al. 2019): h_t = h_{t-1} + eps tanh(a_t), a step of Euler's method along dh/dt = tanh(a).

    a_t = x_t W_in + b + h_{t-1} M with M = W_rec - W_rec^T - gamma 1. The eigenvalues of W_rec - W_rec^T are imaginary, so the
    equation neither damps nor amplifies; gamma balances what the finite step eps amplifies. eps = gamma = 0.01.
    """

    title = "antisymmetric"
    builds_matrix = True
    matrix_equation = r"W_{rec} - W_{rec}^T - 0.01 \cdot 1"
    matrix_gradient_equation = "dM - dM^T"
    not_in_panels = "another cell, not a remedy for the one at hand"
    equations = (("h", "h_prev + 0.01 * tanh(a)"),)
    saved_as = (("a", "tanh(a)"),)
    derivatives = (("da", "dh * 0.01 * (1 - tanh(a) ** 2)"),)
    direct_terms = (("h", "dh"),)
    torch_cell = "AntisymmetricCell(INPUTS, HIDDEN)"
    torch_class = MODULE

    def recurrent_matrix(self, p: Mapping[str, Any]) -> Any:
        """M = W_rec - W_rec^T - gamma 1, (R, H, H)."""
        W = p["W_rec"]
        return W - W.swapaxes(-1, -2) - DIFFUSION * identity(W)

    def recurrent_gradient(self, p: Mapping[str, Any], dM: Any) -> Any:
        """dL/dW_rec = dL/dM - (dL/dM)^T, (R, H, H)."""
        return dM - dM.swapaxes(-1, -2)

    def forward(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState) -> None:
        """h = h_{t-1} + eps tanh(a), (R, B, H). a is left as tanh(a)."""
        import torch

        torch.add(s_prev.h, saved.a.tanh_(), alpha=STEP, out=s.h)

    def partials(self, p: Params, saved: PreActivation, s_prev: HiddenState, s: HiddenState, d: PreActivationGradient) -> None:
        """dh/da = eps (1 - tanh(a)^2), (steps, R, B, H)."""
        import torch

        torch.addcmul(s.h.new_full((), STEP), saved.a, saved.a, value=-STEP, out=d.da)

    def backward(self, p: Params, saved: PreActivation, d: PreActivationGradient, ds: HiddenState, ds_prev: HiddenState) -> None:
        """dL/da = dh dh/da,  dh_{t-1} = dh as far as it passes no W_rec; (R, B, H) each."""
        d.da.mul_(ds.h)
        ds_prev.h.copy_(ds.h)
