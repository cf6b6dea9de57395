"""Decoupled weight decay against torch.optim.AdamW, and against the coupled one of torch.optim.SGD."""

from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, assert_close
from short_trainings import finished, small
from torch_optimizers import TWINS

from rnnkit import Experiment, train
from rnnkit.analysis.describe import difference
from rnnkit.engine.batches import training_batches
from rnnkit.engine.fixes import FIXES, WeightDecay, parse_fix
from rnnkit.engine.learners import GradientDescent
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import ParamStack
from rnnkit.engine.record import pack_record
from rnnkit.engine.trainer import Trainer, init_params

RATE, LR, STEPS = 0.3, 0.05, 200


def random_weights(seed):
    g = torch.Generator().manual_seed(seed)
    shapes = {"W_in": (3, 4), "W_rec": (4, 4), "b": (1, 4), "W_out": (4, 2), "b_out": (1, 2)}
    return {k: torch.randn(2, *s, generator=g, dtype=DOUBLE) for k, s in shapes.items()}


def ours(optimizer, names="all", steps=STEPS, gradient=random_weights):
    """The weights after so many updates by gradients that depend on the step alone."""
    params = ParamStack.of(random_weights(0))
    learner = GradientDescent(Experiment(optimizer=optimizer, lr=LR, fixes=(WeightDecay(RATE, names),)), params)
    for n in range(1, steps + 1):
        learner.begin(n - 1)
        learner.update(ParamStack.of(gradient(n)), None, None, n)
    return params


def theirs(make, steps=STEPS):
    """The same by torch.optim; `make` gets the weights by name."""
    twins = {k: v.requires_grad_() for k, v in random_weights(0).items()}
    optimizer = make(twins)
    for n in range(1, steps + 1):
        for k, g in random_weights(n).items():
            twins[k].grad = g
        optimizer.step()
    return {k: v.detach() for k, v in twins.items()}


def assert_same(one, other):
    for k, W in other.items():
        assert_close(one[k], W, k, 1e-13)


def test_with_adam_it_is_adamw():
    assert_same(ours("adam"), theirs(lambda p: torch.optim.AdamW(p.values(), LR, weight_decay=RATE)))


@pytest.mark.parametrize("names", ["W_rec", "W_in+W_rec+W_out", "b+b_out"])
def test_of_some_weights_it_is_adamw_with_parameter_groups(names):
    def groups(p):
        some = [v for k, v in p.items() if k in names.split("+")]
        rest = [v for k, v in p.items() if k not in names.split("+")]
        return torch.optim.AdamW([{"params": some, "weight_decay": RATE}, {"params": rest, "weight_decay": 0.0}], LR)

    assert_same(ours("adam", names), theirs(groups))


def test_with_plain_sgd_it_is_the_coupled_one_and_with_momentum_it_is_not():
    """torch.optim.SGD adds weight_decay theta to the gradient: momentum then remembers it."""
    assert_same(ours("sgd"), theirs(lambda p: torch.optim.SGD(p.values(), LR, weight_decay=RATE)))
    coupled = theirs(lambda p: torch.optim.SGD(p.values(), LR, momentum=0.9, weight_decay=RATE))
    assert (ours("momentum")["W_rec"] - coupled["W_rec"]).abs().max() > 0.1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_without_a_gradient_a_weight_shrinks_by_a_power(optimizer):
    """(1 - lr rate)^n, and so does each singular value of W_rec."""
    found = ours(optimizer, "W_rec", 50, lambda n: {k: torch.zeros_like(v) for k, v in random_weights(0).items()})
    drawn = random_weights(0)
    assert_close(found["W_rec"], (1 - LR * RATE) ** 50 * drawn["W_rec"], "W_rec", 1e-12)
    assert all(torch.equal(found[k], W) for k, W in drawn.items() if k != "W_rec")


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name in TWINS])
@pytest.mark.parametrize("cell", ["tanh", "gru"])
def test_a_whole_run_is_autograd_and_torch_optim_on_weights_shrunk_before(optimizer, cell):
    """Beside a penalty and clipping, from step 2 on; b stands for both biases of a GRU."""
    decay = WeightDecay(4.0, "W_rec+b", start_step=2)
    e = small(cell, optimizer=optimizer, lr=0.02, fixes=("l2:0.1", decay, "clip-norm:0.2"))
    trainer, records, _ = finished(e, DOUBLE)
    batches = training_batches(e, DOUBLE, "cpu")
    weights = [{k: W[r].clone() for k, W in init_params(e, DOUBLE).items()} for r in range(e.replicas)]
    optimizers = [TWINS[optimizer](list(p.values()), e.lr) for p in weights]
    for step in range(e.steps):
        x, y, *_ = next(batches)
        for r, p in enumerate(weights):
            stack = {k: W.expand(e.replicas, *W.shape) for k, W in p.items()}
            done = reference.remedied(cell, stack, r, x, y, e.loss, e.fixes)
            assert_close(torch.tensor(records[step].loss[r]), done.loss, f"loss at step {step}")
            for k, W in p.items():
                W.grad = done.p[k].grad
                if step >= 2 and k in ("W_rec", "b", "b_rec"):
                    W.mul_(1 - 0.02 * 4.0)
            optimizers[r].step()
    for r, p in enumerate(weights):
        for k, W in p.items():
            assert_close(trainer.params[k][r], W, k)


def test_the_gradients_of_the_first_step_are_those_without_it():
    plain, decayed = (next(iter(train(small(fixes=fixes)))) for fixes in ((), (WeightDecay(100.0),)))
    assert pack_record(plain) == pack_record(decayed)
    assert np.array_equal(decayed.grad_norm_applied, decayed.grad_norm_raw)


def test_a_learning_rate_of_0_decays_nothing():
    trainer = finished(small(lr=0.0, fixes=(WeightDecay(1.0),)))[0]
    assert torch.equal(trainer.params.flat, Trainer(small()).params.flat)


def test_text():
    assert str(WeightDecay()) == "weight-decay:0.01:all" and parse_fix("weight-decay") == WeightDecay()
    assert parse_fix("weight-decay:0.1:W_out+W_rec@3") == WeightDecay(0.1, "W_rec+W_out", start_step=3)
    assert parse_fix("weight-decay::W_in W_rec b W_out b_out") == WeightDecay() == WeightDecay(0.01, "all")
    for text, said in {
        "weight-decay:0": "weight-decay rate must be a number greater than 0 and at most 100, got 0.0",
        "weight-decay:1:W": "weight-decay names must be weights out of W_in, W_rec, b, W_out, b_out, joined by +, or all, got",
        "weight-decay:1:all+b": "or all, got 'all+b'",
    }.items():
        with pytest.raises(ValueError) as error:
            parse_fix(text)
        assert said in str(error.value)
    with pytest.raises(ValueError, match="W_out, b_out, joined by \\+, got 'all'"):
        parse_fix("freeze:all")


def test_words():
    plain = Experiment(fixes=())
    for fix, words in {
        WeightDecay(): "weight decay 0.01",
        WeightDecay(0.1, "W_rec"): "weight decay 0.1 of W_rec",
        WeightDecay(0.1, "W_rec", start_step=5): "weight decay 0.1 of W_rec from training step 5 on",
    }.items():
        assert difference(plain, replace(plain, fixes=(fix,))) == f"only: {words}"
    assert FIXES["weight-decay"] is WeightDecay
