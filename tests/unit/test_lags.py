"""The split of dL/dW_rec by lag, against explicit sums of autograd in float64; its words, its table, and what stores it."""

from dataclasses import fields, replace
from itertools import product

import altair as alt
import numpy as np
import pytest
import reference
import torch
from histories import gradient, history
from reference import DOUBLE, WITH_W_REC, B, H, R, active, assert_close, need, random_batch, random_params
from short_trainings import small

from rnnkit import Experiment, lag_frame, run, train
from rnnkit.analysis.lags import lag_profile, lag_words
from rnnkit.charts import lag_split as charts
from rnnkit.engine import bptt
from rnnkit.engine.batches import training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.lags import lag_shares, lag_within
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.record import pack, unpack_record
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.export.figures import names
from rnnkit.studies import STUDIES, lag_split
from rnnkit.tasks import TASKS

TRAINED = [name for name, cell in CELLS.items() if cell.trains_recurrence]


def explicit(cell, run):
    """<dW_t, dW> / ||dW||^2 of autograd's dL/d(h_{t-1} W_rec), (T,)."""
    part = CELLS[cell].recurrent_part
    h = [torch.zeros_like(run.states[0][part]), *(s[part] for s in run.states[:-1])]
    terms = torch.stack([h_t.T @ u.grad for h_t, u in zip(h, run.products, strict=True)])
    dW = terms.sum(0)
    return (terms * dW).sum((1, 2)) / dW.square().sum()


@pytest.mark.parametrize("networks", [1, R])
@pytest.mark.parametrize("hidden", [H, 3])
@pytest.mark.parametrize("cell", WITH_W_REC)
def test_shares_are_those_of_the_explicit_sums(cell, networks, hidden):
    """Also where the tape holds the terms of dL/dW_rec, of several networks with G H <= B."""
    need(reference.STEPS, cell)
    task = TASKS["temporal-order"]
    p = {k: W[:networks] for k, W in random_params(cell, task.n_in, task.n_out, hidden=hidden).items()}
    x, y = (part[:, :networks] for part in random_batch("temporal-order", 11))
    tape = bptt.forward(CELLS[cell], p, x)
    tape.backward(LOSSES["cross_entropy"](bptt.readout(p, tape.h[-1:]), y)[1])
    assert tape.terms is None, "before gradients()"
    shares = lag_shares(tape)
    assert (tape.terms is not None) == (networks > 1 and CELLS[cell].gates * hidden <= B)
    assert shares.shape == (11, networks) and np.abs(shares.sum(0) - 1).max() < 1e-12
    np.testing.assert_array_equal(lag_shares(tape, tape.matrix_gradient()), shares)
    for r in range(networks):
        expected = explicit(cell, reference.run(cell, p, r, x, y, "cross_entropy"))
        assert_close(torch.from_numpy(shares[:, r]), expected, f"shares of network {r}", 1e-9)


@pytest.mark.parametrize("task", ["temporal-order", "characters", "memorization"])
@pytest.mark.parametrize("fixes", [(), ("truncate",), ("ar", "l2", "clip-norm")])
def test_a_record_has_those_of_the_last_loss_alone_before_the_fixes_on_gradients(task, fixes):
    e = small(task=task, length=max(10, TASKS[task].min_length), steps=1, fixes=tuple(active(name) for name in fixes))
    record = next(iter(train(e, DOUBLE)))
    p, (x, y, *_) = init_params(e, DOUBLE), next(training_batches(e, DOUBLE, "cpu"))
    piece = 4 if "truncate" in fixes else 0
    for r in range(e.replicas):
        run = reference.run(e.cell, p, r, x, y[-1:], e.loss, piece=piece)
        for u in run.products:
            u.grad = reference._grad(u)
        assert_close(torch.from_numpy(record.lag_shares[:, r]), explicit(e.cell, run), f"network {r}", 1e-8)
    assert not piece or (record.lag_shares[:-4] == 0).all()


