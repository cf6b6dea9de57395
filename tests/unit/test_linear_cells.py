"""What is exact of cells without a product with the state: their gradient is known before it is measured."""

import numpy as np
import pytest
import torch

from rnnkit import Experiment
from rnnkit.engine import bptt, probes
from rnnkit.engine.batches import training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.trainer import init_params
from rnnkit.studies import STUDIES


@pytest.mark.parametrize("length", [50, 100])
def test_on_the_full_ring_the_gradient_falls_like_a_power_of_the_distance(length):
    """E |lambda|^2k = 1 / (k + 1) where |lambda|^2 is uniform in (0, 1): a share of 1 / sqrt(k + 1), of h and im together."""
    e = Experiment(cell="lru", length=length, hidden=256, batch=1, replicas=200, seed=77)
    p, (x, y, *_) = init_params(e, torch.float64), next(training_batches(e, torch.float64, "cpu"))
    tape = bptt.forward(CELLS["lru"], p, x)
    tape.backward(LOSSES[e.loss](bptt.readout(p, tape.h[-1:]), y)[1])
    squares = np.square(probes.state_gradient_norms(tape)).sum(0)
    for k in (1, 10, length // 2, length - 2):
        share = np.sqrt((squares[-1 - k] / squares[-1]).mean())
        assert share == pytest.approx(1 / np.sqrt(k + 1), rel=0.1), k
    assert 1 / np.sqrt(99) > 0.1 > 0.5**98


@pytest.mark.parametrize("bias", ["zero", "chrono"])
def test_the_gradient_of_a_mingru_is_the_product_of_its_gates(bias):
    e = Experiment(cell="mingru", length=50, bias=bias, hidden=32, input_scale=0.1, replicas=1)
    *_, found = STUDIES["gradient_flow"](e)
    np.testing.assert_allclose(found.norm[0], found.straight, rtol=1e-13)
    assert found.off < 1e-13
    share = found.norm[0, 1] / found.norm[0, -1]
    assert share < 1e-12 if bias == "zero" else share > 0.05
