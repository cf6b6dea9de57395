"""Recurrent cells: one time step forward and the same step backward, by hand.

A cell never sees the input itself, nor the product with W_rec: bptt.py computes a_t = x_t W_in + b + h_{t-1} W_rec and hands it
over. The forward step overwrites a_t with the gates' activations and fills the next state; on the way back, `partials` takes
the elementwise derivatives of a block of steps at once; the backward step is left with what truly depends on the step after
it: it multiplies them, in place, with the gradient that arrives. All arrays are bptt.Tape's, made once for a whole training.

Shapes: a, da (R, B, G*H); every state part h, c and its gradient (R, B, H); W_rec (R, H, G*H), where R counts networks
trained side by side, B sentences, H hidden units and G = `gates`. `partials` gets the same with the block's time axis in front.
Gate order and equations are those of torch.nn, so weights can be copied across. torch is imported where the computing is:
menus read CELLS without it.

Every cell also states its equations as text, for one unit and one time step: ledger.py evaluates that text and a page shows it,
filled in. It is the same step a second time, to be read; a test holds both against each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor

    Arrays = tuple[Tensor, ...]
    Params = Mapping[str, Tensor]

Equation = tuple[str, str]  # a variable and the expression that gives it, in Python's notation


class Cell(ABC):
    """One recurrent layer, without state of its own: parameters, states and arrays to fill are passed in."""

    title: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ("h",)  # names of the state's parts; part 0 feeds the readout
    gates: ClassVar[int] = 1  # width of W_rec in units of H
    keep: ClassVar[int | None] = None  # the gate that, when open, keeps the memory (its bias is the "forget" bias)
    write: ClassVar[int | None] = None  # the gate that lets the new value in, where it is not 1 - keep
    recurrent_bias: ClassVar[bool] = False  # a bias b_rec beside h W_rec (torch's bias_hh), only where it is not redundant
    reservoir: ClassVar[bool] = False  # W_in, W_rec and b stay as drawn; only the readout is fitted

    # Arrays on the tape, by width in units of H.
    beside: ClassVar[tuple[int, ...]] = ()  # what x_t enters beside a_t, past the product with W_rec
    kept: ClassVar[int] = 0  # how many further arrays the forward step leaves for `partials`
    local: ClassVar[int] = 0  # how many further partial derivatives the backward step needs beside those in da
    in_place: ClassVar[bool] = False  # h_t stands where a_t stood
    steepest: ClassVar[float | None] = None  # max |phi'| of a cell with h = phi(a), or its leaky form: Pascanu's gamma
    flat: ClassVar[str] = "saturated"  # what a unit is called whose slope is next to 0
    carries: ClassVar[bool] = False  # dL/dh_t reaches h_{t-1} past W_rec as well

    # The step as text. `name_prev` is the variable one step earlier, `dname` is dL/dname; sums over units are ledger.py's.
    columns: ClassVar[tuple[str, ...]] = ("a",)  # what each H columns of x_t W_in + b + h_{t-1} W_rec are called, `gates` of them
    apart: ClassVar[tuple[tuple[str, str], ...]] = ()  # (column, name of its h_{t-1} W_rec + b_rec), where that stands alone
    equations: ClassVar[tuple[Equation, ...]]  # in their order, from the columns to the state
    derivatives: ClassVar[tuple[Equation, ...]]  # in their order, from dh (and dc) to the gradients of the columns
    carry: ClassVar[tuple[Equation, ...]] = ()  # (part, what of its gradient reaches the same part one step earlier past W_rec)

    @property
    def numbers(self) -> int:
        """How many numbers a training step keeps per time step, network, sentence and hidden unit (bptt.Tape)."""
        activations = 0 if self.in_place else self.gates
        return 2 * len(self.parts) + activations + self.gates + 2 * sum(self.beside) + self.kept + self.local

    @abstractmethod
    def forward(self, p: Params, f: Arrays, s_prev: Arrays, s: Arrays) -> None:
        """Overwrites a_t with the activations and fills the state s and the kept arrays; f = forward_views, one step."""

    @abstractmethod
    def partials(self, p: Params, f: Arrays, s_prev: Arrays, s: Arrays, d: Arrays) -> None:
        """Fills d = backward_views with the elementwise derivatives that `backward` multiplies with, for a block of steps."""

    @abstractmethod
    def backward(self, p: Params, f: Arrays, d: Arrays, ds: Arrays, ds_prev: Arrays) -> None:
        """Turns d into da = dL/da_t, given ds = dL/ds_t, and fills ds_prev with what does not pass through W_rec.

        Completes ds in place where one part of the state depends on another (LSTM: dc gains the path through h).
        """

    def forward_views(self, *arrays: Tensor) -> Arrays:
        """What `forward` works on, from the stacked arrays (T, R, B, .): a, then `beside`, then `kept`."""
        return arrays

    def backward_views(self, *arrays: Tensor) -> Arrays:
        """What `backward` works on: da, then the gradients of `beside`, then `local`."""
        return arrays

    def inputs(self, p: Params) -> tuple[tuple[Tensor, Tensor], ...]:
        """(W, b) with which x_t enters a_t and each array `beside` it."""
        return ((p["W_in"], p["b"]),)

    def input_gradients(self, d: tuple[tuple[Tensor, Tensor], ...]) -> dict[str, Tensor]:
        """dL/dtheta from the gradients of `inputs`."""
        return dict(zip(("W_in", "b"), d[0], strict=True))


class Tanh(Cell):
    """h_t = tanh(a_t),  a_t = x_t W_in + h_{t-1} W_rec + b   (Elman 1990; torch.nn.RNN)."""

    title = "tanh"
    steepest = 1.0
    in_place = True
    equations = (("h", "tanh(a)"),)
    derivatives = (("phi", "1 - h * h"), ("da", "dh * phi"))  # phi: the slope tanh'(a)

    def forward(self, p, f, s_prev, s):
        s[0].tanh_()

    def partials(self, p, f, s_prev, s, d):
        import torch

        (h,), (da,) = s, d
        torch.addcmul(h.new_ones(()), h, h, value=-1, out=da)  # tanh' = 1 - tanh^2

    def backward(self, p, f, d, ds, ds_prev):
        d[0].mul_(ds[0])


class Sigmoid(Cell):
    """h_t = sigma(a_t): sigma' is at most 1/4, so it forgets four times faster a step than tanh can."""

    title = "sigmoid"
    steepest = 0.25
    in_place = True
    equations = (("h", "sigmoid(a)"),)
    derivatives = (("phi", "h * (1 - h)"), ("da", "dh * phi"))

    def forward(self, p, f, s_prev, s):
        s[0].sigmoid_()

    def partials(self, p, f, s_prev, s, d):
        import torch

        (h,), (da,) = s, d
        torch.addcmul(h, h, h, value=-1, out=da)  # sigma' = sigma - sigma^2

    backward = Tanh.backward


