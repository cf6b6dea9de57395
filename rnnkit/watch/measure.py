"""Measures a replay: norms over time, the check against the layer's own gradient, shares by lag, and what a verdict needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine.cells import CELLS
from rnnkit.engine.probes import FLAT, spectral_radius
from rnnkit.watch import replay
from rnnkit.watch.call import DIRECTIONS, Call, Unrolled
from rnnkit.watch.recorder import WeightGradient
from rnnkit.watch.replay import Activations, Direct, Gradients, Layer
from rnnkit.watch.run import Finding, Profile

TF32 = 1e-2  # of float32 on a GPU, where cuDNN may round factors to 10 bits
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.float16: 5e-3, torch.bfloat16: 2e-2}  # of the check, by dtype
MAX_LAGS = 100  # that are told apart where a gradient enters at several steps: each costs another backward pass


@dataclass(frozen=True)
class Seen:
    """A layer's states and the gradient that entered it, of one call: all that a later replay needs."""

    call: int
    layer: Layer
    direct: Direct
    cut: bool
    scale: float


@dataclass
class Checked:
    """The replayed gradient of a layer's weights beside its own."""

    error: float  # ||replayed - own|| / max(||own||, ||replayed||) over all weights of the layer; NaN where own is not finite
    tolerance: float
    agrees: bool


def replay_calls(
    step: int, calls: Sequence[Call], weights: dict[int, WeightGradient]
) -> tuple[list[Profile], dict[str, Checked], list[Seen]]:
    """Replays the calls of one training step, layers from the highest to the lowest."""
    profiles: list[Profile] = []
    seen: list[Seen] = []
    sums: dict[int, Tensor] = {}
    of_layer: dict[str, tuple[set[int], float]] = {}
    for call in calls:
        unrolled, above = Unrolled(call), None
        first, start = call, 0
        while first.earlier is not None:
            first = first.earlier
            start += first.shape.T
        cut = first.carried
        here: list[Seen] = []
        for i in range(unrolled.L - 1, -1, -1):
            layer, direct = unrolled.layers[i], unrolled.direct(i, above)
            act = replay.activations(layer)
            g = replay.backward(layer, act, direct)
            gradients = replay.weight_gradients(layer, act, g)
            ids, _ = of_layer.setdefault(layer.name, (set(), _tolerance(call, unrolled.dtype)))
            for weight, name, d in unrolled.weights(i):
                if id(weight) in weights:
                    ids.add(id(weight))
                    grad = gradients[name][d][0] if name.startswith("b") else gradients[name][d].T
                    sums[id(weight)] = sums.get(id(weight), 0) + grad
            if i:
                above = unrolled.below(replay.input_gradient(layer, g))
            here.append(Seen(first.index, _owned(layer), direct, cut, call.scale))
            profiles += _profiles(step, here[-1], g, start)
        seen += reversed(here)
    checks = {name: _check(ids, sums, weights, tolerance) for name, (ids, tolerance) in of_layer.items()}
    return sorted(profiles, key=lambda p: (p.layer, p.call, p.start)), checks, sorted(seen, key=lambda s: (s.layer.name, s.call))


def _tolerance(call: Call, dtype: torch.dtype) -> float:
    on_gpu = call.device_type == "cuda" and dtype == torch.float32 and call.low is None
    return TF32 if on_gpu else TOLERANCE[call.low or dtype]


def _owned(layer: Layer) -> Layer:
    """The layer without views of the user's tensors, which may change before a later replay."""
    return layer._replace(x=layer.x.clone(), c0=None if layer.c0 is None else layer.c0.clone())


def _check(ids: set[int], sums: dict[int, Tensor], weights: dict[int, WeightGradient], tolerance: float) -> Checked:
    """Compares all weights of a layer that have a gradient. A layer without any does not agree."""
    pairs = [(sums[i], own) for i in ids if (own := weights[i].sum) is not None]
    if not pairs:
        return Checked(float("nan"), tolerance, False)
    norms = torch.stack([torch.stack([_norm(ours), _norm(own), _norm(ours - own)]) for ours, own in pairs]).norm(dim=0)
    norm, own_norm, difference = norms.tolist()
    if not math.isfinite(norm + own_norm):  # no number to compare: both have to be so
        finite = [all(bool(w.isfinite().all()) for w in side) for side in zip(*pairs, strict=True)]
        return Checked(float("nan"), tolerance, not any(finite))
    largest = max(norm, own_norm)
    error = difference / largest if largest else 0.0
    return Checked(error, tolerance, error <= tolerance)


