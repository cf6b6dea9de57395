"""How the eigenvalues and the powers of one network's recurrence change while it trains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.trainer import Trainer
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.eigenvalues import Eigenvalues
from rnnkit.studies.networks import MAX_TRAINED_STEPS, tensors, whole
from rnnkit.thinning import evenly

SNAPSHOTS = 41  # training steps at which they are measured, at most
MAX_STATE = 512  # of larger matrices the 512 largest of both are given
VECTORS, POWERS = 5, 50  # random unit vectors, and the power to which the matrix is raised


def study(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Progress | Eigenvalues]:
    """Trains the run for `step` steps and measures network `replica` on the way, evenly, at the first and the last step.

    Yields what is found so far after each. The mean Jacobian is that of the task's example sequence. In float64. Raises
    ValueError for a step or replica out of range.
    """
    whole("step", step, max(MAX_TRAINED_STEPS, e.steps))
    whole("replica", replica, e.replicas - 1)
    with no_grad_no_denormals():
        trainer = Trainer(e, endless=True)
    found: list[tuple[np.ndarray, ...]] = []
    at = evenly(step + 1, SNAPSHOTS)
    cell = CELLS[e.cell]
    for i, now in enumerate(at):
        with no_grad_no_denormals():
            while trainer.step < now:
                trainer.advance()
            p = {name: W[replica : replica + 1].double() for name, W in trainer.params.items()}
            J = jacobian(e, p).numpy()
            found.append((*_values(J), powers(J)))
        values, singular, growth = (np.stack(parts) for parts in zip(*found, strict=True))
        yield Progress((now + 1) / (step + 1))
        diverged = int(trainer.diverged[replica])
        matrix = "mean Jacobian" if not cell.has_slope else "M" if cell.builds_matrix else "W_rec"
        yield Eigenvalues(at[: i + 1], values.real.copy(), values.imag.copy(), singular, growth, matrix, diverged)


def jacobian(e: Experiment, p: bptt.Params) -> Tensor:
    """Returns the matrix J of one network, (S, S), that Eigenvalues describes."""
    M = CELLS[e.cell].recurrent_matrix(p)
    return M[0].T if M is not None and CELLS[e.cell].has_slope else mean_jacobian(e, p)


def mean_jacobian(e: Experiment, p: bptt.Params) -> Tensor:
    """Returns the mean over the example's time steps of ds_t / ds_{t-1}, (S, S), of one network, s_t = (h_t, c_t, ...)."""
    x, _ = tensors([e.bound_task.draw(e.length, 1, np.random.default_rng(0), held_out=True)])
    cell, s0 = CELLS[e.cell], None
    size = cell.state_width * e.hidden
    total = torch.zeros(size, size, dtype=torch.float64)
    for piece in x.split(max(1, 2**22 // size**2)):  # 64 MB of Jacobians
        tape = bptt.forward(cell, p, piece, s0)
        s0 = tape.end
        total += probes.jacobians(cell, p, tape)[0].sum(0)
    return total / len(x)


def _values(J: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns eigenvalues, by modulus, and singular values, largest first; NaN for a matrix that is not finite."""
    if not np.isfinite(J).all():
        nothing = np.full(min(len(J), MAX_STATE), np.nan)
        return nothing.astype(complex), nothing
    values = np.linalg.eigvals(J).astype(complex)
    values = values[np.lexsort((values.imag, -np.abs(values).round(12)))]
    return values[:MAX_STATE], np.linalg.svd(J, compute_uv=False)[:MAX_STATE]


def powers(J: np.ndarray) -> np.ndarray:
    """Returns log10 ||x J^k|| for J (S, S), k = 0 ... POWERS: (VECTORS, POWERS + 1), of random unit vectors x (1, S).

    The x are the same for every J. In float64. J is divided by its largest entry and each x J by its norm, and the logarithms
    add up, so nothing over- or underflows. A norm of 0 gives -inf, a matrix that is not finite NaN.

    ||x J^k|| <= lambda_1^k, of the largest singular value. ||x J^k||^(1/k) tends to the spectral radius for almost every x.
    """
    x = np.random.default_rng(0).standard_normal((VECTORS, len(J)))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    logs, size = np.zeros((VECTORS, POWERS + 1)), np.abs(J).max() or 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for k in range(1, POWERS + 1):
            x = x @ (J / size)
            norm = np.linalg.norm(x, axis=1)
            logs[:, k] = logs[:, k - 1] + np.log10(norm) + np.log10(size)
            x /= np.where(norm > 0, norm, 1)[:, None]
    return logs
