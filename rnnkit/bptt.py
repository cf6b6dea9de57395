"""Backpropagation through time: the forward loop, the backward loop, and the Tape that they leave behind.

There is no autograd here: the cells bring their own derivatives, so dL/dh_t of every step is simply in our hands, and the
heatmap of the gradient costs nothing extra. What makes it fast: the inputs of all steps enter in one product, the cell
works in place on it, the elementwise derivatives of all steps are taken at once, and the weights' gradients come from one
product at the end. Storage is network-major, (R, T, B, .), seen time-first, (T, R, B, .): a step is then a batch of
contiguous matrices, and so is everything one network did in all steps.

Parameters, with the network axis R in front: W_in (R, I, G*H), W_rec (R, H, G*H), b (R, 1, G*H), W_out (R, H, O),
b_out (R, 1, O); b_rec (R, 1, G*H) for cells with a recurrent bias; leak (R, 1, 1) for the echo state network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnnkit.cells import Cell

Params = Mapping[str, Tensor]
Signal = Callable[[Tensor, int, int], Tensor]  # (dL/ds crossing from t to t - 1, t, T) -> the same, cut or changed


@dataclass
class Tape:
    """What one pass remembers. Lists have one entry a step; stacked tensors have T in front."""

    x: Tensor  # (T, R, B) symbols or (T, R, B, I) numbers
    a: Tensor  # (T, R, B, G*H) activations
    s: tuple[Tensor, ...]  # each part of the state, (T, R, B, H)
    cache: tuple[Tensor, ...]
    ds: tuple[Tensor, ...] = ()  # dL/ds_t, each part (T, R, B, H); total derivatives, as the backward pass used them
    da: Tensor = field(init=False, repr=False)  # dL/d(h_{t-1} W_rec), (T, R, B, G*H)
    da_in: Tensor = field(init=False, repr=False)  # dL/da_in, likewise; the same tensor unless a gate stands between

    @property
    def h(self) -> Tensor:
        return self.s[0]


def project(p: Params, x: Tensor) -> Tensor:
    """x_t W_in + b for all steps, (T, R, B, G*H) on network-major storage. Symbols pick rows of W_in."""
    W, b = p["W_in"], p["b"]
    T, R, B = x.shape[:3]
    if x.dtype == torch.int64:
        offset = torch.arange(R, device=x.device)[:, None, None] * W.shape[1]
        rows = (x.transpose(0, 1) + offset).flatten()
        a = (W + b).flatten(0, 1).index_select(0, rows)  # the bias enters the table, not every step
    else:
        a = torch.baddbmm(b, x.transpose(0, 1).flatten(1, 2), W)
    return a.view(R, T, B, -1).transpose(0, 1)


def forward(cell: Cell, p: Params, x: Tensor) -> Tape:
    """Runs the cell over x from the zero state."""
    a = project(p, x)
    R, B = x.shape[1:3]
    s = tuple(a.new_zeros(R, B, p["W_rec"].shape[1]) for _ in cell.parts)
    steps = a.unbind(0)
    states, caches = [], []
    for a_t in steps:
        s, cache = cell.forward(p, a_t, s)
        states.append(s)
        caches.append(cache)
    in_place = states[0][0] is steps[0]  # the state stands where the input stood: already stacked
    parts = [a] if in_place else [_stack(part) for part in zip(*states, strict=True)]
    return Tape(x, a, tuple(parts), tuple(_stack(part) for part in zip(*caches, strict=True)))


def readout(p: Params, h: Tensor) -> Tensor:
    """z = h W_out + b_out for steps h (K, R, B, H) -> (K, R, B, O)."""
    return torch.matmul(h, p["W_out"]) + p["b_out"]


def backward(cell: Cell, p: Params, tape: Tape, dz: Tensor, signals: Sequence[Signal] = ()) -> None:
    """Fills tape.ds, tape.da and tape.da_in from dz = dL/dz of the last K steps (K, R, B, O)."""
    T, K = len(tape.a), len(dz)
    s_prev = tuple(_shifted(part) for part in tape.s)
    partials = cell.partials(p, tape.a, s_prev, tape.s, tape.cache)
    steps = list(zip(*(part.unbind(0) for part in partials), strict=True))
    direct = torch.matmul(dz, p["W_out"].mT).unbind(0)  # dL/dh_t through this step's own loss
    zeros = tuple(torch.zeros_like(tape.s[0][0]) for _ in cell.parts)
    ds = zeros
    ds_all: list[tuple[Tensor, ...]] = []
    da_all: list[Tensor] = []
    for t in range(T - 1, -1, -1):
        if t >= T - K:
            ds = (ds[0] + direct[t - T + K], *ds[1:])
        ds_all.append(ds)
        ds, da = cell.backward(p, ds, steps[t])
        da_all.append(da)
        for signal in signals:
            ds = tuple(signal(part, t, T) for part in ds)
    tape.ds = tuple(_stack(part[::-1]) for part in zip(*ds_all, strict=True))
    tape.da = _stack(da_all[::-1])
    tape.da_in = cell.input_gradient(tape.da, tape.ds, partials)


def gradients(cell: Cell, p: Params, tape: Tape, dz: Tensor) -> dict[str, Tensor]:
    """dL/dtheta of every weight after `backward`. The sum over time is one product: dW_rec = sum_t h_{t-1}^T da_t, ..."""
    h_out = tape.h[len(tape.h) - len(dz) :]
    grads = {
        "W_in": _input_gradient(p["W_in"], tape.x, _rows(tape.da_in)),
        "W_rec": _rows(_shifted(tape.h)).mT @ _rows(tape.da),
        "b": tape.da_in.sum((0, 2)).unsqueeze(1),
        "W_out": _rows(h_out).mT @ _rows(dz),
        "b_out": dz.sum((0, 2)).unsqueeze(1),
    }
    if cell.recurrent_bias:
        grads["b_rec"] = tape.da.sum((0, 2)).unsqueeze(1)
    return grads


def _input_gradient(W: Tensor, x: Tensor, da: Tensor) -> Tensor:
    if x.dtype != torch.int64:
        return _rows(x).mT @ da
    dW = torch.zeros_like(W)
    for r, symbols in enumerate(x.transpose(0, 1).flatten(1)):
        dW[r].index_add_(0, symbols, da[r])
    return dW


def _stack(steps: Sequence[Tensor]) -> Tensor:
    """T tensors (R, B, .) -> (T, R, B, .) on network-major storage."""
    return torch.stack(tuple(steps), 1).transpose(0, 1)


def _shifted(part: Tensor) -> Tensor:
    """s_{t-1} for every t, from the zero state on."""
    return _stack((torch.zeros_like(part[0]), *part[:-1].unbind(0)))


def _rows(part: Tensor) -> Tensor:
    """(T, R, B, .) -> (R, T*B, .): everything one network did, as the rows of one matrix."""
    return part.transpose(0, 1).flatten(1, 2)
