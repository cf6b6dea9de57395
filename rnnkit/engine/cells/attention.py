"""The tanh cell whose readout attends to all of its states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnnkit.engine.cells.base import Cell, Params

if TYPE_CHECKING:
    from torch import Tensor

MODULE = '''\
class AttentionCell(nn.RNNCell):
    """torch.nn has no such cell: its RNNCell, whose states r are averaged with weights exp(q r)."""

    def forward(self, x, state):
        h, r, n = state
        r = super().forward(x, r)
        w = torch.exp(self.q * r)
        n = n + w
        return h + (r - h) * w / (1 + n), r, n


'''


class AttentionState(NamedTuple):
    """s_t, and its gradient dL/ds_t; (R, B, H) each."""

    h: Tensor
    r: Tensor
    n: Tensor


class AttentionSaved(NamedTuple):
    """What the forward step works on and saves."""

    a: Tensor  # (R, B, H), as the next
    w: Tensor


class AttentionPartials(NamedTuple):
    """da is dr/da after `partials` and dL/da after `backward`; the others are the partial derivatives of their names."""

    da: Tensor  # (R, B, H), as all that follow
    dh_dn: Tensor
    dh_dr: Tensor
    dn_dr: Tensor
    dh_dh_prev: Tensor


class Attention(Cell[AttentionState, AttentionSaved, AttentionPartials]):
    """r_t = tanh(x_t W_in + r_{t-1} W_rec + b);  h_t = sum_s alpha_s r_s over s = 0 ... t with alpha = softmax_s(q r_s), r_0 = 0.

    Step by step, with the initial state's weight of 1: w_t = exp(q r_t);  n_t = n_{t-1} + w_t;
    h_t = h_{t-1} + (r_t - h_{t-1}) w_t / (1 + n_t). The readout takes h_t, so every state r_s reaches it past all states between.
    Each unit attends by itself, with one query q (1, H) that depends on no input, as in attention-free transformers (Zhai et al.
    2021, there with keys); q = 0, as drawn, is the mean. dL/dr_t and dL/dn_t are total derivatives, with the path through h_t.
    """

    title = "tanh with attention over its states"
    State, Saved, Partials = AttentionState, AttentionSaved, AttentionPartials
    recurrent_part = 1
    memory = 1
    own_weights = ("q",)
    not_in_panels = "another cell, not a remedy for the one at hand"
    n_saved = 1  # w
    n_partials = 4  # dh_dn, dh_dr, dn_dr, dh_dh_prev
    equations = (
        ("r", "tanh(a)"),
        ("w", "exp(q * r)"),
        ("n", "n_prev + w"),
        ("h", "h_prev + (r - h_prev) * w / (1 + n)"),
    )
    derivatives = (
        ("dn", "dn - dh * (h - h_prev) / (1 + n)"),  # what comes from the next step, and the path through h
        ("dw", "dn + dh * (r - h_prev) / (1 + n)"),
        ("dr", "dr + dh * w / (1 + n) + dw * q * w"),
        ("da", "dr * (1 - r * r)"),
    )
    direct_terms = (("h", "dh * (1 - w / (1 + n))"), ("n", "dn"))
    own_terms = (("q", "dw * w * r"),)
    torch_cell = "AttentionCell(INPUTS, HIDDEN)"
    torch_class = MODULE
    torch_own_weights = "q = np.zeros(HIDDEN)"

    def draw(self, e: Any, rng: np.random.Generator, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """q (1, H) = 0."""
        return {"q": np.zeros((1, e.hidden))}

    def forward(self, p: Params, saved: AttentionSaved, s_prev: AttentionState, s: AttentionState) -> None:
        """r = tanh(a),  w = exp(q r),  n = n_{t-1} + w,  h = h_{t-1} + (r - h_{t-1}) w / (1 + n); (R, B, H) each."""
        import torch

        torch.tanh(saved.a, out=s.r)
        torch.mul(s.r, p["q"], out=saved.w).exp_()
        torch.add(s_prev.n, saved.w, out=s.n)
        torch.lerp(s_prev.h, s.r, saved.w / (1 + s.n), out=s.h)

    def partials(self, p: Params, saved: AttentionSaved, s_prev: AttentionState, s: AttentionState, d: AttentionPartials) -> None:
        """With alpha = w / (1 + n), of a block (steps, R, B, H): dr/da = 1 - r^2;  dh/dn = -(h - h_{t-1}) / (1 + n) with w held;
        dn/dr = dw/dr = q w;  dh/dr = alpha + (r - h_{t-1}) q w / (1 + n) with n held;  dh/dh_{t-1} = 1 - alpha.
        """
        import torch

        total = 1 + s.n
        torch.addcmul(s.r.new_ones(()), s.r, s.r, value=-1, out=d.da)
        torch.sub(s_prev.h, s.h, out=d.dh_dn).div_(total)
        torch.mul(saved.w, p["q"], out=d.dn_dr)
        torch.sub(s.r, s_prev.h, out=d.dh_dr).mul_(d.dn_dr).add_(saved.w).div_(total)
        torch.div(saved.w, total, out=d.dh_dh_prev).neg_().add_(1)

    def backward(
        self, p: Params, saved: AttentionSaved, d: AttentionPartials, ds: AttentionState, ds_prev: AttentionState
    ) -> None:
        """dn <- dn + dh dh/dn,  dr <- dr + dh dh/dr + dn dn/dr,  dL/da = dr dr/da,  dh_{t-1} = dh dh/dh_{t-1},  dn_{t-1} = dn."""
        import torch

        ds.n.addcmul_(ds.h, d.dh_dn)
        ds.r.addcmul_(ds.h, d.dh_dr).addcmul_(ds.n, d.dn_dr)
        d.da.mul_(ds.r)
        torch.mul(ds.h, d.dh_dh_prev, out=ds_prev.h)
        ds_prev.n.copy_(ds.n)

    def own_gradients(
        self,
        p: Params,
        saved: AttentionSaved,
        s_prev: AttentionState,
        s: AttentionState,
        d: AttentionPartials,
        ds: AttentionState,
    ) -> dict[str, Tensor]:
        """dL/dq = sum over steps and sequences of dL/dw w r, (R, 1, H)."""
        dw = ds.n + ds.h * (s.r - s_prev.h) / (1 + s.n)
        return {"q": (dw * saved.w * s.r).sum((0, 2)).unsqueeze(1)}
