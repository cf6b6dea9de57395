"""Sine and Mackey-Glass: the series by brute force, and our echo state network's error beside reservoirpy's on the same one."""

import itertools
from collections import deque

import numpy as np
import pytest
import torch

from rnnkit.engine.batches import training_batches
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.inits import reservoir
from rnnkit.engine.trainer import Trainer
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import shared_evaluation
from rnnkit.tasks.mackey_glass import mackey_glass

# Jaeger & Haas 2004's series; 100 units, radius 1.25, leak .3 as in reservoirpy's example of Mackey-Glass.
E = Experiment(
    task="mackey-glass", length=400, cell="esn", hidden=100, leak=0.3, gain=1.25, density=0.1, ridge=1e-8, input_scale=0.5,
    batch=8, steps=10, replicas=8, seed=1000,
)  # fmt: skip


def test_a_sine_by_its_recurrence():
    x, y = TASKS["sine"].rows()
    assert x.var() == pytest.approx(1, abs=1e-3) and abs(x.mean()) < 1e-2
    np.testing.assert_allclose(y[1:], 2 * np.cos(1 / 20) * x[1:] - x[:-1], atol=1e-12)
    assert np.array_equal(y[:-1], x[1:]) and x[0] == 0 and x[10, 0] == pytest.approx(np.sqrt(2) * np.sin(0.5))


def test_mackey_glass_by_hand():
    """Euler's method with ten steps a time unit and a queue of the last 17 units."""
    queue, x, found = deque([1.2] * 170, maxlen=170), 1.2, []
    for step in range(13_000):
        if step % 10 == 0:
            found.append(x)
        past = queue[0]
        queue.append(x)
        x += 0.1 * (0.2 * past / (1 + past**10) - 0.1 * x)
    np.testing.assert_allclose(mackey_glass(300), found[1000:], rtol=1e-12)
    x, y = TASKS["mackey-glass"].rows()
    raw = mackey_glass(40_001)
    assert raw.min() > 0.2 and raw.max() < 1.4
    scaled = (raw - raw[:32_000].mean()) / raw[:32_000].std()
    np.testing.assert_allclose(x[:, 0], scaled[:-1], atol=1e-12)
    np.testing.assert_allclose(y[:, 0], scaled[1:], atol=1e-12)


def test_mackey_glass_is_chaotic():
    """Two starts that differ by 1e-9 are apart by more than a tenth within 6,000 time steps, and not within 100."""

    def path(start):
        x = [start] * 171
        for k in range(60_000):
            x.append(x[-1] + 0.1 * (0.2 * x[k] / (1 + x[k] ** 10) - 0.1 * x[-1]))
        return np.array(x[170::10])

    apart = np.abs(path(1.2) - path(1.2 + 1e-9))
    assert apart[:100].max() < 1e-6 and apart.max() > 0.1


@pytest.fixture(scope="module")
def trained():
    trainer = Trainer(E, torch.float64)
    while not trainer.done:
        trainer.advance()
    return trainer


def theirs(nodes, ridge):
    """NRMSE of a reservoirpy network that is fitted to the same windows, and tested on the same ones, with the same washout."""
    from reservoirpy.nodes import Ridge

    states, targets = [], []
    batches = list(itertools.islice(training_batches(Experiment(**E.to_dict()), torch.float64, "cpu"), E.steps))
    washout = E.length // 4
    for (x, y, *_), b in itertools.product(batches, range(E.batch)):
        states.append(nodes.run(x[:, 0, b].numpy())[washout:])
        targets.append(y[:, 0, b].numpy())
        nodes.reset()
    readout = Ridge(ridge=ridge * sum(map(len, states))).fit(np.concatenate(states), np.concatenate(targets))
    batch = shared_evaluation(TASKS["mackey-glass"], E.length)
    errors = []
    for n in range(batch.x.shape[1]):
        errors.append(np.square(readout.run(nodes.run(batch.x[:, n])[washout:]) - batch.y[:, n]))
        nodes.reset()
    return float(np.sqrt(np.mean(errors)))


def test_with_the_same_weights_the_error_is_reservoirpys(trained):
    from reservoirpy.nodes import Reservoir

    p = trained.params
    twin = Reservoir(W=p["W_rec"][0].mT.numpy(), Win=p["W_in"][0].mT.numpy(), bias=np.zeros(E.hidden), lr=E.leak)
    ours = np.sqrt(Evaluation(E, p).squared_error())
    assert ours[0] == pytest.approx(theirs(twin, E.ridge), rel=1e-3)


def test_the_error_is_that_of_reservoirpys_own_draws(trained):
    """Medians of eight networks each: same size, radius, leak, connections, ridge, input scale; both draw normal weights."""
    from reservoirpy.mat_gen import normal
    from reservoirpy.nodes import Reservoir

    found = []
    for seed in range(8):
        options = {"lr": E.leak, "sr": E.gain, "rc_connectivity": E.density, "input_connectivity": 1.0, "Win": normal}
        found.append(theirs(Reservoir(units=E.hidden, input_scaling=E.input_scale, seed=seed, **options), E.ridge))
    ours = np.sqrt(Evaluation(E, trained.params).squared_error())
    assert 0.5 < np.median(ours) / np.median(found) < 2
    assert np.median(ours) < 0.01, "in standard deviations of the series"
    radius = np.abs(np.linalg.eigvals(reservoir(np.random.default_rng(0), E.hidden, E.gain, E.density))).max()
    assert radius == pytest.approx(E.gain)


@pytest.mark.parametrize("task", ["sine", "mackey-glass"])
def test_the_readout_of_a_reservoir_learns_and_a_guesser_does_not(task, trained):
    e = Experiment(**E.to_dict() | {"task": task, "replicas": 2})
    trainer = Trainer(e)
    assert (Evaluation(e, trainer.params).accuracy() < 0.3).all()
    while not trainer.done:
        trainer.advance()
    evaluation = Evaluation(e, trainer.params)
    assert (evaluation.accuracy() >= 0.99).all() and (evaluation.squared_error() < 1e-4).all()