class Relu(Cell):
    """h_t = max(a_t, 0), unbounded: with W_rec = identity the IRNN of Le, Jaitly & Hinton 2015; with a large gain, NaN."""

    title = "ReLU"
    steepest = 1.0
    flat = "off"
    in_place = True
    equations = (("h", "max(a, 0)"),)
    derivatives = (("phi", "step(h)"), ("da", "dh * phi"))  # step: 1 above 0, else 0

    def forward(self, p, f, s_prev, s):
        s[0].relu_()

    def partials(self, p, f, s_prev, s, d):
        import torch

        torch.clamp(s[0], max=1, out=d[0]).ceil_()  # 1 where the unit is on, and unlike a comparison it keeps a NaN

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
    kept = 2
    local = 1
    columns = ("a_i", "a_f", "a_g", "a_o")
    equations = (
        ("i", "sigmoid(a_i)"),
        ("f", "sigmoid(a_f)"),
        ("g", "tanh(a_g)"),
        ("o", "sigmoid(a_o)"),
        ("c", "f * c_prev + i * g"),
        ("h", "o * tanh(c)"),
    )
    derivatives = (
        ("dc", "dc + dh * o * (1 - tanh(c) ** 2)"),  # what comes from the next step, and the path through h
        ("da_i", "dc * g * i * (1 - i)"),
        ("da_f", "dc * c_prev * f * (1 - f)"),
        ("da_g", "dc * i * (1 - g * g)"),
        ("da_o", "dh * tanh(c) * o * (1 - o)"),
    )
    carry = (("c", "dc * f"),)

    def forward_views(self, *arrays):
        a, g, tanh_c = arrays
        return a, *a.chunk(4, -1), g, tanh_c

    def forward(self, p, f, s_prev, s):
        import torch

        a, i, f, a_g, o, g, tanh_c = f
        (_, c_prev), (h, c) = s_prev, s
        g.copy_(a_g).tanh_()  # out of its gate's columns: fast only where numbers lie side by side
        a.sigmoid_()  # of all columns at once, for the same reason; what it does to a_g is of no use and no harm
        torch.mul(f, c_prev, out=c).addcmul_(i, g)
        torch.mul(o, torch.tanh(c, out=tanh_c), out=h)

    def backward_views(self, *arrays):
        da, dc_dh = arrays
        return da.unflatten(-1, (4, -1))[..., :3, :], *da.chunk(4, -1), dc_dh

    def partials(self, p, f, s_prev, s, d):
        import torch

        _, i, f, _, o, g, tanh_c = f
        (_, c_prev), (h, _) = s_prev, s
        _, d_i, d_f, d_g, d_o, dc_dh = d
        torch.mul(i, g, out=d_i)
        torch.addcmul(i, d_i, g, value=-1, out=d_g)  # dc/da_g = i (1 - g^2)
        d_i.addcmul_(d_i, i, value=-1)  # dc/da_i = g i (1 - i)
        torch.mul(f, c_prev, out=d_f)
        d_f.addcmul_(d_f, f, value=-1)  # dc/da_f = c_{t-1} f (1 - f)
        torch.addcmul(h, h, o, value=-1, out=d_o)  # dh/da_o = tanh(c) o (1 - o)
        torch.addcmul(o, h, tanh_c, value=-1, out=dc_dh)  # dh/dc = o (1 - tanh(c)^2)

    def backward(self, p, f, d, ds, ds_prev):
        import torch

        _, _, forget, *_ = f
        d_ifg, *_, d_o, dc_dh = d
        (dh, dc), (_, dc_prev) = ds, ds_prev
        dc.addcmul_(dh, dc_dh)
        d_ifg.mul_(dc.unsqueeze(-2))
        d_o.mul_(dh)
        torch.mul(dc, forget, out=dc_prev)


