"""Ridge regression of the readout: the answer after many batches is the closed form on all of them, and reservoirpy's."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT

from rnnkit.engine import bptt
from rnnkit.engine.batches import training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.learners.ridge import Ridge
from rnnkit.engine.losses import one_hot
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import Experiment

K, R, B, H, N_OUT = 3, 2, 5, 4, 2


def batches(n):
    g = torch.Generator().manual_seed(0)
    for _ in range(n):
        h = torch.randn(K, R, B, H, generator=g, dtype=torch.float64) + 0.5
        yield h, h[..., :N_OUT] - 2 * h[..., 1:2] + 3 + 0.1 * torch.randn(K, R, B, N_OUT, generator=g, dtype=torch.float64)


def closed_form(h, y, ridge):
    """min_W ||[h 1] W - y||^2 / N + ridge ||W||^2 without the bias in the penalty, as one least-squares problem."""
    n, width = h.shape
    rows = np.block([[h, np.ones((n, 1))], [np.sqrt(n * ridge) * np.eye(width), np.zeros((width, 1))]])
    W = np.linalg.lstsq(rows, np.vstack([y, np.zeros((width, y.shape[1]))]), rcond=None)[0]
    return W[:-1], W[-1:]


@pytest.mark.parametrize("ridge", [1e-8, 1e-3, 1.0, 100.0])
@pytest.mark.parametrize("n", [1, 7])
def test_many_batches_are_one(ridge, n):
    from reservoirpy.nodes import Ridge as Twin  # loads SciPy, for seconds

    params, readout = {}, Ridge(ridge)
    for h, y in batches(n):
        readout.learn(params, h, y)
    assert params["W_out"].shape == (R, H, N_OUT)
    assert params["b_out"].shape == (R, 1, N_OUT)
    for r in range(R):
        h, y = (torch.cat([b[i][:, r].flatten(0, 1) for b in batches(n)]).numpy() for i in (0, 1))
        W, b = closed_form(h, y, ridge)
        np.testing.assert_allclose(params["W_out"][r], W, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(params["b_out"][r], b, rtol=1e-9, atol=1e-10)
        twin = Twin(ridge=ridge * len(h)).fit(h, y)
        np.testing.assert_allclose(params["W_out"][r], twin.Wout, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(params["b_out"][r, 0], twin.bias, rtol=1e-9, atol=1e-10)


def test_the_bias_is_not_penalised():
    """Under an infinite penalty the weights vanish and the bias is the mean of the targets."""
    params, readout, targets = {}, Ridge(1e9), []
    for h, y in batches(4):
        readout.learn(params, h, y)
        targets.append(y)
    assert params["W_out"].abs().max() < 1e-6
    torch.testing.assert_close(params["b_out"][:, 0], torch.cat(targets).mean((0, 2)), rtol=1e-6, atol=0)


def test_float32_states_are_summed_in_float64():
    exact, single = {}, {}
    readouts = Ridge(1e-6), Ridge(1e-6)
    for h, y in batches(50):
        h, y = h.float(), y.float()
        readouts[0].learn(exact, h.double(), y.double())
        readouts[1].learn(single, h, y)
    assert single["W_out"].dtype == torch.float32
    assert torch.equal(single["W_out"], exact["W_out"].float())


@pytest.mark.parametrize("task", ["temporal-order", "adding"])
def test_a_trained_echo_state_network_has_the_readout_of_all_its_batches(task):
    e = Experiment(task=task, length=12, cell="esn", hidden=10, leak=0.7, density=0.5, ridge=1e-4, batch=8, steps=5, replicas=2)
    trainer = Trainer(e, torch.float64)
    while not trainer.done:
        trainer.advance()
    p, data = init_params(e, torch.float64), training_batches(e, torch.float64, "cpu")
    for name in ("W_in", "W_rec", "b", "leak"):
        assert torch.equal(trainer.params[name], p[name])
    states, targets = [], []
    for _, (x, y, *_) in zip(range(e.steps), data, strict=False):
        states.append(bptt.forward(CELLS["esn"], p, x).h[-1:])
        targets.append(y if y.is_floating_point() else one_hot(y, 4, torch.float64))
    h, y = torch.cat(states, 2)[0], torch.cat(targets, 2)[0]
    for r in range(2):
        W, b = closed_form(h[r].numpy(), y[r].numpy(), e.ridge)
        np.testing.assert_allclose(trainer.params["W_out"][r], W, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(trainer.params["b_out"][r], b, rtol=1e-8, atol=1e-9)


def test_wide_reservoirs_on_two_threads():
    """In a process of its own, since the number of threads holds for all of it."""
    env = {k: v for k, v in os.environ.items() if "NUM_THREADS" not in k} | {"PYTHONPATH": str(ROOT)}
    command = "train --preset esn --threads 2 --replicas 3 --hidden 200 --steps 3 --batch 64"
    done = subprocess.run(
        [sys.executable, "-m", "rnnkit", *command.split()], env=env, cwd=ROOT, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert "nan" not in done.stdout.lower()


def test_a_network_that_cannot_be_solved_costs_the_others_nothing():
    """Network 0 has no numbers, network 1 is solved as if alone."""
    h, y = torch.randn(1, 2, 50, 4, dtype=torch.float64), torch.randn(1, 2, 50, 3, dtype=torch.float64)
    alone, both = ({"W_out": torch.zeros(n, 4, 3).double(), "b_out": torch.zeros(n, 1, 3).double()} for n in (1, 2))
    Ridge(1e-3).learn(alone, h[:, 1:], y[:, 1:])
    h[:, 0] = torch.nan
    Ridge(1e-3).learn(both, h, y)
    torch.testing.assert_close(both["W_out"][1], alone["W_out"][0], rtol=1e-10, atol=1e-12)
    assert both["W_out"][0].isnan().all()
