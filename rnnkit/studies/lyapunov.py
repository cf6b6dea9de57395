"""The Lyapunov exponents of one network: QR of the exact Jacobian of every time step, along sequences of its task.

Benettin et al. 1980: an orthonormal basis Q of k tangent vectors is carried from step to step, J_t Q_{t-1} = Q_t R_t. Exponent i
is the mean of log |R_t[i, i]|. Vogt, Puelma Touzel, Shlizerman & Lajoie 2022 do this with trained recurrent networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.lyapunov import Lyapunov
from rnnkit.studies.networks import network, tensors
from rnnkit.thinning import evenly

STEPS, FEWEST, SETTLING = 1000, 200, 100  # time steps that count, fewer of large networks; and those in which states and Q settle
GIGAFLOPS = 40  # of all Jacobians
MAX_STATE, MAX_EXPONENTS = 512, 64  # numbers of a state, with more none is measured; exponents
MEGABYTES = 64  # of the Jacobians that are in memory at once
POINTS = 200  # of the running estimate, at most


def study(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Progress | Lyapunov]:
    """Measures network `replica` after `step` training steps. Raises ValueError for a step or replica out of range.

    It reads held-out sequences one after the other, and its state goes on from each to the next. In float64.
    """
    p, diverged = yield from network(e, step, replica, share=0.6)
    yield Progress(0.6)
    cell, size = CELLS[e.cell], CELLS[e.cell].state_width * e.hidden
    logs: list[np.ndarray] = []
    if size <= MAX_STATE:
        for done, part in exponents_of_steps(cell, p, inputs(e, SETTLING + steps_of(e)), MAX_EXPONENTS):
            logs.append(part)
            yield Progress(0.6 + 0.4 * done)
    yield _summary(np.concatenate(logs)[SETTLING:] if logs else np.empty((0, 0)), diverged)


def steps_of(e: Experiment) -> int:
    """Returns how many time steps count: STEPS, or as many as GIGAFLOPS allow, and FEWEST in any case."""
    cell = CELLS[e.cell]
    flops = 2 * len(cell.parts) * cell.gates * e.hidden**3  # of one Jacobian
    return max(FEWEST, min(STEPS, int(1e9 * GIGAFLOPS / flops)))


def inputs(e: Experiment, steps: int) -> Tensor:
    """Returns held-out sequences of the task one after the other, (steps, 1, 1[, I])."""
    n = -(-steps // e.length)
    x, _ = tensors([e.bound_task.draw(e.length, n, np.random.default_rng(0), held_out=True)])
    return x[:, 0].transpose(0, 1).flatten(0, 1)[:steps, None, None]


def exponents_of_steps(cell: Any, p: bptt.Params, x: Tensor, most: int) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the share of x that is done, and log |R_t[i, i]| of the next steps (n, k). Ends where a Jacobian is not finite."""
    size = cell.state_width * p["W_out"].shape[1]
    Q = torch.eye(size, min(size, most), dtype=torch.float64)
    at_once, s0 = max(1, MEGABYTES * 2**20 // (16 * size**2)), None
    for start in range(0, len(x), at_once):
        with no_grad_no_denormals(), np.errstate(divide="ignore"):
            tape = bptt.forward(cell, p, x[start : start + at_once], s0)
            s0 = tape.end
            J, _ = probes.jacobians(cell, p, tape)
            sound = J.isfinite().flatten(1).all(1).tolist()
            n = sound.index(False) if False in sound else len(sound)
            logs = np.empty((n, Q.shape[1]))
            for t in range(n):
                Q, R = torch.linalg.qr(J[t] @ Q)
                logs[t] = np.log(np.abs(R.diagonal().numpy()))
        yield (start + len(sound)) / len(x), logs
        if n < len(sound):
            return


def _summary(logs: np.ndarray, diverged: int) -> Lyapunov:
    """Returns the result from log |R_t[i, i]| of the steps that count, (N, k)."""
    N = len(logs)
    if not N:
        return Lyapunov(np.empty(0), np.empty(0, int), np.empty(0), 0, diverged)
    means = np.cumsum(logs, 0) / np.arange(1, N + 1)[:, None]
    at = evenly(N, POINTS)
    return Lyapunov(np.sort(means[-1])[::-1].copy(), at + 1, means[at].max(1), N, diverged)