class Gru(Cell):
    """Gated recurrent unit (Cho et al. 2014) as torch.nn.GRU has it: the reset gate acts after the recurrent product.

    r, z = sigma(a_r), sigma(a_z);  q = h_{t-1} W_n + b_n;  n = tanh(a_n + r q);  h_t = (1 - z) n + z h_{t-1}.
    Columns of W_in, W_rec, b: r, z, n. z keeps: z = 1 copies the state. b_rec (torch's bias_hh) matters for q only.
    The array a holds a_r, a_z and q; what x_t adds to n enters beside it.
    """

    title = "GRU"
    gates = 3
    keep = 1
    recurrent_bias = True
    beside = (1,)
    kept = 1
    carries = True
    columns = ("a_r", "a_z", "a_n")
    apart = (("a_n", "q"),)
    equations = (
        ("r", "sigmoid(a_r)"),
        ("z", "sigmoid(a_z)"),
        ("n", "tanh(a_n + r * q)"),
        ("h", "(1 - z) * n + z * h_prev"),
    )
    derivatives = (
        ("da_n", "dh * (1 - z) * (1 - n * n)"),
        ("dq", "da_n * r"),
        ("da_r", "da_n * q * r * (1 - r)"),
        ("da_z", "dh * (h_prev - n) * z * (1 - z)"),
    )
    carry = (("h", "dh * z"),)

    def inputs(self, p):
        W, b = p["W_in"].clone(), p["b"].clone()
        H = W.shape[-1] // 3
        W[..., 2 * H :] = 0
        b[..., 2 * H :] = 0
        return (W, b + p["b_rec"]), (p["W_in"][..., 2 * H :], p["b"][..., 2 * H :])

    def input_gradients(self, d):
        import torch

        (dW, db), (dW_n, db_n) = d
        H = dW_n.shape[-1]
        return {"W_in": torch.cat((dW[..., : 2 * H], dW_n), -1), "b": torch.cat((db[..., : 2 * H], db_n), -1), "b_rec": db}

    def forward_views(self, *arrays):
        a, n, q = arrays
        return a, *a.chunk(3, -1), n, q

    def forward(self, p, f, s_prev, s):
        import torch

        a, r, z, a_q, n, q = f
        q.copy_(a_q)
        a.sigmoid_()  # of all columns at once, which is faster; what it does to a_q is of no use and no harm
        n.addcmul_(r, q).tanh_()
        torch.lerp(n, s_prev[0], z, out=s[0])

    def backward_views(self, *arrays):
        da, dn = arrays
        return da.unflatten(-1, (3, -1)), *da.chunk(3, -1), dn

    def partials(self, p, f, s_prev, s, d):
        import torch

        _, r, z, _, n, q = f
        _, d_r, d_z, d_q, dn = d
        torch.addcmul(n.new_ones(()), n, n, value=-1, out=dn)
        dn.addcmul_(dn, z, value=-1)  # dh/da_n = (1 - z) (1 - n^2)
        torch.mul(dn, r, out=d_q)  # dh/dq = dh/da_n r
        torch.mul(d_q, q, out=d_r)
        d_r.addcmul_(d_r, r, value=-1)  # dh/da_r = dh/dq q (1 - r)
        torch.sub(s_prev[0], n, out=d_z).mul_(z)  # not h - n, which cancels where z is small
        d_z.addcmul_(d_z, z, value=-1)  # dh/da_z = (h_{t-1} - n) z (1 - z)

    def backward(self, p, f, d, ds, ds_prev):
        import torch

        (dh,), (_, _, z, *_) = ds, f
        d_rzq, *_, dn = d
        d_rzq.mul_(dh.unsqueeze(-2))
        dn.mul_(dh)
        torch.mul(dh, z, out=ds_prev[0])