@pytest.mark.parametrize("cell", WITH_W_REC)
def test_they_sum_to_one_in_float32_also_where_the_gradient_is_tiny_or_huge(cell):
    for scale, hidden in product((1e-25, 1.0, 1e20), (H, 3)):
        p = {k: W.float() for k, W in random_params(cell, 6, 4, hidden=hidden).items()}
        x, y = random_batch("temporal-order", 30)
        tape = bptt.forward(CELLS[cell], p, x)
        tape.backward(scale * LOSSES["cross_entropy"](bptt.readout(p, tape.h[-1:]), y)[1])
        np.testing.assert_allclose(lag_shares(tape).sum(0), 1, atol=2e-5)


def test_nothing_is_said_without_a_gradient_or_of_a_reservoir():
    p = random_params("tanh", 6, 4)
    x, _ = random_batch("temporal-order", 9)
    tape = bptt.forward(CELLS["tanh"], p, x)
    tape.backward(torch.zeros(1, R, 3, 4, dtype=DOUBLE))
    assert np.isnan(lag_shares(tape)).all() and np.isnan(lag_within(lag_shares(tape))).all()
    e = small("esn", steps=2)
    records = list(train(e))
    h = History.of(e, records)
    assert all(r.lag_shares is None for r in records) and np.isnan(h.lag_shares).all() and not lag_words(h, 1)
    assert lag_frame(records).empty


@pytest.mark.parametrize("cell", CELLS)
def test_its_curve_is_drawn_where_it_has_numbers_and_nowhere_else(cell):
    h = run(small(cell, steps=1))
    assert ("lags" in names(h.e)) == np.isfinite(h.lag_within).any() == CELLS[cell].trains_recurrence


def test_a_network_that_is_nan_has_none():
    e = Experiment(cell="relu", gain=5.0, input_scale=1.0, lr=10.0, steps=3, replicas=2, length=60)
    h = History.of(e, train(e))
    dead = h.diverged >= 0
    assert dead.any() and np.isnan(h.lag_shares.transpose(0, 2, 1)[dead]).all() and np.isnan(h.lag_within[dead]).all()


@pytest.mark.parametrize(
    ("lags", "within"),
    [
        ([1.0], 0),
        ([0.995, 0.005], 0),
        ([0.5, 0.4, 0.1], 2),
        ([0.5, 0.495, 0.005], 1),
        ([1.5, -0.5, 0.0], 1),  # at lag 0 half too much
        ([0.992, -0.5, 0.508], 2),  # enough at lag 0, but not from there on
        ([np.nan, 1.0], np.nan),
    ],
)
def test_within(lags, within):
    shares = np.array(lags)[::-1, None]
    np.testing.assert_array_equal(lag_within(shares), [within])
    np.testing.assert_array_equal(lag_within(np.stack([shares, shares])), [[within], [within]])


def test_words():
    e = Experiment(length=10, replicas=3, steps=2)
    h = history([gradient(1, e=e)] * 2, e)
    shares = np.zeros((10, 3), np.float32)
    shares[-1], shares[-3], shares[1] = 0.9, 0.1, 3e-9
    h.lag_shares[:2], h.lag_within[:2] = shares, lag_within(shares)
    text = "99 % of dL/dW_rec looks back 2 time steps or less; from the subject comes 3e-9"
    assert lag_words(h, 1) == lag_words(h, 1, 0) == text
    np.testing.assert_array_equal(lag_profile(h, 0, 2), shares[:, 2])
    h.lag_shares[1, 1], h.lag_within[1] = 0.2, [8, 8, 8]
    assert lag_words(h, 1) == "99 % of dL/dW_rec looks back 8 time steps or less"
    h.lag_within[1] = [2, 3, np.nan]
    assert "3 time steps or less" in lag_words(h, 1), "of the middle one; NaN counts as the largest"
    h.lag_within[1] = [np.nan, np.nan, 8]
    assert lag_words(h, 1) == "" and "8 time steps" in lag_words(h, 1, 2)


def test_table_and_history_hold_them():
    e = small(steps=3)
    records = list(train(e))
    df, h = lag_frame(iter(records)), History.of(e, records)
    assert list(df.columns) == ["step", "lag", "replica", "share"] and len(df) == 4 * 10 * 3
    np.testing.assert_allclose(df.groupby(["step", "replica"]).share.sum(), 1, rtol=1e-5)
    one = df[(df.step == 2) & (df.lag == 3) & (df.replica == 1)].share
    assert one.tolist() == [records[2].lag_shares[6, 1]] == [h.lag_shares[2, 6, 1]]
    np.testing.assert_array_equal(h.lag_within[2], lag_within(records[2].lag_shares))
    assert list(lag_frame([]).columns) == list(df.columns)


