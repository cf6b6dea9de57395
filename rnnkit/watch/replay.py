"""Backpropagation through time of one recurrent layer from the states that it has computed, with the formulas of rnnkit's cells.

A layer's own output gives h_t of every step, so that no step is computed anew: all pre-activations follow from one product,
a_t = x_t W_in + b + h_{t-1} W_rec, and rounding cannot drive the states away from those of the layer, as it would in a chaotic
network. The cells' partials and backward (rnnkit.engine.cells) then give dL/dh_t and dL/dc_t.

Directions are the leading axis D, each in its own order of time: the reverse direction begins with the last input. Sequences of
different lengths are aligned at their first step. Behind a sequence's end every gradient is 0. Shapes: x (D, T, B, I),
h (D, T + 1, B, P) with the initial state in front, c (D, T + 1, B, H), a (D, T, B, G H), W_in (D, I, G H), W_rec (D, P, G H).
P = H, or the size of an LSTM's projection, r_t = (o_t tanh(c_t)) W_proj, which is what its layer calls h_t.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnkit.engine.cells import Cell
from rnnkit.engine.cells.lstm import LstmSaved


class Layer(NamedTuple):
    """One layer, both of its directions, and what it has computed in one forward pass."""

    name: str  # as torch names its weights: `encoder.l0`
    cell: Cell
    p: Mapping[str, Tensor]  # W_in, W_rec, b (D, 1, G H); b_rec (D, 1, G H) of a GRU, W_proj (D, H, P) of an LSTM with projection
    x: Tensor
    h: Tensor
    c0: Tensor | None  # (D, B, H) of an LSTM
    lengths: Tensor | None  # (B,) int64 of sequences; None: all have T steps

    @property
    def T(self) -> int:
        return self.x.shape[1]

    @property
    def last(self) -> Tensor:
        """The last step of each sequence, (B,) int64."""
        B, device = self.x.shape[2], self.x.device
        return torch.full((B,), self.T - 1, device=device) if self.lengths is None else self.lengths - 1


class Direct(NamedTuple):
    """The gradient that enters a layer from outside: from the loss, the layer above, or a later use of its final state."""

    h: Tensor  # (D, T, B, P) dL/dh_t, with that of the final state h_n at each sequence's last step
    c: Tensor | None  # (D, B, H) dL/dc_n, which enters at each sequence's last step; None where there is none

    def states(self) -> Tensor:
        """dL/dh_t (D, T + 1, B, P) as far as it enters from outside: 0 for the initial state, in front."""
        return torch.cat((torch.zeros_like(self.h[:, :1]), self.h), 1)

    def cells(self, layer: Layer) -> Tensor:
        """dL/dc_t (D, T + 1, B, H) as far as it enters from outside."""
        assert layer.c0 is not None
        D, B, H = layer.c0.shape
        dc = layer.c0.new_zeros(D, layer.T + 1, B, H)
        if self.c is not None:
            dc[:, layer.last + 1, torch.arange(B, device=dc.device)] = self.c
        return dc

    def only(self, entry: Tensor, last: Tensor) -> Direct:
        """What enters at these steps, entry (D, B), and nowhere else."""
        t = torch.arange(self.h.shape[1], device=entry.device)[:, None]
        h = self.h * (t == entry[:, None]).unsqueeze(-1)
        return Direct(h, None if self.c is None else self.c * (entry == last).unsqueeze(-1))


@dataclass
class Activations:
    """The forward quantities of all steps, as the cell's partials take them."""

    inputs: Tensor  # x_t and h_{t-1} side by side, (D, T, B, I + P): what a takes
    entered: tuple[Tensor, ...]  # a, and the cell's extra inputs
    saved: Any  # cell.Saved
    s_prev: Any  # cell.State: s_{t-1}
    s: Any  # cell.State: s_t; h before the projection


@dataclass
class Gradients:
    """Total derivatives of every step and the gradients of the weights."""

    dh: Tensor  # (D, T + 1, B, P) dL/dh_t, that of the initial state in front
    dc: Tensor | None  # (D, T + 1, B, H) dL/dc_t
    entered: tuple[Tensor, ...]  # dL/da (D, T, B, G H), and the gradients of the extra inputs
    dh_inner: Tensor | None  # (D, T, B, H) dL/d(o tanh(c)) of an LSTM with projection

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """dL/ds_t of each part of the state, (D, T, B, .)."""
        return tuple(part[:, 1:] for part in (self.dh, self.dc) if part is not None)


