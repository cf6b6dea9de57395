"""How one gradient flows back through one network on one sentence, in float64, beside what theory predicts for it.

One network and one sentence, so that everything is literal: h_t is a vector of H numbers, dL/dh_t another, and between two
words stands one Jacobian matrix. The sentence is the one whose words stand under the time axis (Task.example).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rnnkit.analysis import theory
from rnnkit.engine import probes
from rnnkit.engine.bptt import Params, Tape
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.networks import Network, Part, both_ways, network, tensors

MEGABYTES = 128  # of all Jacobians at most; multiplying them out then takes some seconds at most
SPECTRA = 48  # time steps whose singular values are taken, at most
RESOLUTION = 1e-14  # singular values so much smaller than the largest are rounding
QUANTILES = (0, 0.25, 0.5, 0.75, 1)


def flow(e: Experiment, step: int = 0) -> Iterator[Part]:
    """Network 0 of the Experiment after `step` training steps, on the example sentence; truncation is left out.

    Yields {"progress"} and at last, with P parts of the state, T steps, H units and L, the last step's loss alone:

    norm (P, T): ||dL/ds_t||, measured by BPTT;
    product (P, T): the same by the explicit product of all Jacobians, `off`: the largest relative difference of the vectors;
    spectrum (P, T', H): singular values of dh_T/ds_t, largest first, at the T' steps spectrum_t; these and the two above are
        None where H and T are too large for matrices;
    states (P, T, H); diverged: the training step at which the network became NaN (its last sound weights are used), or -1;
    slope (5, T): the QUANTILES over the units of phi'(a_t), of gated cells of the keeping gate; slope_mean (T,);
    singular, radius: largest singular value and spectral radius of W_rec;
    rate_bound, bound (T,) = ||dL/dh_T-1|| rate_bound^(T - 1 - t): no gradient can be larger; rate_typical, typical (T,) likewise;
    straight (T,) = ||dL/ds_T-1 * prod_k keep_k||, last part: what passes through the keeping gates alone (gated cells only, of
        which the five before are None).
    """
    for state in network(e, step):
        if isinstance(state, Network):
            p, diverged = state
        else:
            yield {"progress": 0.8 * state}
    yield {"progress": 0.8}
    one = replace(e, replicas=1, batch=1)
    with no_grad_no_denormals(), np.errstate(all="ignore"):
        x, y = tensors([e.bound_task.draw(e.length, 1, np.random.default_rng(0), held_out=True)])
        tape, dz = both_ways(one, p, x, y)
        found: Part = {"norm": probes.state_gradient_norms(tape)[:, :, 0], "states": _one(tape.s).numpy()}
        found["diverged"] = diverged
        ds = _one(tape.ds)
        found |= _through_jacobians(one, p, tape, ds, (dz @ p["W_out"].mT)[0, 0, 0])
        found |= _theory(one, p, tape, ds[-1, -1].numpy())
    yield found


def _one(parts: tuple[Tensor, ...]) -> Tensor:
    """(P, T, H), of the only network and sentence."""
    return torch.stack([part[:, 0, 0] for part in parts])


def _through_jacobians(e: Experiment, p: Params, tape: Tape, ds: Tensor, direct: Tensor) -> Part:
    """The chain rule once more, in explicit matrices; ds (P, T, H), and direct (H,), dL/dh_T-1 through the readout."""
    P, T, H = ds.shape
    if 16 * T * (P * H) ** 2 > MEGABYTES * 2**20:
        return dict.fromkeys(("product", "off", "spectrum_t", "spectrum"))
    J, C = probes.jacobians(CELLS[e.cell], p, tape)
    product, spectrum = torch.empty_like(ds), torch.full_like(ds, torch.nan)
    at = np.unique(np.linspace(0, T - 1, min(T, SPECTRA)).round().astype(int))
    d = torch.cat((direct, ds.new_zeros((P - 1) * H)))  # dL/ds_t and, below, dh_T/ds_t, both as they come to C_t
    M = torch.eye(H, P * H, dtype=ds.dtype)
    for t in range(T - 1, -1, -1):
        product[:, t] = (d @ C[t]).view(P, H)
        if t in at:
            spectrum[:, t] = torch.stack([singular_values(part) for part in (M @ C[t]).split(H, 1)])
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
    """Largest first; NaN for those that rounding hides, and for all where M is not finite."""
    if not M.isfinite().all():
        return M.new_full((len(M),), torch.nan)
    values = torch.linalg.svdvals(M)
    return values.where(values >= RESOLUTION * values[0], torch.nan)


def _theory(e: Experiment, p: Params, tape: Tape, end: np.ndarray) -> Part:
    """What W_rec and the slopes, or the gates, predict from `end` (H,) on, the gradient at the last step."""
    cell, last = CELLS[e.cell], e.length - 1
    gated = cell.forget_gate is not None
    slope = (probes.openness(cell, tape) if gated else probes.slopes(cell, p, tape))[:, 0, 0].numpy()
    found: Part = dict.fromkeys(("singular", "radius", "rate_bound", "bound", "rate_typical", "typical", "straight"))
    found |= {"slope": np.quantile(slope, QUANTILES, axis=1), "slope_mean": slope.mean(1)}
    if gated:
        kept = np.cumprod(slope[:0:-1], axis=0)[::-1]  # [t]: the product over steps t + 1 ... T - 1
        return found | {"straight": np.linalg.norm(end * np.vstack([kept, np.ones(e.hidden)]), axis=1)}
    W, norm = p["W_rec"][0].numpy(), float(np.linalg.norm(end))
    found["singular"] = float(np.linalg.norm(W, 2))
    found["radius"] = float(probes.spectral_radius(p["W_rec"])[0])
    leak = float(p["leak"]) if "leak" in p else 1.0
    found["rate_typical"] = theory.typical_rate(W, float(slope.mean()), leak)
    found["typical"] = theory.decay(norm, found["rate_typical"], last)
    if e.cell in theory.GAMMA:
        found["rate_bound"] = theory.step_bound(found["singular"], theory.GAMMA[e.cell], leak)
        found["bound"] = theory.decay(norm, found["rate_bound"], last)
    return found
