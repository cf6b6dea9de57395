"""Divergence: a network that becomes NaN is frozen, named and told, and the others train on."""

import dataclasses

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, assert_close
from short_trainings import finished, small

from rnnkit import train
from rnnkit.engine.divergence import first_not_finite
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.trainer import Trainer

WORDS = ("step", "diverged", "causes", "parts")  # fields of a Record that are not NaN after the end
WILD = {"task": "permutation", "length": 20, "hidden": 8, "init": "spectral", "gain": 2.0}
WILD |= {"fixes": (), "optimizer": "sgd", "lr": 0.1}
SOME = small("relu", **WILD, steps=8, replicas=8, seed=0)  # some of these networks diverge, some do not
ALL = small("relu", **WILD | {"gain": 6.0, "lr": 1.0, "length": 60}, steps=50, replicas=8, seed=0)
both = pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])


@both
def test_a_diverged_network_keeps_its_last_weights_and_its_later_records_are_nan(dtype):
    trainer, records, weights = finished(SOME, dtype)
    last = records[-1]
    dead = np.flatnonzero(last.diverged >= 0)
    assert 0 < len(dead) < SOME.replicas
    assert [r.step for r in records] == SOME.recorded_steps
    for r in dead:
        at = int(last.diverged[r])
        assert last.causes[r]
        for k, W in trainer.params.items():
            assert torch.equal(W[r], weights[at][k][r])
        for record in records:
            values = record.loss[r], record.grad_norm_raw[r], record.grad_norm_applied[r], *record.state_grad[..., r].ravel()
            if record.step < at:
                assert np.isfinite(values).all()
                assert record.diverged[r] == -1
                assert record.causes[r] == ""
            else:
                assert record.diverged[r] == at
                assert record.causes[r] == last.causes[r]
                assert np.isnan(record.accuracy[r])
                assert np.isnan(record.spectral_radius[r])
            if record.step > at:
                assert np.isnan(values).all()
            if record.step == at:
                assert not np.isfinite(values).all()