def activations(layer: Layer) -> Activations:
    """Computes gates and cell states of all steps from x and h."""
    cell, p, h_prev = layer.cell, layer.p, layer.h[:, :-1]
    (W_in, b), *others = cell.inputs(p)
    inputs = torch.cat((layer.x, h_prev), -1)
    entered = (_product(inputs, torch.cat((W_in, p["W_rec"]), 1), b), *(_product(layer.x, W, b) for W, b in others))
    a = entered[0]
    D, T, B, width = a.shape
    H = width // cell.gates
    saved = cell.forward_views(*entered, *(a.new_empty(D, T, B, H) for _ in range(cell.n_saved)))
    h = a if cell.in_place else a.new_empty(D, T, B, H)
    if layer.c0 is None:  # elementwise, given h_{t-1}
        s_prev, s = cell.State(h_prev), cell.State(h)
        cell.forward(p, saved, s_prev, s)
        return Activations(inputs, entered, saved, s_prev, s)
    c = a.new_empty(D, T + 1, B, H)
    c[:, 0] = layer.c0
    _lstm_states(saved, c, h)
    return Activations(inputs, entered, saved, cell.State(h_prev, c[:, :-1]), cell.State(h, c[:, 1:]))


def _lstm_states(saved: LstmSaved, c: Tensor, h: Tensor) -> None:
    """Lstm.forward for all steps: only c_t = f_t c_{t-1} + i_t g_t needs the step before. Overwrites a with the gates."""
    _tanh(saved.a_g, saved.g)
    saved.a.sigmoid_()
    torch.mul(saved.i, saved.g, out=c[:, 1:])
    c_prev, *later = c.unbind(1)
    for c_t, f in zip(later, saved.f.unbind(1), strict=True):
        c_t.addcmul_(f, c_prev)
        c_prev = c_t
    torch.mul(saved.o, _tanh(c[:, 1:], saved.tanh_c), out=h)


def _tanh(x: Tensor, out: Tensor) -> Tensor:
    """tanh(x) = (e^(2x) - 1) / (e^(2x) + 1), to two roundings also where x is small, in two thirds of the time of torch.tanh."""
    torch.mul(x, 2, out=out).clamp_(max=40).expm1_()  # from there on tanh(x) rounds to 1
    return out.div_(out + 2)


def partials(layer: Layer, act: Activations) -> tuple[tuple[Tensor, ...], Any]:
    """Arrays for dL/da and the extra inputs, and the cell's views of them, filled with its elementwise derivatives."""
    cell = layer.cell
    arrays = [torch.empty_like(entered) for entered in act.entered]
    arrays += [act.s[0].new_empty(act.s[0].shape) for _ in range(cell.n_partials)]
    d = cell.backward_views(*arrays)
    cell.partials(layer.p, act.saved, act.s_prev, act.s, d)
    return tuple(arrays[: len(act.entered)]), d


def backward(layer: Layer, act: Activations, direct: Direct) -> Gradients:
    """Runs back through all steps. dL/dc_t is the total derivative, with the path through h_t."""
    if layer.c0 is not None:
        return _lstm_backward(layer, act, direct)
    cell, p = layer.cell, layer.p
    entered, d = partials(layer, act)
    W_back, dh = p["W_rec"].mT.contiguous(), direct.states()
    ds = [cell.State(h) for h in dh.unbind(1)]
    each = list(zip(entered[0].unbind(1), _steps(act.saved), _steps(d), ds[1:], ds, direct.h.unbind(1), strict=False))
    overwritten = cell.has_direct_path  # backward overwrites what entered the step before
    for t in range(layer.T - 1, -1, -1):
        da, saved, partial, ds_t, ds_prev, _ = each[t]
        cell.backward(p, saved, partial, ds_t, ds_prev)
        ds_prev[0].baddbmm_(da, W_back)
        if overwritten and t:
            ds_prev[0].add_(each[t - 1][-1])
    return Gradients(dh, None, entered, None)


