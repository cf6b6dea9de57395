"""Measures the gradient through time on a tape: norms, slopes, gates and Jacobians."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Tape
from rnnkit.engine.cells import Cell
from rnnkit.engine.record import ABSENT

Params = Mapping[str, Tensor]
FLAT = 0.02  # share of its steepest slope below which a unit counts as saturated
CACHED = 2**18  # numbers that are scaled at once: they are still in the cache when their norm is taken


def state_gradient_norms(tape: Tape) -> np.ndarray:
    """(P, T, R): ||dL/ds_t|| over batch and units for each part of the state.

    In float32 a square underflows at 1e-23 although the gradient itself lives on to 1e-38, so small and huge values are
    scaled by a power of two first: only a true zero is reported as zero. Where some sequences have not begun, the norm is that
    of the others times sqrt(B / their number), so that it does not fall because there are fewer. Where none has, ABSENT.
    """
    found = tape.norms
    norms = np.stack([_norm(part) for part in tape.ds]) if found is None else found
    if tape.padding:
        first, mask = tape.padding.first, tape.padding.mask
        share = mask.mean((2, 3)).cpu().numpy()  # (n, R) of the sequences that have begun
        some = norms[:, first : first + len(mask)]
        some[:] = np.where(share > 0, some / np.sqrt(np.where(share > 0, share, 1)), ABSENT)
        norms[:, :first] = ABSENT
    return norms


def _norm(ds: Tensor) -> np.ndarray:
    """(T, R) from (T, R, B, H)."""
    flat = ds.flatten(2)
    norm = torch.linalg.vector_norm(flat, dim=-1).cpu().numpy()
    exponent = 80 if norm.dtype == np.float32 else 700
    small, large = norm < 2.0 ** (-0.6 * exponent), norm > 2.0 ** (0.6 * exponent)
    for which, scale in ((small, 2.0**exponent), (large, 2.0**-exponent)):
        steps = np.flatnonzero(which.any(1))
        if len(steps):
            piece = slice(steps[0], steps[-1] + 1)  # a vanishing gradient is small in one piece
            parts = flat[piece].split(max(1, CACHED // flat[0].numel()))
            scaled = torch.cat([torch.linalg.vector_norm(part * scale, dim=-1) for part in parts]).cpu().numpy()
            with np.errstate(over="ignore"):
                norm[piece][which[piece]] = (scaled / norm.dtype.type(scale))[which[piece]]
    return norm


def paths(cell: Cell, p: Params, tape: Tape, source: int) -> dict[str, np.ndarray]:
    """How far slopes and gates let the gradient through from the last step back to `source`, each (R,); NaN for other cells.

    Of cells with h = phi(a) or its leaky form, over time, batch and units:
    flat: the share of slopes phi'(a_t) below FLAT of the steepest one: tanh |h| > .99, sigmoid h < .005 or > .995, ReLU off;
    blocked: the share of sequences without any path, because at some step after `source` all slopes are exactly 0 (no ReLU is
        on; a tanh so saturated that 1 - h^2 rounds to 0), or W_rec is 0; NaN where the state is carried past W_rec as well.
    Of gated cells: gate, the mean of the gate that keeps the memory: 1 keeps it and its gradient, 0 erases both.
    Steps before a sequence has begun do not count.
    """
    found = dict.fromkeys(("flat", "blocked", "gate"), np.full(len(p["W_out"]), np.nan))
    if cell.forget_gate is not None:
        return found | {"gate": _mean_of_begun(tape, openness(cell, tape).mean(-1))}
    if cell.max_slope is None:
        return found
    limit = FLAT * cell.max_slope * p.get("leak", 1.0)
    # 0 and 1 at once: a bool is converted slowly
    flat = torch.cat([torch.lt(slope, limit, out=slope).mean(-1) for (slope,) in tape.partials()])
    found["flat"] = _mean_of_begun(tape, flat)
    if not cell.has_direct_path or ("leak" in p and bool((p["leak"] == 1).all())):
        no_way = torch.zeros_like(flat[0], dtype=torch.bool)
        if flat.max() == 1:  # only there can all slopes be 0
            shut = torch.cat([_is_zero(slope) for (slope,) in tape.partials()])
            if tape.padding:
                shut[: tape.first] = False
                shut[tape.first :] &= tape.begun[..., 0] > 0
            no_way = shut[source + 1 :].any(0)
        if not cell.builds_matrix:
            no_way |= _is_zero(p["W_rec"].flatten(1))[:, None]
        found["blocked"] = no_way.double().mean(1).cpu().numpy()
    return found


def _is_zero(values: Tensor) -> Tensor:
    """(...,) whether all numbers of the last axis are 0. torch takes ten times as long for (values == 0).all(-1)."""
    return values.abs().amax(-1) == 0


def _mean_of_begun(tape: Tape, values: Tensor) -> np.ndarray:
    """(T, R, B) -> (R,), without the steps before a sequence has begun."""
    values = values[tape.first :].double()
    if not tape.padding:
        return values.mean((0, 2)).cpu().numpy()
    there = tape.begun[..., 0].double()
    return ((values * there).sum((0, 2)) / there.sum((0, 2))).cpu().numpy()


def spectral_radius(W_rec: Tensor) -> np.ndarray:
    """(R,): the largest |eigenvalue| of each square W_rec (R, H, H); NaN where it holds a NaN or inf."""
    W = W_rec.detach().cpu().double().numpy()
    sound = np.isfinite(W).all((1, 2))
    radius = np.full(len(W), np.nan)
    radius[sound] = np.abs(np.linalg.eigvals(W[sound])).max(-1) if sound.any() else radius[sound]
    return radius


def slopes(cell: Cell, p: Params, tape: Tape) -> Tensor:
    """phi'(a_t) of every unit, (T, R, B, H), of a cell with h_t = phi(a_t) or its leaky form."""
    return torch.cat([slope / p.get("leak", 1.0) for (slope,) in tape.partials()])  # the leak is no part of phi