def _norm(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dtype=torch.float64)


def _profiles(step: int, s: Seen, g: Gradients, start: int) -> Iterator[Profile]:
    for part, ds in zip(s.layer.cell.parts, g.parts, strict=True):
        for d, of_d in enumerate(ds):
            in_order = replay.aligned(of_d, s.layer.lengths) if d else of_d
            norm = torch.linalg.vector_norm(in_order, dim=(1, 2), dtype=torch.float64).cpu().numpy() / s.scale
            yield Profile(step, s.layer.name, DIRECTIONS[d], part, s.call, start, s.cut and not start and d == 0, norm)


# ---- for verdict and lags


def findings(step: int, seen: Sequence[Seen]) -> tuple[Finding, ...]:
    """Measures every layer and direction anew from its states: norms and shares by lag, gates, slopes, W_rec."""
    return tuple(f for s in seen for f in _findings(step, s))


def _findings(step: int, s: Seen) -> Iterator[Finding]:
    layer, cell = s.layer, s.layer.cell
    act = replay.activations(layer)
    entry, count = replay.entry_steps(layer, s.direct)
    several = bool((count > 1).any())
    g = replay.backward(layer, act, s.direct)
    alone = replay.backward(layer, act, s.direct.only(entry, layer.last)) if several else g
    shares, beyond = lag_shares(layer, act, s.direct, g, entry, several)
    gate, flat = _gate_and_flat(layer, act)
    W_rec = layer.p["W_rec"]
    square = cell.gates == 1
    radius = spectral_radius(W_rec) if square else np.full(len(W_rec), np.nan)
    for d, (of_d, share) in enumerate(zip(entry, shares, strict=True)):
        finite = bool(W_rec[d].isfinite().all())
        singular = torch.linalg.matrix_norm(W_rec[d].double(), 2).item() if square and finite else float("nan")
        by_lag = np.stack([_norm_by_lag(ds[d], of_d) for ds in alone.parts]) / s.scale
        yield Finding(
            step, layer.name, DIRECTIONS[d], s.call, _name(cell), tuple(cell.parts), by_lag,
            share.cpu().numpy(), float(beyond[d]), int(count[d].max()),
            gate[d], flat[d], float(radius[d]), singular, s.cut, _not_finite(layer, d),
        )  # fmt: skip


def _not_finite(layer: Layer, d: int) -> str:
    """The first tensor of the forward pass with a NaN or inf: Finding.not_finite."""
    for name, tensor in {**layer.p, "the input": layer.x}.items():
        if not tensor[d].isfinite().all():
            return name
    of_step = layer.h[d].isfinite().flatten(1).all(1).logical_not()  # the initial state in front
    return "" if not of_step.any() else f"h at t = {int(of_step.int().argmax()) - 1} of the forward pass"


def lag_shares(
    layer: Layer, act: Activations, direct: Direct, g: Gradients, entry: Tensor, several: bool
) -> tuple[Tensor, list[float]]:
    """Splits dL/dW_rec by how many steps it looks back, exactly. Returns shares (D, n) and what looks back n steps or more (D,).

    Let dW_k = sum_s h_{s-k-1}^T da_{s-k} of the gradients that enter at steps s alone, each propagated k steps back. dL/dW_rec is
    the sum of dW_k over k, and share k is <dW_k, dW_rec> / ||dW_rec||^2: they sum to 1, some can be negative. Where a gradient
    enters each sequence at one step, the ordinary backward pass holds all dW_k; else k = 0 ... MAX_LAGS - 1 are computed, and
    the rest is 1 minus their sum. NaN where dL/dW_rec is 0 or not finite.
    """
    h_prev = layer.h[:, :-1]
    dW = torch.bmm(h_prev.flatten(1, 2).mT, g.entered[0].flatten(1, 2))
    V = torch.bmm(h_prev.flatten(1, 2), dW).view_as(g.entered[0])  # <h^T da, dW> = <da, h dW>
    square = dW.double().square().sum((1, 2))
    if several:
        n = min(layer.T, MAX_LAGS)
        sums = torch.stack([_inner(da, V) for da in _by_lag(layer, act, direct, n)], 1)
    else:
        lag = (entry.unsqueeze(1) - torch.arange(layer.T, device=entry.device)[:, None]).clamp(min=0)  # da is 0 behind entry
        each = (g.entered[0] * V).sum(-1, dtype=torch.float64)
        sums = each.new_zeros(len(each), layer.T).scatter_add_(1, lag.flatten(1), each.flatten(1))[:, : int(entry.max()) + 1]
    shares = sums / square.unsqueeze(1)
    whole = not several or layer.T <= MAX_LAGS
    return shares, [0.0] * len(shares) if whole else (1 - shares.sum(1)).tolist()


