"""Adding, copying, temporal order and others as the literature poses them: exact baselines, positions, lengths."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.trainer import init_params
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS, Batch, is_held_out
from rnnkit.tasks.base import joined, shared_evaluation


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "variance", "chance"), [("adding", 1 / 24, 0.64), ("adding-sum", 1 / 6, 0.36)])
def test_a_mean_and_a_sum_have_their_own_baselines(name, variance, chance):
    """Exact: over the cells of a fine grid of u and v, for every constant answer."""
    task, edges = TASKS[name], (np.arange(2000) + 0.5) / 2000
    values = np.sort(task.combine(edges[:, None], edges).ravel())
    assert task.guess_loss == variance == pytest.approx(values.var(), rel=1e-5)
    right = (np.searchsorted(values, values + 0.4, "right") - np.arange(values.size)) / values.size  # all intervals of that width
    assert task.chance == chance == pytest.approx(right.max(), abs=2e-3)
    assert (np.abs(values - task.guess) <= 0.2).mean() == pytest.approx(right.max(), abs=2e-3)
    assert ("mean" in task.title, "sum" in task.title) == (name == "adding", name == "adding-sum")
    assert f"1/{round(1 / variance)}" in task.about


def test_a_sum_is_twice_the_mean_of_the_same_numbers():
    mean, both = (TASKS[name].sample(50, 100, rng()) for name in ("adding", "adding-sum"))
    assert np.array_equal(mean.x, both.x) and np.array_equal(2 * mean.y, both.y)


@pytest.mark.parametrize("length", [21, 40, 520])
def test_copying_by_hand(length):
    """10 symbols, L - 1 blanks, a marker, 10 blanks, T = L + 20; blanks are asked up to the marker, then the symbols."""
    batch = TASKS["copying"].sample(length, 300, rng())
    assert set(batch.x[:10].ravel()) == set(range(8))
    assert (batch.x[10 : length - 11] == 8).all() and length - 11 - 10 == (length - 20) - 1
    assert (batch.x[length - 11] == 9).all() and (batch.x[length - 10 :] == 8).all()
    assert (batch.y[: length - 10] == 8).all() and np.array_equal(batch.y[length - 10 :], batch.x[:10])


@pytest.mark.parametrize("length", [21, 40, 520])
def test_copying_without_memory_costs_10_log_8_over_T(length):
    e = Experiment(task="copying", length=length)
    assert e.guess_loss == pytest.approx(10 * np.log(8) / length, rel=1e-15)
    batch = e.bound_task.sample(length, 50, rng())
    z = np.full((length, 1, 50, 9), -60.0)  # blanks up to the marker, then eight symbols alike
    z[:-10, ..., 8] = z[-10:, ..., :8] = 0
    found, _ = LOSSES["cross_entropy"](*(torch.from_numpy(v) for v in (z, batch.y[:, None])))
    assert float(found[0]) == pytest.approx(e.guess_loss, rel=1e-12)
    one_hot = np.where(z == 0, np.where(np.arange(length)[:, None] < length - 10, 1, 1 / 8)[:, None, None], 0)
    found, _ = LOSSES["squared_error"](*(torch.from_numpy(v) for v in (one_hot, batch.y[:, None])))
    assert float(found[0]) == pytest.approx(replace(e, cell="esn", fixes=(), lr=0.003).guess_loss, rel=1e-12)


def test_blanks_are_no_right_answers_of_copying():
    e = Experiment(task="copying", length=40)
    batch = shared_evaluation(e.bound_task, 40)
    assert batch.y.shape == (10, 256) and batch.y.max() == 7 and np.array_equal(batch.y, batch.x[:10])
    assert e.bound_task.chance == 1 / 8 and e.bound_task.baselines(40)["chance"] == np.bincount(batch.y.ravel()).max() / 2560
    p = {k: torch.zeros_like(W) for k, W in init_params(e).items()}
    p["b_out"][..., 8] = 1  # always a blank
    assert (Evaluation(e, p).accuracy() == 0).all()
    p["b_out"][..., 3] = 2
    assert Evaluation(e, p).accuracy() == pytest.approx((batch.y == 3).mean())


@pytest.mark.parametrize("length", [30, 43, 200])
def test_temporal_order_in_sequences_of_their_own_lengths(length):
    task, shortest, n = TASKS["temporal-order-lengths"], int(np.ceil(length / 4)), 20_000
    batch = task.sample(length, n, rng())
    counts = np.bincount(batch.lengths)
    assert np.flatnonzero(counts).tolist() == list(range(shortest, length + 1))
    p = 1 / (length + 1 - shortest)
    assert np.abs(counts[shortest:] / n - p).max() < 5 * np.sqrt(p / n)
    for column in range(500):
        own = int(batch.lengths[column])
        assert (batch.x[: length - own, column] == 2).all()
        marks = np.flatnonzero(batch.x[length - own :, column] < 2)
        assert len(marks) == 2
        for mark, start in zip(marks, (0.1, 0.5), strict=True):
            assert int(start * own) <= mark < int(start * own) + max(1, int(0.1 * own))
    median = int(np.floor(np.median(range(shortest, length + 1))))
    assert task.evidence_step(length) == length - median + int(0.1 * median)
    assert task.of_one_length == "temporal-order" and not TASKS[task.of_one_length].padded


def test_lengths_stay_with_their_sequences():
    """Through the division into training and test, the stream and the evaluation batch."""
    task = TASKS["temporal-order-lengths"]
    batches = [task.draw(60, 500, rng(), held_out) for held_out in (False, True)]
    for batch in [*batches, task.evaluation_batch(60, rng()), next(task.stream(60, 8, rng()))]:
        assert batch.lengths.shape == batch.y[0].shape
        for column, own in enumerate(batch.lengths):
            marks = np.flatnonzero(batch.x[:, column] < 2)
            assert marks[0] >= 60 - own + int(0.1 * own)
            assert batch.x[marks, column] @ [1, 2] == batch.y[0, column]
    assert is_held_out(batches[1].x).all() and not is_held_out(batches[0].x).any()


def test_joined_keeps_all_parts():
    rows = np.arange(4.0)
    one = Batch(np.ones((3, 4), int), np.ones((1, 4), int), rows, 2 * rows)
    both = joined([one, one.part(slice(2))])
    assert both.x.shape == (3, 6) and both.lengths.tolist() == [0, 1, 2, 3, 0, 1] and both.weight.tolist() == [0, 2, 4, 6, 0, 2]
    assert joined([Batch(one.x, one.y)]).lengths is None


def test_permutation_and_memorization():
    x = TASKS["permutation"].sample(30, 2000, rng()).x
    assert set(x[0]) == {0, 1}
    assert set(x[1:].ravel()) == set(range(2, 100))
    x = TASKS["memorization"].sample(35, 200, rng()).x
    assert set(x[:10].ravel()) == set(range(5))
    assert (x[10:25] == 5).all()
    assert (x[25] == 6).all()
    assert (x[26:] == 5).all()
