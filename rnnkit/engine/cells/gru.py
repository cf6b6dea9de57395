"""The gated recurrent unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells.base import TRAINED, Cell, HiddenState, Params

if TYPE_CHECKING:
    from torch import Tensor


class GruSaved(NamedTuple):
    """What the forward step works on and saves. r, z and a_q are views of the thirds of a."""

    a: Tensor  # (R, B, 3 H): a_r, a_z, q; after the step r, z, nothing of use
    r: Tensor  # (R, B, H), as all that follow
    z: Tensor
    a_q: Tensor
    n: Tensor  # what x_t adds to a_n; after the step n
    q: Tensor


class GruPartials(NamedTuple):
    """dh/da_r ... dh/da_n after `partials`, dL/da_r ... dL/da_n after `backward`."""

    da_rzq: Tensor  # (R, B, 3, H): da_r, da_z, dq in one view
    da_r: Tensor  # (R, B, H), as all that follow
    da_z: Tensor
    dq: Tensor
    da_n: Tensor


class Gru(Cell[HiddenState, GruSaved, GruPartials]):
    """Gated recurrent unit (Cho et al. 2014) as torch.nn.GRU has it: the reset gate acts after the recurrent product.

    r, z = sigma(a_r), sigma(a_z);  q = h_{t-1} W_n + b_n;  n = tanh(a_n + r q);  h_t = (1 - z) n + z h_{t-1}.
    Columns of W_in, W_rec, b: r, z, n, as in torch.nn. z = 1 copies the state. b_rec (torch's bias_hh) matters for q only.
    The array a holds a_r, a_z and q. What x_t adds to n is an extra input.
    """

    title = "GRU"
    Saved, Partials = GruSaved, GruPartials
    gates = 3
    gate_names = ("reset gate", "update gate", "candidate")
    forget_gate = 1
    recurrent_bias = True
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.01), ("bias", "chrono"))
    extra_inputs = (1,)  # n
    n_saved = 1  # q
    columns = ("a_r", "a_z", "a_n")
    apart = (("a_n", "q"),)
    equations = (
        ("r", "sigmoid(a_r)"),
        ("z", "sigmoid(a_z)"),
        ("n", "tanh(a_n + r * q)"),
        ("h", "(1 - z) * n + z * h_prev"),
    )
    saved_as = (("q", "q"),)
    derivatives = (
        ("da_n", "dh * (1 - z) * (1 - n * n)"),
        ("dq", "da_n * r"),
        ("da_r", "da_n * q * r * (1 - r)"),
        ("da_z", "dh * (h_prev - n) * z * (1 - z)"),
    )
    direct_terms = (("h", "dh * z"),)
    torch_cell = "nn.GRUCell(INPUTS, HIDDEN)"

    def inputs(self, p: Params) -> tuple[tuple[Tensor, Tensor], ...]:
        """a gets (W_r, W_z, 0) with b + b_rec, where b_n is left out; n gets W_n with b_n."""
        W, b = p["W_in"].clone(), p["b"].clone()
        H = W.shape[-1] // 3
        W[..., 2 * H :] = 0
        b[..., 2 * H :] = 0
        return (W, b + p["b_rec"]), (p["W_in"][..., 2 * H :], p["b"][..., 2 * H :])

    def input_gradients(self, d: tuple[tuple[Tensor, Tensor], ...]) -> dict[str, Tensor]:
        """The columns of r and z from the gradients of a, those of n from the gradients of n. db_rec is the gradient of a."""
        import torch

        (dW, db), (dW_n, db_n) = d
        H = dW_n.shape[-1]
        return {"W_in": torch.cat((dW[..., : 2 * H], dW_n), -1), "b": torch.cat((db[..., : 2 * H], db_n), -1), "b_rec": db}

    def forward_views(self, *arrays: Tensor) -> GruSaved:
        """From a (T, R, B, 3 H), n and q (T, R, B, H)."""
        a, n, q = arrays
        r, z, a_q = a.chunk(3, -1)
        return GruSaved(a, r, z, a_q, n, q)

    def forward(self, p: Params, saved: GruSaved, s_prev: HiddenState, s: HiddenState) -> None:
        """n = tanh(a_n + sigma(a_r) q),  h = (1 - z) n + z h_{t-1} with z = sigma(a_z); (R, B, H) each."""
        import torch

        saved.q.copy_(saved.a_q)
        saved.a.sigmoid_()  # of all columns at once, which is faster; what it does to a_q is of no use and no harm
        saved.n.addcmul_(saved.r, saved.q).tanh_()
        torch.lerp(saved.n, s_prev.h, saved.z, out=s.h)

    def backward_views(self, *arrays: Tensor) -> GruPartials:
        """From da (T, R, B, 3 H) and da_n (T, R, B, H)."""
        da, da_n = arrays
        da_r, da_z, dq = da.chunk(3, -1)
        return GruPartials(da.unflatten(-1, (3, -1)), da_r, da_z, dq, da_n)

    def partials(self, p: Params, saved: GruSaved, s_prev: HiddenState, s: HiddenState, d: GruPartials) -> None:
        """The derivatives of h with the gates that each passes; (steps, R, B, H) each.

        dh/da_n = (1 - z) (1 - n^2)
        dh/dq = dh/da_n r
        dh/da_r = dh/dq q (1 - r)
        dh/da_z = (h_{t-1} - n) z (1 - z)
        """
        import torch

        torch.addcmul(saved.n.new_ones(()), saved.n, saved.n, value=-1, out=d.da_n)
        d.da_n.addcmul_(d.da_n, saved.z, value=-1)
        torch.mul(d.da_n, saved.r, out=d.dq)
        torch.mul(d.dq, saved.q, out=d.da_r)
        d.da_r.addcmul_(d.da_r, saved.r, value=-1)
        torch.sub(s_prev.h, saved.n, out=d.da_z).mul_(saved.z)  # not h - n, which cancels where z is small
        d.da_z.addcmul_(d.da_z, saved.z, value=-1)

    def backward(self, p: Params, saved: GruSaved, d: GruPartials, ds: HiddenState, ds_prev: HiddenState) -> None:
        """dL/da = dh dh/da for each column,  dh_{t-1} = dh z as far as it passes no W_rec; (R, B, H) each."""
        import torch

        d.da_rzq.mul_(ds.h.unsqueeze(-2))
        d.da_n.mul_(ds.h)
        torch.mul(ds.h, saved.z, out=ds_prev.h)
