"""The coupled oscillatory recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import Cell, Params, PreActivation, PreActivationGradient

if TYPE_CHECKING:
    from torch import Tensor

STEP, FREQUENCY, DAMPING = 0.042, 2.7, 4.7  # dt, gamma and epsilon of the authors' code for sequential MNIST

MODULE = '''\
class CoRnnCell(nn.RNNCell):
    """torch.nn has no such cell: oscillators with position h and velocity z, which are coupled by two matrices."""

    def forward(self, x, state):
        h, z = state
        a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh) + F.linear(z, self.W_z)
        z = z + 0.042 * (torch.tanh(a) - 2.7 * h - 4.7 * z)
        return h + 0.042 * z, z


'''


class CoRnnState(NamedTuple):
    """s_t, and its gradient dL/ds_t; (R, B, H) each."""

    h: Tensor  # the paper's y
    z: Tensor


class CoRnn(Cell[CoRnnState, PreActivation, PreActivationGradient]):
    """coRNN (Rusch & Mishra 2021): damped oscillators h'' = tanh(a) - gamma h - epsilon h', driven by inputs and each other.

    a_t = x_t W_in + b + h_{t-1} W_rec + z_{t-1} W_z;  z_t = z_{t-1} + dt (tanh(a_t) - gamma h_{t-1} - epsilon z_{t-1});
    h_t = h_{t-1} + dt z_t. dt = 0.042, gamma = 2.7, epsilon = 4.7. dL/dz_t is the total derivative, with the path through h_t.
    """

    title = "coRNN"
    State = CoRnnState
    second_product = "z"
    not_in_panels = "another cell, not a remedy for the one at hand"
    equations = (("z", "z_prev + 0.042 * (tanh(a) - 2.7 * h_prev - 4.7 * z_prev)"), ("h", "h_prev + 0.042 * z"))
    saved_as = (("a", "tanh(a)"),)
    derivatives = (
        ("dz", "dz + dh * 0.042"),  # what comes from the next step, and the path through h
        ("da", "dz * 0.042 * (1 - tanh(a) ** 2)"),
    )
    direct_terms = (("h", "dh - dz * 0.042 * 2.7"), ("z", "dz * (1 - 0.042 * 4.7)"))
    torch_cell = "CoRnnCell(INPUTS, HIDDEN)"
    torch_class = MODULE

    def forward(self, p: Params, saved: PreActivation, s_prev: CoRnnState, s: CoRnnState) -> None:
        """z = (1 - dt epsilon) z_{t-1} + dt (tanh(a) - gamma h_{t-1}),  h = h_{t-1} + dt z; (R, B, H). a is left as tanh(a)."""
        import torch

        torch.sub(saved.a.tanh_(), s_prev.h, alpha=FREQUENCY, out=s.z).mul_(STEP).add_(s_prev.z, alpha=1 - STEP * DAMPING)
        torch.add(s_prev.h, s.z, alpha=STEP, out=s.h)

    def partials(self, p: Params, saved: PreActivation, s_prev: CoRnnState, s: CoRnnState, d: PreActivationGradient) -> None:
        """dz/da = dt (1 - tanh(a)^2), (steps, R, B, H)."""
        import torch

        torch.addcmul(s.h.new_full((), STEP), saved.a, saved.a, value=-STEP, out=d.da)

    def backward(self, p: Params, saved: PreActivation, d: PreActivationGradient, ds: CoRnnState, ds_prev: CoRnnState) -> None:
        """dz <- dz + dt dh,  dL/da = dz dz/da; of the step before dh - dt gamma dz and (1 - dt epsilon) dz, past the matrices."""
        import torch

        ds.z.add_(ds.h, alpha=STEP)
        d.da.mul_(ds.z)
        torch.sub(ds.h, ds.z, alpha=STEP * FREQUENCY, out=ds_prev.h)
        torch.mul(ds.z, 1 - STEP * DAMPING, out=ds_prev.z)
