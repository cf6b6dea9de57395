"""Recurrent cells: one time step forward and the same step backward, by hand.

A cell never sees the input itself: `a_in = x_t W_in + b` is computed for all steps in one product (bptt.py). The forward
step overwrites `a_in` with its activations, so what the backward step needs is kept without another copy; the partial
derivatives of all steps are then taken at once (`partials`), and the backward step is left with the products that truly
depend on one another.

Shapes: a_in, da (R, B, G*H); every state part h, c and its gradient (R, B, H); W_rec (R, H, G*H), where R counts networks
trained side by side, B sentences, H hidden units and G = `gates`. `partials` gets the same with a leading time axis T.
Gate order and equations are those of torch.nn, so weights can be copied across. No torch is imported: methods suffice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    State = tuple[Tensor, ...]
    Params = Mapping[str, Tensor]


class Cell(ABC):
    """One recurrent layer, without state of its own: parameters, states and caches are passed in and handed back."""

    title: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ("h",)  # names of the state's parts; part 0 feeds the readout
    gates: ClassVar[int] = 1  # width of W_rec in units of H
    keep: ClassVar[int | None] = None  # the gate that, when open, keeps the memory (its bias is the "forget" bias)
    write: ClassVar[int | None] = None  # the gate that lets the new value in, where it is not 1 - keep
    recurrent_bias: ClassVar[bool] = False  # a bias b_rec beside h W_rec (torch's bias_hh), only where it is not redundant
    reservoir: ClassVar[bool] = False  # W_in, W_rec and b stay as drawn; only the readout is fitted

    @abstractmethod
    def forward(self, p: Params, a_in: Tensor, s: State) -> tuple[State, State]:
        """State after this step, and what else `partials` needs of it. Overwrites a_in with the activations."""

    @abstractmethod
    def partials(self, p: Params, a: Tensor, s_prev: State, s: State, cache: State) -> State:
        """The elementwise derivatives that `backward` multiplies with, for all T steps at once."""

    @abstractmethod
    def backward(self, p: Params, ds: State, d: State) -> tuple[State, Tensor]:
        """(dL/ds_{t-1}, dL/d(h_{t-1} W_rec)) from ds = dL/ds_t; d is one step of `partials`.

        Completes ds in place where one part of the state depends on another (LSTM: dc gains the path through h).
        """

    def input_gradient(self, da: Tensor, ds: State, d: State) -> Tensor:
        """dL/da_in of all steps from da = dL/d(h W_rec); the two differ only where a gate stands between them (GRU)."""
        return da


class Tanh(Cell):
    """h_t = tanh(a_t),  a_t = x_t W_in + h_{t-1} W_rec + b   (Elman 1990; torch.nn.RNN)."""

    title = "tanh"

    def forward(self, p, a_in, s):
        return (a_in.baddbmm_(s[0], p["W_rec"]).tanh_(),), ()

    def partials(self, p, a, s_prev, s, cache):
        return (1 - s[0].square(),)  # tanh' = 1 - tanh^2

    def backward(self, p, ds, d):
        da = ds[0] * d[0]
        return (da @ p["W_rec"].mT,), da


class Sigmoid(Cell):
    """h_t = sigma(a_t): sigma' is at most 1/4, so it forgets four times faster a step than tanh can."""

    title = "sigmoid"

    def forward(self, p, a_in, s):
        return (a_in.baddbmm_(s[0], p["W_rec"]).sigmoid_(),), ()

    def partials(self, p, a, s_prev, s, cache):
        return (s[0] * (1 - s[0]),)  # sigma' = sigma (1 - sigma)

    backward = Tanh.backward


class Relu(Cell):
    """h_t = max(a_t, 0), unbounded: with W_rec = identity the IRNN of Le, Jaitly & Hinton 2015; with a large gain, NaN."""

    title = "ReLU"

    def forward(self, p, a_in, s):
        return (a_in.baddbmm_(s[0], p["W_rec"]).relu_(),), ()

    def partials(self, p, a, s_prev, s, cache):
        return (s[0].clamp(max=1).ceil(),)  # 1 where the unit is on, and unlike a comparison it keeps a NaN

    backward = Tanh.backward