def _lstm_backward(layer: Layer, act: Activations, direct: Direct) -> Gradients:
    """Lstm.backward for all steps, with few calls for each: torch's own LSTM is a single one.

    f dL/dc_t = dL/dc_{t-1} lies beside dL/da_i, dL/da_f and dL/da_g, so that one call multiplies all four with dL/dc_t.
    """
    p, W_proj = layer.p, layer.p.get("W_proj")
    f, (D, T, B, H) = act.saved.f, act.saved.f.shape
    products = f.new_empty(D, T + 1, B, 5, H)  # dc_{t-1}, da_i, da_f, da_g, da_o of t; behind the last step dc_T alone
    dc, of_c, da = products[..., 0, :], products[:, :-1, :, :4], products[:, :-1, :, 1:].flatten(-2)
    d = layer.cell.backward_views(da, torch.empty_like(f))
    layer.cell.partials(p, act.saved, act.s_prev, act.s, d)
    dc[:, :-1] = f
    dc[:, -1] = 0
    enters = None if direct.c is None else direct.cells(layer).unbind(1)
    dh, W_back = direct.states(), p["W_rec"].mT.contiguous()
    dh_inner = None if W_proj is None else torch.empty_like(act.s.h)
    h, c, wide = dh.unbind(1), dc.unbind(1), products[..., :1, :].unbind(1)
    inner = h[1:] if dh_inner is None else dh_inner.unbind(1)
    each = list(zip(h, h[1:], inner, c[1:], wide[1:], *(array.unbind(1) for array in (da, of_c, d.da_o, d.dh_dc)), strict=False))
    for t in range(T - 1, -1, -1):
        h_prev, h_t, h_inner, c_t, c_wide, da_t, of_c_t, da_o_t, dh_dc = each[t]
        if W_proj is not None:
            torch.matmul(h_t, W_proj.mT, out=h_inner)
        if enters is not None:
            c_t.add_(enters[t + 1])
        c_t.addcmul_(h_inner, dh_dc)
        of_c_t.mul_(c_wide)
        da_o_t.mul_(h_inner)
        h_prev.baddbmm_(da_t, W_back)
    return Gradients(dh, dc, (da,), dh_inner)


def weight_gradients(layer: Layer, act: Activations, g: Gradients) -> dict[str, Tensor]:
    """dL/dtheta by the names of p: dW_rec = sum_t h_{t-1}^T da_t, and so on."""
    da, *others = g.entered
    sizes = layer.x.shape[-1], layer.h.shape[-1]
    dW_in, dW_rec = _sum_of_products(act.inputs, da).split(sizes, 1)
    products = dW_in, *(_sum_of_products(layer.x, d) for d in others)
    pairs = tuple((dW, d.sum((1, 2)).unsqueeze(1)) for dW, d in zip(products, g.entered, strict=True))
    found = layer.cell.input_gradients(pairs) | {"W_rec": dW_rec}
    if g.dh_inner is not None:
        found["W_proj"] = _sum_of_products(act.s[0], g.dh[:, 1:])
    return found


def input_gradient(layer: Layer, g: Gradients) -> Tensor:
    """dL/dx_t of each direction, (D, T, B, I)."""
    return sum(_product(d, W.mT, d.new_zeros(())) for (W, _), d in zip(layer.cell.inputs(layer.p), g.entered, strict=True))  # type: ignore[return-value]


def entry_steps(layer: Layer, direct: Direct) -> tuple[Tensor, Tensor]:
    """The last step at which a gradient enters, (D, B), -1 where none does, and at how many steps one does, (D, B)."""
    enters = (direct.h != 0).any(-1)  # (D, T, B)
    if direct.c is not None:
        at_end = torch.arange(layer.T, device=enters.device)[:, None] == layer.last
        enters |= at_end & (direct.c != 0).any(-1).unsqueeze(1)
    t = torch.arange(layer.T, device=enters.device)[:, None]
    return torch.where(enters, t, -1).amax(1), enters.sum(1)


def aligned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """(T, B, F) in the order of the reverse direction, or back: each sequence's steps in opposite order, its end where it was."""
    if lengths is None:
        return x.flip(0)
    t = torch.arange(len(x), device=x.device)[:, None]
    index = torch.where(t < lengths, lengths - 1 - t, t)
    return x.gather(0, index.unsqueeze(-1).expand_as(x))


def _product(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """x_t W + b for all steps, (D, T, B, .), by one product for each direction."""
    D, T, B, _ = x.shape
    return torch.baddbmm(b, x.reshape(D, T * B, -1), W).view(D, T, B, -1)


def _sum_of_products(x: Tensor, d: Tensor) -> Tensor:
    """sum_t x_t^T d_t, (D, ., .)."""
    return torch.bmm(x.flatten(1, 2).mT, d.flatten(1, 2))


def _steps(stacks: Any) -> list[Any]:
    """A named tuple of arrays (D, T, B, .) -> for every step the same of its views."""
    return [stacks._make(views) for views in zip(*(stack.unbind(1) for stack in stacks), strict=True)]
