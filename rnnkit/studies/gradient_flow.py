"""The gradient through time of one network on one sentence, in float64, beside what theory predicts for it.

With one network and one sentence h_t and dL/dh_t are vectors of H numbers, and one Jacobian matrix links two steps. The sentence
is that of Task.example, whose words are the labels of the time axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.analysis import theory
from rnnkit.engine import probes
from rnnkit.engine.bptt import Params, Tape
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.gradient_flow import GradientFlow
from rnnkit.studies.networks import both_ways, network, tensors
from rnnkit.thinning import evenly

MEGABYTES = 128  # of all Jacobians at most; multiplying them out then takes some seconds at most
SPECTRA = 48  # time steps whose singular values are taken, at most
RESOLUTION = 1e-14  # singular values so much smaller than the largest are rounding
QUANTILES = (0, 0.25, 0.5, 0.75, 1)


def study(e: Experiment, step: int = 0) -> Iterator[Progress | GradientFlow]:
    """Measures network 0 after `step` training steps on the example sentence. Raises ValueError for a step out of range."""
    p, diverged = yield from network(e, step, share=0.8)
    yield Progress(0.8)
    one = replace(e, replicas=1, batch=1)
    with no_grad_no_denormals(), np.errstate(all="ignore"):
        x, y = tensors([e.bound_task.draw(e.length, 1, np.random.default_rng(0), held_out=True)])
        tape, dz = both_ways(one, p, x, y)
        ds = _one(tape.ds)
        found = GradientFlow(
            norm=probes.state_gradient_norms(tape)[:, :, 0],
            gradient=ds.numpy(),
            states=_one(tape.s).numpy(),
            diverged=diverged,
            **_through_jacobians(one, p, tape, ds, (dz @ p["W_out"].mT)[0, 0, 0]),
            **_theory(one, p, tape, ds[-1, -1].numpy()),
        )
    yield found


def _one(parts: tuple[Tensor, ...]) -> Tensor:
    """Stacks the parts of the only network and sentence: (P, T, H)."""
    return torch.stack([part[:, 0, 0] for part in parts])


def _through_jacobians(e: Experiment, p: Params, tape: Tape, ds: Tensor, direct: Tensor) -> dict[str, Any]:
    """Computes the chain rule by explicit matrices, from ds (P, T, H) and direct (H,), dL/dh_T-1 through the readout."""
    P, T, H = ds.shape
    S = CELLS[e.cell].state_width * H
    if 16 * T * S**2 > MEGABYTES * 2**20:
        return dict.fromkeys(("product", "off", "spectrum_t", "spectrum"))
    J, C = probes.jacobians(CELLS[e.cell], p, tape)
    product, spectrum = torch.empty_like(ds), torch.full_like(ds, torch.nan)
    at = evenly(T, SPECTRA)
    d = torch.cat((direct, ds.new_zeros(S - H)))  # dL/ds_t and, below, dh_T/ds_t, both as they come to C_t
    M = torch.eye(H, S, dtype=ds.dtype)
    for t in range(T - 1, -1, -1):
        product[:, t] = (d @ C[t])[: P * H].view(P, H)
        if t in at:
            spectrum[:, t] = torch.stack([singular_values(part) for part in (M @ C[t]).split(H, 1)[:P]])
        d, M = d @ J[t], M @ J[t]
    size = ds.norm(dim=-1)
    off = (product - ds).norm(dim=-1) / size.where(size > 0, 1.0)
    return {
        "product": product.norm(dim=-1).numpy(),
        "off": float(off.max()),
        "spectrum_t": at,
        "spectrum": spectrum[:, at].numpy(),
    }


def singular_values(M: Tensor) -> Tensor:
    """Returns the singular values of M, largest first; NaN for those below rounding, and for all where M is not finite."""
    if not M.isfinite().all():
        return M.new_full((len(M),), torch.nan)
    values = torch.linalg.svdvals(M)
    return values.where(values >= RESOLUTION * values[0], torch.nan)


def _theory(e: Experiment, p: Params, tape: Tape, end: np.ndarray) -> dict[str, Any]:
    """Computes what W_rec and the slopes, or the gates, predict from `end` (H,), the gradient at the last step."""
    cell, last = CELLS[e.cell], e.length - 1
    gated = cell.forget_gate is not None
    found: dict[str, Any] = dict.fromkeys(("slope", "slope_mean", "singular", "radius"))
    found |= dict.fromkeys(("rate_bound", "bound", "rate_typical", "typical", "straight"))
    if not (gated or cell.has_slope):
        return found
    slope = (probes.openness(cell, tape) if gated else probes.slopes(cell, p, tape))[:, 0, 0].numpy()
    found |= {"slope": np.quantile(slope, QUANTILES, axis=1), "slope_mean": slope.mean(1)}
    if gated:
        product = np.cumprod(slope[:0:-1], axis=0)[::-1]  # [t]: the product over steps t + 1 ... T - 1
        return found | {"straight": np.linalg.norm(end * np.vstack([product, np.ones(e.hidden)]), axis=1)}
    M, norm = cell.recurrent_matrix(p), float(np.linalg.norm(end))
    assert M is not None
    W = M[0].numpy()
    found["singular"] = float(np.linalg.norm(W, 2))
    found["radius"] = float(probes.spectral_radius(M)[0])
    leak = float(p["leak"]) if "leak" in p else 1.0
    found["rate_typical"] = theory.typical_rate(W, float(slope.mean()), leak)
    found["typical"] = theory.decay(norm, found["rate_typical"], last)
    if e.cell in theory.GAMMA:
        found["rate_bound"] = theory.step_bound(found["singular"], theory.GAMMA[e.cell], leak)
        found["bound"] = theory.decay(norm, found["rate_bound"], last)
    return found