class Lstm(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; torch.nn.LSTM).

    i, f, o = sigma(a_i), sigma(a_f), sigma(a_o);  g = tanh(a_g);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t).
    Columns of W_in, W_rec, b: i, f, g, o. dL/dc_t is the total derivative: it includes the path through h_t, as
    autograd's c_t.retain_grad() does.
    """

    title = "LSTM"
    parts = ("h", "c")
    gates = 4
    write, keep = 0, 1

    def forward(self, p, a_in, s):
        h, c = s
        H = h.shape[-1]
        a_in.baddbmm_(h, p["W_rec"])
        a_in[..., : 2 * H].sigmoid_()
        a_in[..., 2 * H : 3 * H].tanh_()
        a_in[..., 3 * H :].sigmoid_()
        i, f, g, o = a_in.chunk(4, -1)
        c = (f * c).addcmul_(i, g)
        return (c.tanh().mul_(o), c), ()

    def partials(self, p, a, s_prev, s, cache):
        i, f, g, o = a.chunk(4, -1)
        tanh_c = s[1].tanh()
        dc_dh = o * (1 - tanh_c.square())  # dh/dc
        d_ifg = a.new_empty(*a.shape[:-1], 3, i.shape[-1])  # dc/da_i, dc/da_f, dc/da_g
        d_ifg[..., 0, :] = g * i * (1 - i)
        d_ifg[..., 1, :] = s_prev[1] * f * (1 - f)
        d_ifg[..., 2, :] = i * (1 - g.square())
        return dc_dh, d_ifg, tanh_c * o * (1 - o), f  # ..., dh/da_o, dc/dc_{t-1}

    def backward(self, p, ds, d):
        dh, dc = ds
        dc_dh, d_ifg, d_o, f = d
        dc.addcmul_(dh, dc_dh)
        da = dh.new_empty(*dh.shape[:-1], 4, dh.shape[-1])
        da[..., :3, :] = dc.unsqueeze(-2) * d_ifg
        da[..., 3, :] = dh * d_o
        da = da.flatten(-2)
        return (da @ p["W_rec"].mT, dc * f), da


class Gru(Cell):
    """Gated recurrent unit (Cho et al. 2014) as torch.nn.GRU has it: the reset gate acts after the recurrent product.

    r, z = sigma(a_r), sigma(a_z);  q = h_{t-1} W_n + b_n;  n = tanh(a_n + r q);  h_t = (1 - z) n + z h_{t-1}.
    Columns of W_in, W_rec, b: r, z, n. z keeps: z = 1 copies the state. b_rec (torch's bias_hh) matters for q only.
    """

    title = "GRU"
    gates = 3
    keep = 1
    recurrent_bias = True

    def forward(self, p, a_in, s):
        (h,) = s
        H = h.shape[-1]
        a_rec = p["b_rec"].baddbmm(h, p["W_rec"])
        q = a_rec[..., 2 * H :]
        r, z = a_in[..., : 2 * H].add_(a_rec[..., : 2 * H]).sigmoid_().chunk(2, -1)
        n = a_in[..., 2 * H :].addcmul_(r, q).tanh_()
        return (n.lerp(h, z),), (q,)

    def partials(self, p, a, s_prev, s, cache):
        r, z, n = a.chunk(3, -1)
        dn = (1 - z) * (1 - n.square())  # dh/da_n
        d_rzq = a.new_empty(*a.shape[:-1], 3, r.shape[-1])  # dh/da_r, dh/da_z, dh/dq
        d_rzq[..., 0, :] = dn * cache[0] * r * (1 - r)
        d_rzq[..., 1, :] = (s_prev[0] - n) * z * (1 - z)
        d_rzq[..., 2, :] = dn * r
        return d_rzq, z, dn

    def backward(self, p, ds, d):
        (dh,) = ds
        d_rzq, z, _ = d
        da = (dh.unsqueeze(-2) * d_rzq).flatten(-2)
        return ((dh * z).baddbmm_(da, p["W_rec"].mT),), da

    def input_gradient(self, da, ds, d):
        da = da.clone()
        da[..., -ds[0].shape[-1] :] = ds[0] * d[2]
        return da


class EchoState(Cell):
    """Leaky echo state network (Jaeger 2001; Jaeger et al. 2007): h_t = (1 - leak) h_{t-1} + leak tanh(a_t).

    W_in, W_rec and b stay as drawn; the readout is solved by ridge regression (readout.Ridge). leak in (0, 1].
    reservoirpy's Reservoir(equation="internal") with lr = leak. The backward step gives the gradient that would be.
    """

    title = "echo state network"
    reservoir = True

    def forward(self, p, a_in, s):
        return (s[0].lerp(a_in.baddbmm_(s[0], p["W_rec"]).tanh_(), p["leak"]),), ()

    def partials(self, p, a, s_prev, s, cache):
        return (p["leak"] * (1 - a.square()),)

    def backward(self, p, ds, d):
        da = ds[0] * d[0]
        return ((ds[0] * (1 - p["leak"])).baddbmm_(da, p["W_rec"].mT),), da


CELLS: dict[str, Cell] = {
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu": Relu(),
    "lstm": Lstm(),
    "gru": Gru(),
    "esn": EchoState(),
}