def test_a_record_from_before_opens():
    """Bytes without the field, as older versions wrote them."""
    e = small(steps=1)
    record = next(iter(train(e)))
    old = {name: value for name, value in vars(record).items() if name != "lag_shares"}
    again = unpack_record(pack(old))
    assert again.lag_shares is None and np.isnan(History.of(e, [again, replace(again, step=1)]).lag_shares).all()


# ---- the study: of the last loss, and of all ----


def split(e, **options):
    *_, found = STUDIES["lag_split"](e, **options)
    return found


@pytest.mark.parametrize("cell", TRAINED)
def test_all_losses_are_split_each_from_its_own_step(cell):
    """Against one autograd pass for each loss, and explicit sums."""
    need(reference.STEPS, cell)
    e = small(cell, task="memorization", length=22, hidden=4)
    found = split(e, step=2, replica=1)
    *_, p = STUDIES["weights"](e, step=2, replica=1)
    p = {name: torch.tensor(W, dtype=DOUBLE)[None] for name, W in p.items()}
    batch = e.bound_task.draw(22, lag_split.SEQUENCES, np.random.default_rng(0), held_out=True)
    x, y = (torch.from_numpy(part)[:, None] for part in (batch.x, batch.y))
    K, terms = len(y), torch.zeros(22, *p["W_rec"].shape[1:], dtype=DOUBLE)
    assert found.losses == K > 1
    for s in range(22 - K, 22):
        run = reference.run(cell, p, 0, x[: s + 1], y[s - 22 + K :][:1], e.loss)
        part = CELLS[cell].recurrent_part
        h = [torch.zeros_like(run.states[0][part]), *(state[part] for state in run.states[:-1])]
        for t, u in enumerate(run.products):
            terms[s - t] += h[t].T @ u.grad / K
        if s == 21:
            assert_close(torch.from_numpy(found.last), explicit(cell, run).flip(0), "of the last loss", 1e-8)
    dW = terms.sum(0)
    assert_close(torch.from_numpy(found.all), (terms * dW).sum((1, 2)) / dW.square().sum(), "of all losses", 1e-8)
    assert abs(found.all.sum() - 1) < 1e-9 and abs(found.last.sum() - 1) < 1e-9


def test_one_loss_has_one_split_and_too_many_are_left_out(monkeypatch):
    found = split(small(length=20))
    assert (
        found.all is None and found.losses == 1 and "at most" in charts.lag_text(found) and "loss" not in charts.lag_text(found)
    )
    monkeypatch.setattr(lag_split, "GIGAFLOPS", 0)
    found = split(small(task="memorization", length=22))
    assert found.all is None and found.losses == 0 and charts.lag_text(found).endswith("of the last loss.")


def test_the_chart_shows_every_share():
    found = split(small(task="memorization", length=22))
    table = charts.lag_table(found)
    assert table.share.tolist() == [*found.last, *found.all] and table.lag.tolist() == [*range(22)] * 2
    low, high = charts.lag_range(found)
    assert low <= min(table.share.min(), 0) and max(table.share.max(), 0.05) <= high < table.share.max() + 0.05
    alt.Chart.from_dict(charts.lag_chart(22, low, high).to_dict())
    assert charts.lag_text(found).count("time step") == 2


@pytest.mark.parametrize("cell", CELLS)
def test_a_training_that_examines_nothing_has_the_same_numbers(cell):
    e = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=12, cell=cell)
    for record, bare in zip(train(e), Trainer(e, examines=False).records(), strict=True):
        assert {f.name for f in fields(bare) if getattr(bare, f.name) is None} >= {"flat", "blocked", "gate", "lag_shares"}
        for name in ("loss", "accuracy", "state_grad", "grad_norm_raw", "grad_norm_applied", "spectral_radius", "diverged"):
            assert np.array_equal(getattr(record, name), getattr(bare, name), equal_nan=True), name
