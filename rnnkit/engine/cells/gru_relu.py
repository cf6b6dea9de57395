"""The gated recurrent unit with ReLU in the place of tanh."""

from __future__ import annotations

from rnnkit.engine.cells.base import HiddenState, Params
from rnnkit.engine.cells.gru import Gru, GruPartials, GruSaved
from rnnkit.engine.cells.relu import step_above_0

MODULE = '''\
class ReluGruCell(nn.GRUCell):
    """torch.nn has no such cell: the weights of its GRUCell, and ReLU in the place of tanh."""

    def forward(self, x, h):
        a_r, a_z, a_n = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        q_r, q_z, q = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, -1)
        n = torch.relu(a_n + torch.sigmoid(a_r + q_r) * q)
        return torch.lerp(n, h, torch.sigmoid(a_z + q_z))


'''


class GruRelu(Gru):
    """A GRU whose tanh is ReLU: n = max(a_n + r q, 0). Nothing bounds the state."""

    title = "GRU, ReLU"
    not_in_panels = "as a GRU, without its bound"
    equations = (
        ("r", "sigmoid(a_r)"),
        ("z", "sigmoid(a_z)"),
        ("n", "max(a_n + r * q, 0)"),
        ("h", "(1 - z) * n + z * h_prev"),
    )
    saved_as = (("q", "q"),)
    derivatives = (
        ("da_n", "dh * (1 - z) * step(n)"),
        ("dq", "da_n * r"),
        ("da_r", "da_n * q * r * (1 - r)"),
        ("da_z", "dh * (h_prev - n) * z * (1 - z)"),
    )
    torch_cell = "ReluGruCell(INPUTS, HIDDEN)"
    torch_class = MODULE

    def forward(self, p: Params, saved: GruSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """n = max(a_n + sigma(a_r) q, 0),  h = (1 - z) n + z h_{t-1} with z = sigma(a_z); (R, B, H) each."""
        import torch

        saved.q.copy_(saved.a_q)
        saved.a.sigmoid_()
        saved.n.addcmul_(saved.r, saved.q).relu_()
        torch.lerp(saved.n, s_prev.h, saved.z, out=s.h)

    def partials(self, p: Params, saved: GruSaved, s_prev: HiddenState, s: HiddenState, d: GruPartials) -> None:
        """As those of the GRU, with dh/da_n = (1 - z) [n > 0]; (steps, R, B, H) each."""
        import torch

        step_above_0(saved.n, d.da_n)
        d.da_n.addcmul_(d.da_n, saved.z, value=-1)
        torch.mul(d.da_n, saved.r, out=d.dq)
        torch.mul(d.dq, saved.q, out=d.da_r)
        d.da_r.addcmul_(d.da_r, saved.r, value=-1)
        torch.sub(s_prev.h, saved.n, out=d.da_z).mul_(saved.z)
        d.da_z.addcmul_(d.da_z, saved.z, value=-1)
