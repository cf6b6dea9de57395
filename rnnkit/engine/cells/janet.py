"""The cell with a forget gate alone: JANET, "just another network"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import TRAINED, HiddenState, Params
from rnnkit.engine.cells.one_path import OnePath

if TYPE_CHECKING:
    from torch import Tensor

BETA = 1.0  # of the paper: a little more is let in than is forgotten

MODULE = '''\
class JanetCell(nn.RNNCellBase):
    """torch.nn has no such cell: one gate and a candidate, with the weights as nn.LSTMCell has them."""

    def forward(self, x, h):
        a_f, a_g = (F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)).chunk(2, -1)
        return torch.sigmoid(a_f) * h + torch.sigmoid(1 - a_f) * torch.tanh(a_g)


'''


class JanetSaved(NamedTuple):
    """What the forward step works on and saves. f and a_g are views of the halves of a."""

    a: Tensor  # (R, B, 2 H): a_f, a_g; after the step f, nothing of use
    f: Tensor  # (R, B, H), as all that follow
    a_g: Tensor
    i: Tensor
    g: Tensor


class JanetPartials(NamedTuple):
    """dh/da_f, dh/da_g after `partials`, dL/da_f, dL/da_g after `backward`."""

    da: Tensor  # (R, B, 2, H): both in one view
    da_f: Tensor  # (R, B, H), as the next
    da_g: Tensor


class Janet(OnePath[JanetSaved, JanetPartials]):
    """JANET (van der Westhuizen & Lasenby 2018): an LSTM with its forget gate alone, whose state is its cell.

    f = sigma(a_f);  i = 1 - sigma(a_f - 1) = sigma(1 - a_f);  g = tanh(a_g);  h_t = f h_{t-1} + i g.
    Columns of W_in, W_rec, b: f, g. f = 1 copies the state. The paper's bias is chrono.
    """

    title = "JANET"
    Saved, Partials = JanetSaved, JanetPartials
    gates = 2
    gate_names = ("forget gate", "candidate")
    forget_gate = 0
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    not_in_panels = "as a GRU, with one gate less"
    n_saved = 2  # i, g
    columns = ("a_f", "a_g")
    equations = (
        ("f", "sigmoid(a_f)"),
        ("i", "sigmoid(1 - a_f)"),
        ("g", "tanh(a_g)"),
        ("h", "f * h_prev + i * g"),
    )
    derivatives = (
        ("da_f", "dh * (h_prev * f * (1 - f) - g * i * (1 - i))"),
        ("da_g", "dh * i * (1 - g * g)"),
    )
    direct_terms = (("h", "dh * f"),)
    torch_cell = "JanetCell(INPUTS, HIDDEN, bias=True, num_chunks=2)"
    torch_class = MODULE

    def forward_views(self, *arrays: Tensor) -> JanetSaved:
        """From a (T, R, B, 2 H), i and g (T, R, B, H)."""
        a, i, g = arrays
        f, a_g = a.chunk(2, -1)
        return JanetSaved(a, f, a_g, i, g)

    def forward(self, p: Params, saved: JanetSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """h = sigma(a_f) h_{t-1} + sigma(1 - a_f) tanh(a_g), (R, B, H)."""
        import torch

        saved.g.copy_(saved.a_g).tanh_()
        torch.mul(saved.f, -1, out=saved.i).add_(BETA).sigmoid_()
        saved.a.sigmoid_()  # of both halves at once, which is faster; what it does to a_g is of no use and no harm
        torch.mul(saved.f, s_prev.h, out=s.h).addcmul_(saved.i, saved.g)

    def partials(self, p: Params, saved: JanetSaved, s_prev: HiddenState, s: HiddenState, d: JanetPartials) -> None:
        """The derivatives of h with h_{t-1} held; (steps, R, B, H) each.

        dh/da_f = h_{t-1} f (1 - f) - g i (1 - i)
        dh/da_g = i (1 - g^2)
        """
        import torch

        torch.mul(saved.f, s_prev.h, out=d.da_f)
        d.da_f.addcmul_(d.da_f, saved.f, value=-1)
        torch.mul(saved.i, saved.g, out=d.da_g)
        d.da_f.sub_(d.da_g).addcmul_(d.da_g, saved.i)
        torch.addcmul(saved.i, d.da_g, saved.g, value=-1, out=d.da_g)