def openness(cell: Cell, tape: Tape) -> Tensor:
    """The gate that keeps the memory, (T, R, B, H): 1 copies it, 0 forgets it. The absolute value of one that has a sign."""
    assert cell.forget_gate is not None
    gate = tape.forward_arrays.entered[0].unflatten(-1, (cell.gates, -1))[..., cell.forget_gate, :]
    return gate.abs() if cell.signed_gate else gate


def jacobians(cell: Cell, p: Params, tape: Tape) -> tuple[Tensor, Tensor]:
    """J and C, each (T, S, S) with S = lag P H: the chain rule of every single step of one network on one sequence.

    The parts of the state stand side by side, ds = (dh, dc, ...); of a cell with a short cut those of the last `lag` steps, the
    latest first, since together they decide about the next one. Let ds_t be what step t + 1 and the loss hand to s_t. Then
    ds_{t-1} = ds_t J_t, where J_t[j, i] = d s_t[j] / d s_{t-1}[i] (for h = tanh(a): J_t = diag(1 - h_t^2) W_rec^T), and
    ds_t C_t is the total derivative that tape.ds holds: C_t = 1, but where one part depends on another at the same step
    (LSTM: h on c), C_t adds that path. All steps are taken side by side, as the batch of a single step.
    """
    T, H = tape.T, p["W_out"].shape[1]
    now, S = len(cell.parts) * H, cell.state_width * H
    s_prev = tuple(part[:-1, 0, 0].unfold(0, T, 1).permute(0, 2, 1) for part in tape.forward_arrays.states)
    one = bptt.forward(cell, p, tape.x.transpose(0, 2), s0=s_prev)
    (block,) = one.backward_arrays.blocks
    ((_, da, saved, d, ds, ds_prev),) = block.steps
    J, C = p["W_out"].new_zeros(2, T, S, S)
    J.diagonal(-now, 1, 2).fill_(1)  # the states before become those before one step earlier
    C.diagonal(0, 1, 2).fill_(1)
    for j in range(now):
        for part in ds:
            part.zero_()
        ds[j // H][..., j % H] = 1
        cell.partials(one.derived, *block.stacks)
        cell.backward(one.derived, saved, d, ds, ds_prev)
        for k, M in one.products:
            ds_prev[k].baddbmm_(da, M.mT, beta=float(cell.has_direct_term(k)))
        J[:, j, :now], C[:, j, :now] = torch.cat(ds_prev, -1)[0], torch.cat(ds, -1)[0]
        for k, M in one.delayed:
            J[:, j, S - now :][:, k * H : (k + 1) * H] += (da @ M.mT)[0]
    return J, C
