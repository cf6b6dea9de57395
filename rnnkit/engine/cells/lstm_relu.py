"""Long short-term memory with ReLU in the place of tanh."""

from __future__ import annotations

from rnnkit.engine.cells.base import Params
from rnnkit.engine.cells.lstm import Lstm, LstmPartials, LstmSaved, LstmState
from rnnkit.engine.cells.relu import step_above_0

MODULE = '''\
class ReluLstmCell(nn.LSTMCell):
    """torch.nn has no such cell: the weights of its LSTMCell, and ReLU in the place of tanh."""

    def forward(self, x, s):
        a = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(s[0], self.weight_hh, self.bias_hh)
        a_i, a_f, a_g, a_o = a.chunk(4, -1)
        c = torch.sigmoid(a_f) * s[1] + torch.sigmoid(a_i) * torch.relu(a_g)
        return torch.sigmoid(a_o) * torch.relu(c), c


'''


class LstmRelu(Lstm):
    """An LSTM whose two tanh are ReLU, as `activation="relu"` of Keras: c_t = f c_{t-1} + i max(a_g, 0), h_t = o max(c_t, 0).

    Nothing bounds the state: c only grows by what is let in.
    """

    title = "LSTM, ReLU"
    not_in_panels = "as an LSTM, without its bound"
    equations = (
        ("i", "sigmoid(a_i)"),
        ("f", "sigmoid(a_f)"),
        ("g", "max(a_g, 0)"),
        ("o", "sigmoid(a_o)"),
        ("c", "f * c_prev + i * g"),
        ("h", "o * max(c, 0)"),
    )
    saved_as = (("tanh_c", "max(c, 0)"),)
    derivatives = (
        ("dc", "dc + dh * o * step(c)"),  # what comes from the next step, and the path through h
        ("da_i", "dc * g * i * (1 - i)"),
        ("da_f", "dc * c_prev * f * (1 - f)"),
        ("da_g", "dc * i * step(g)"),
        ("da_o", "dh * max(c, 0) * o * (1 - o)"),
    )
    torch_cell = "ReluLstmCell(INPUTS, HIDDEN)"
    torch_class = MODULE

    def forward(self, p: Params, saved: LstmSaved, s_prev: LstmState, s: LstmState) -> None:
        """c = sigma(a_f) c_{t-1} + sigma(a_i) max(a_g, 0),  h = sigma(a_o) max(c, 0); (R, B, H) each. tanh_c holds max(c, 0)."""
        import torch

        torch.clamp_min(saved.a_g, 0, out=saved.g)
        saved.a.sigmoid_()
        torch.mul(saved.f, s_prev.c, out=s.c).addcmul_(saved.i, saved.g)
        torch.mul(saved.o, torch.clamp_min(s.c, 0, out=saved.tanh_c), out=s.h)

    def partials(self, p: Params, saved: LstmSaved, s_prev: LstmState, s: LstmState, d: LstmPartials) -> None:
        """As those of the LSTM, with dc/da_g = i [g > 0] and dh/dc = o [c > 0]; (steps, R, B, H) each."""
        import torch

        torch.mul(saved.i, saved.g, out=d.da_i)
        d.da_i.addcmul_(d.da_i, saved.i, value=-1)
        torch.mul(saved.f, s_prev.c, out=d.da_f)
        d.da_f.addcmul_(d.da_f, saved.f, value=-1)
        step_above_0(saved.g, d.da_g)
        d.da_g.mul_(saved.i)
        torch.addcmul(s.h, s.h, saved.o, value=-1, out=d.da_o)
        step_above_0(saved.tanh_c, d.dh_dc)
        d.dh_dc.mul_(saved.o)