@both
def test_the_others_go_on_as_if_alone(dtype):
    trainer, records, _ = finished(SOME, dtype)
    for r in np.flatnonzero(records[-1].diverged < 0):
        one = dataclasses.replace(SOME, seed=SOME.seed + int(r), replicas=1)
        alone, own, _ = finished(one, dtype)
        tolerance = 1e-10 if dtype == DOUBLE else 1e-3
        for k, W in alone.params.items():
            assert_close(W[0], trainer.params[k][r], k, tolerance)
        for a, b in zip(own, records, strict=True):
            np.testing.assert_allclose(a.loss[0], b.loss[r], rtol=10 * tolerance)
            np.testing.assert_allclose(a.accuracy[0], b.accuracy[r], rtol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_leaves_a_diverged_network_alone_and_moves_the_others(optimizer):
    trainer = Trainer(small(optimizer=optimizer))
    drawn = {k: v.clone() for k, v in trainer.params.items()}
    trainer.advance()
    trainer.params["W_rec"][1, 0, 0] = torch.nan
    before = {k: v.clone() for k, v in trainer.params.items()}
    for _ in range(3):
        record = trainer.advance()
    assert record.diverged.tolist() == [-1, 1, -1]
    assert record.causes[1] == "W_rec after the update at step 0"
    for k, W in trainer.params.items():
        assert torch.equal(W[1], drawn[k][1]), "its last finite weights: those before the update"
        assert not torch.equal(W[0], before[k][0])
        assert not torch.equal(W[2], before[k][2])


@both
def test_when_all_have_diverged_nothing_but_nan_is_recorded_and_nothing_moves(dtype):
    trainer, records, weights = finished(ALL, dtype)
    last = records[-1]
    end = int(last.diverged.max())
    assert 0 < end < ALL.steps
    assert (last.diverged >= 0).all()
    assert [r.step for r in records] == ALL.recorded_steps
    for record in records:
        assert (record.diverged < 0).any() == (record.step < end)
        assert record.state_grad.shape == records[0].state_grad.shape
        if record.step > end:
            values = [getattr(record, f.name) for f in dataclasses.fields(record) if f.name not in WORDS]
            assert all(v is None or np.isnan(v).all() for v in values)
            assert record.causes == last.causes
    assert all(np.isnan(record.accuracy).all() for record in records if record.step >= end)
    assert all(torch.equal(W, weights[end][k]) for k, W in trainer.params.items())


@both
def test_records_of_one_run_have_one_layout(dtype):
    """Before and after all have diverged: the same arrays, shapes and types."""
    layouts = {
        tuple((f.name, v.dtype, v.shape) for f in dataclasses.fields(r) if hasattr(v := getattr(r, f.name), "dtype"))
        for r in train(ALL, dtype)
    }
    assert len(layouts) == 1


@both
def test_every_network_that_diverged_has_a_cause(dtype):
    last = list(train(ALL, dtype))[-1]
    assert ["" if at < 0 else "stated" for at in last.diverged] == ["stated" if cause else "" for cause in last.causes]


def overflowing(fixes, size=1.5e36, **changes):
    """One ReLU unit that grows evenly to 100 times `size`, and a wrong answer, so that dL/dh_t = 1."""
    e = small("relu", task="permutation", length=100, hidden=1, init="identity", replicas=1, batch=1, fixes=fixes, **changes)
    trainer = Trainer(e)
    trainer.params["W_in"].fill_(size)
    trainer.params["W_out"].zero_()[..., 5] = 1.0
    return trainer


@pytest.mark.parametrize("fix", ["", *FIXES])
def test_a_gradient_that_overflows_is_named_unless_the_fix_makes_it_finite(fix):
    """States and their gradients are finite, the gradient of W_rec, a sum over time of their products, is not."""
    trainer = overflowing((reference.active(fix),) if fix else ())
    record = trainer.advance()
    assert np.isfinite(record.loss).all()
    assert np.isfinite(record.state_grad).all()
    assert not np.isfinite(record.grad_norm_raw).any()
    if fix in ("clip-value", "freeze"):  # what is applied is finite
        assert np.isfinite(record.grad_norm_applied).all()
        assert record.diverged.tolist() == [-1] and record.causes == ("",)
    else:
        assert record.diverged.tolist() == [0]
        assert record.causes == ("the gradient of W_rec",)


def test_an_infinite_gradient_limited_by_value_is_applied_as_torch_applies_it():
    trainer = overflowing(("clip-value:0.5", "clip-norm:0.25"), optimizer="sgd", lr=0.1)
    before = {k: v.clone() for k, v in trainer.params.items()}
    out = trainer.compute(next(trainer.batches))
    trainer = overflowing(("clip-value:0.5", "clip-norm:0.25"), optimizer="sgd", lr=0.1)
    trainer.advance()
    weights = {k: v[0].clone().requires_grad_() for k, v in before.items()}
    for k, W in weights.items():
        W.grad = out.raw[k][0].clone()
    assert out.raw["W_rec"].isinf().any()
    torch.nn.utils.clip_grad_value_(weights.values(), 0.5)
    torch.nn.utils.clip_grad_norm_(weights.values(), 0.25)
    torch.optim.SGD(weights.values(), lr=0.1).step()
    for k, W in weights.items():
        torch.testing.assert_close(trainer.params[k][0], W.detach(), rtol=1e-6, atol=1e-6)
    assert not torch.equal(trainer.params["W_rec"], before["W_rec"])


@pytest.mark.parametrize("fixes", [(), ("clip-norm:0.1",), ("clip-norm:0.1", "l2:0.01")])
def test_a_norm_whose_square_float32_cannot_hold_is_no_divergence(fixes):
    """1e25: the square is 1e50. The update is finite, and so are the weights after it."""
    trainer = overflowing(fixes, size=1e23, optimizer="sgd", lr=1e-9)
    record = trainer.advance()
    assert 1e24 < record.grad_norm_raw[0] < 1e27
    assert record.diverged.tolist() == [-1]
    assert all(W.isfinite().all() for W in trainer.params.values())


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_an_update_that_makes_weights_infinite_is_named_and_undone(optimizer):
    """The gradient is finite, the learning rate times it is not: the last finite weights are kept."""
    trainer = overflowing((), size=1e34, optimizer=optimizer, lr=1000.0)
    before = {k: v.clone() for k, v in trainer.params.items()}
    first, second, third = trainer.advance(), trainer.advance(), trainer.advance()
    assert first.diverged.tolist() == [-1] and np.isfinite(first.grad_norm_applied).all()
    assert second.diverged.tolist() == third.diverged.tolist() == [1]
    assert second.causes == ("W_rec after the update at step 0",)
    assert not np.isfinite(second.loss).any()
    assert all(torch.equal(W, before[k]) for k, W in trainer.params.items())


@pytest.mark.parametrize("clip", [(), ("clip-norm:1",)])
def test_the_tensor_that_a_fix_made_infinite_is_named_with_the_fix(clip):
    """Unit 0 is off, so its huge weights do no harm; ten times them is not a float32. Clipping would spread NaN to all."""
    e = small("relu", fixes=("l1:0.1", "l2:10", *clip), replicas=2)
    trainer = Trainer(e)
    trainer.params["W_in"][1, :, 0] = -5
    trainer.params["W_rec"][1, 0, :] = 1e38
    trainer.params["W_rec"][1, :, 0] = 0
    record = trainer.advance()
    assert record.diverged.tolist() == [-1, 0]
    assert record.causes[1] == "the gradient of W_rec after l2"


def test_an_lstms_cell_state_is_named_before_the_state_that_it_makes():
    trainer = Trainer(small("lstm"))
    trainer.params["W_in"][1] = torch.nan
    out = trainer.compute(next(trainer.batches))
    tape = trainer.functions.tape
    found = first_not_finite(tape.cell, tape, out.z, out.loss, out.raw, 1)
    assert found == "c at t = 0 of the forward pass"


def test_an_echo_state_network_that_diverged_keeps_its_readout():
    trainer = Trainer(small("esn", steps=4))
    trainer.params["W_out"][1] = 1e25  # its loss overflows
    last = [trainer.advance() for _ in range(5)][-1]
    assert last.diverged.tolist() == [-1, 0, -1]
    assert (trainer.params["W_out"][1] == 1e25).all()
    assert (trainer.params["W_out"][[0, 2]].abs() < 1e3).all()
