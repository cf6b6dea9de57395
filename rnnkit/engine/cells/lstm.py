"""Long short-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import TRAINED, Cell, Params

if TYPE_CHECKING:
    from torch import Tensor


class LstmState(NamedTuple):
    """s_t, and its gradient dL/ds_t; (R, B, H) each."""

    h: Tensor
    c: Tensor


class LstmSaved(NamedTuple):
    """What the forward step works on and saves. i, f, a_g and o are views of the quarters of a."""

    a: Tensor  # (R, B, 4 H): a_i, a_f, a_g, a_o; after the step i, f, nothing of use, o
    i: Tensor  # (R, B, H), as all that follow
    f: Tensor
    a_g: Tensor
    o: Tensor
    g: Tensor
    tanh_c: Tensor


class LstmPartials(NamedTuple):
    """da_i ... da_o are dc/da_i, dc/da_f, dc/da_g, dh/da_o after `partials`, and dL/da_i ... dL/da_o after `backward`."""

    da_ifg: Tensor  # (R, B, 3, H): da_i, da_f, da_g in one view
    da_i: Tensor  # (R, B, H), as all that follow
    da_f: Tensor
    da_g: Tensor
    da_o: Tensor
    dh_dc: Tensor


class Lstm(Cell[LstmState, LstmSaved, LstmPartials]):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; torch.nn.LSTM).

    i, f, o = sigma(a_i), sigma(a_f), sigma(a_o);  g = tanh(a_g);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t).
    Columns of W_in, W_rec, b: i, f, g, o, as in torch.nn. dL/dc_t is the total derivative: it includes the path through h_t, as
    autograd's c_t.retain_grad() does.
    """

    title = "LSTM"
    State, Saved, Partials = LstmState, LstmSaved, LstmPartials
    gates = 4
    gate_names = ("input gate", "forget gate", "cell candidate", "output gate")
    input_gate, forget_gate = 0, 1
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    n_saved = 2  # g, tanh_c
    n_partials = 1  # dh_dc
    columns = ("a_i", "a_f", "a_g", "a_o")
    equations = (
        ("i", "sigmoid(a_i)"),
        ("f", "sigmoid(a_f)"),
        ("g", "tanh(a_g)"),
        ("o", "sigmoid(a_o)"),
        ("c", "f * c_prev + i * g"),
        ("h", "o * tanh(c)"),
    )
    saved_as = (("tanh_c", "tanh(c)"),)
    derivatives = (
        ("dc", "dc + dh * o * (1 - tanh(c) ** 2)"),  # what comes from the next step, and the path through h
        ("da_i", "dc * g * i * (1 - i)"),
        ("da_f", "dc * c_prev * f * (1 - f)"),
        ("da_g", "dc * i * (1 - g * g)"),
        ("da_o", "dh * tanh(c) * o * (1 - o)"),
    )
    direct_terms = (("c", "dc * f"),)
    torch_cell = "nn.LSTMCell(INPUTS, HIDDEN)"

    def forward_views(self, *arrays: Tensor) -> LstmSaved:
        """From a (T, R, B, 4 H), g and tanh_c (T, R, B, H)."""
        a, g, tanh_c = arrays
        i, f, a_g, o = a.chunk(4, -1)
        return LstmSaved(a, i, f, a_g, o, g, tanh_c)

    def forward(self, p: Params, saved: LstmSaved, s_prev: LstmState, s: LstmState) -> None:
        """c = sigma(a_f) c_{t-1} + sigma(a_i) tanh(a_g),  h = sigma(a_o) tanh(c); (R, B, H) each."""
        import torch

        saved.g.copy_(saved.a_g).tanh_()  # out of its quarter of a: fast only where numbers lie side by side
        saved.a.sigmoid_()  # of all quarters at once, for the same reason; what it does to a_g is of no use and no harm
        torch.mul(saved.f, s_prev.c, out=s.c).addcmul_(saved.i, saved.g)
        torch.mul(saved.o, torch.tanh(s.c, out=saved.tanh_c), out=s.h)

    def backward_views(self, *arrays: Tensor) -> LstmPartials:
        """From da (T, R, B, 4 H) and dh_dc (T, R, B, H)."""
        da, dh_dc = arrays
        da_i, da_f, da_g, da_o = da.chunk(4, -1)
        return LstmPartials(da.unflatten(-1, (4, -1))[..., :3, :], da_i, da_f, da_g, da_o, dh_dc)

    def partials(self, p: Params, saved: LstmSaved, s_prev: LstmState, s: LstmState, d: LstmPartials) -> None:
        """The derivative of each factor with the others held; (steps, R, B, H) each.

        dc/da_i = g i (1 - i)
        dc/da_f = c_{t-1} f (1 - f)
        dc/da_g = i (1 - g^2)
        dh/da_o = tanh(c) o (1 - o) = h (1 - o)
        dh/dc = o (1 - tanh(c)^2) = o - h tanh(c)
        """
        import torch

        torch.mul(saved.i, saved.g, out=d.da_i)
        torch.addcmul(saved.i, d.da_i, saved.g, value=-1, out=d.da_g)
        d.da_i.addcmul_(d.da_i, saved.i, value=-1)
        torch.mul(saved.f, s_prev.c, out=d.da_f)
        d.da_f.addcmul_(d.da_f, saved.f, value=-1)
        torch.addcmul(s.h, s.h, saved.o, value=-1, out=d.da_o)
        torch.addcmul(saved.o, s.h, saved.tanh_c, value=-1, out=d.dh_dc)

    def backward(self, p: Params, saved: LstmSaved, d: LstmPartials, ds: LstmState, ds_prev: LstmState) -> None:
        """dc <- dc + dh dh/dc,  dL/da_ifg = dc dc/da_ifg,  dL/da_o = dh dh/da_o,  dc_{t-1} = dc f; (R, B, H) each."""
        import torch

        ds.c.addcmul_(ds.h, d.dh_dc)
        d.da_ifg.mul_(ds.c.unsqueeze(-2))
        d.da_o.mul_(ds.h)
        torch.mul(ds.c, saved.f, out=ds_prev.c)
