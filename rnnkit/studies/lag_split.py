"""How far back dL/dW_rec of one network looks: the split by lag of the last loss, and of all losses together.

dW is a sum over the steps s of the losses and over the steps t <= s at which W_rec acts, dW = sum_{s, t} h_{t-1}^T da_t^(s),
where da_t^(s) is the gradient of loss s alone. Its lag is s - t. So all losses together need one backward pass for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.lags import lag_shares, products
from rnnkit.engine.losses import LOSSES
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.lag_split import LagSplit
from rnnkit.studies.networks import network, tensors

SEQUENCES = 32
GIGAFLOPS = 100  # of all backward passes


def study(e: Experiment, step: int = 0, replica: int = 0) -> Iterator[Progress | LagSplit]:
    """Measures network `replica` after `step` training steps on held-out sequences, without fixes.

    Raises ValueError for a step or replica out of range, for sequences of many lengths, and for a cell without W_rec.
    """
    one, cell = replace(e, replicas=1), CELLS[e.cell]
    if not cell.recurrent:
        raise ValueError(f"the split by lag needs a cell with W_rec, got '{e.cell}'")
    p, diverged = yield from network(e, step, replica, share=0.5)
    yield Progress(0.5)
    with no_grad_no_denormals(), np.errstate(all="ignore"):
        x, y = tensors([one.bound_task.draw(e.length, SEQUENCES, np.random.default_rng(0), held_out=True)])
        tape = bptt.forward(cell, p, x)
        _, dz = LOSSES[e.loss](bptt.readout(p, tape.h[-len(y) :]), y)
        tape.backward(dz[-1:])
        last = lag_shares(tape)[::-1, 0].copy()
    K, T = len(dz), e.length
    if K == 1 or 2e-9 * K * T * SEQUENCES * cell.gates * e.hidden**2 * 2 > GIGAFLOPS:
        yield LagSplit(last, None, 1 if K == 1 else 0, diverged)
        return
    by_lag = np.zeros(T)
    with no_grad_no_denormals():
        tape.backward(dz)
        dW = tape.matrix_gradient()
    for k in range(K):
        with no_grad_no_denormals():
            alone = dz.clone()
            alone[:k], alone[k + 1 :] = 0, 0
            tape.backward(alone)
            s = T - K + k  # the loss's own step
            by_lag[: s + 1] += products(tape, dW)[: s + 1, 0].numpy()[::-1]
        if k % 10 == 9:
            yield Progress(0.5 + 0.5 * (k + 1) / K)
    with np.errstate(all="ignore"):
        yield LagSplit(last, by_lag / float(dW.square().sum()), K, diverged)