def _inner(da: Tensor, V: Tensor) -> Tensor:
    return (da * V[:, : da.shape[1]]).sum((1, 2, 3), dtype=torch.float64)


def _by_lag(layer: Layer, act: Activations, direct: Direct, n: int) -> Iterator[Tensor]:
    """da of the gradients that have entered k = 0 ... n - 1 steps later, (D, T - k, B, G H): all steps are taken at once."""
    cell, p, W_back = layer.cell, layer.p, layer.p["W_rec"].mT.contiguous()
    h = direct.h
    c = None if layer.c0 is None else direct.cells(layer)[:, 1:]
    entered, d = replay.partials(layer, act)
    for k in range(n):
        now = slice(layer.T - k)
        arrays = [array[:, now].clone() for array in entered]
        of_d = _views(cell, arrays, d, now)
        inner = h if "W_proj" not in p else torch.matmul(h, p["W_proj"].mT.unsqueeze(1))
        h_prev = torch.zeros_like(h)
        ds = cell.State(inner) if c is None else cell.State(inner, c.clone())
        ds_prev = cell.State(h_prev) if c is None else cell.State(h_prev, torch.empty_like(c))
        saved = act.saved._make(array[:, now] for array in act.saved)
        cell.backward(p, saved, of_d, ds, ds_prev)
        yield arrays[0]
        h_prev = h_prev + torch.matmul(arrays[0], W_back.unsqueeze(1))
        h = h_prev[:, 1:]
        c = None if c is None else ds_prev[1][:, 1:]


def _views(cell: Any, arrays: list[Tensor], d: Any, now: slice) -> Any:
    """The cell's partials of some steps: those of `arrays`, which backward overwrites, and the others as they are."""
    others = list(d)[-cell.n_partials :] if cell.n_partials else []
    return cell.backward_views(*arrays, *(array[:, now] for array in others))


def _norm_by_lag(ds: Tensor, entry: Tensor) -> np.ndarray:
    """ds (T, B, .), entry (B,) -> (K,): the norm k steps before each sequence's entry, as if all sequences were so long."""
    of_each = torch.linalg.vector_norm(ds, dim=-1, dtype=torch.float64).square()  # (T, B)
    k = torch.arange(int(entry.max()) + 1, device=ds.device)[:, None]
    t = entry - k
    there = t >= 0
    square = torch.where(there, of_each.gather(0, t.clamp(min=0)), 0.0)
    return (square.sum(1) * len(entry) / there.sum(1)).sqrt().cpu().numpy() if len(k) else np.zeros(0)


def _gate_and_flat(layer: Layer, act: Activations) -> tuple[list[float], list[float]]:
    """The mean of the gate that keeps the memory, and the share of slopes below FLAT of the steepest; (D,) each, or NaN."""
    cell, D = layer.cell, len(layer.x)
    nothing = [float("nan")] * D
    there = torch.arange(layer.T, device=layer.x.device)[:, None] <= layer.last  # (T, B)

    def mean(values: Tensor) -> list[float]:
        return [of_d[there].double().mean().item() for of_d in values]

    if cell.forget_gate is not None:
        return mean(act.entered[0].unflatten(-1, (cell.gates, -1))[..., cell.forget_gate, :]), nothing
    (slope,), _ = replay.partials(layer, act)
    assert cell.max_slope is not None
    return nothing, mean(slope < FLAT * cell.max_slope)


def _name(cell: Any) -> str:
    return next(name for name, known in CELLS.items() if known is cell)