class EchoState(Cell):
    """Leaky echo state network (Jaeger 2001; Jaeger et al. 2007): h_t = (1 - leak) h_{t-1} + leak tanh(a_t).

    W_in, W_rec and b stay as drawn; the readout is solved by ridge regression (readout.Ridge). leak in (0, 1].
    reservoirpy's Reservoir with lr = leak. The backward step gives the gradient that would be.
    """

    title = "echo state network"
    steepest = 1.0
    reservoir = True
    carries = True
    equations = (("h", "(1 - leak) * h_prev + leak * tanh(a)"),)
    derivatives = (("phi", "leak * (1 - tanh(a) ** 2)"), ("da", "dh * phi"))
    carry = (("h", "dh * (1 - leak)"),)

    def forward(self, p, f, s_prev, s):
        import torch

        torch.lerp(s_prev[0], f[0].tanh_(), p["leak"], out=s[0])

    def partials(self, p, f, s_prev, s, d):
        import torch

        torch.addcmul(p["leak"], f[0], f[0] * p["leak"], value=-1, out=d[0])  # dh/da = leak (1 - tanh^2)

    def backward(self, p, f, d, ds, ds_prev):
        import torch

        d[0].mul_(ds[0])
        torch.mul(ds[0], 1 - p["leak"], out=ds_prev[0])


CELLS: dict[str, Cell] = {
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu": Relu(),
    "lstm": Lstm(),
    "gru": Gru(),
    "esn": EchoState(),
}
