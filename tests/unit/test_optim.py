"""Optimizers against torch.optim over many steps in float64, and what must hold for any of them."""

import pytest
import torch
from torch_optimizers import TWINS

from rnnkit.engine.optim import OPTIMIZERS

SHAPES = {"W": (3, 4, 5), "b": (3, 1, 5)}
every = pytest.mark.parametrize("name", OPTIMIZERS)


def random_weights(seed):
    g = torch.Generator().manual_seed(seed)
    return {k: torch.randn(s, generator=g, dtype=torch.float64) for k, s in SHAPES.items()}


def descend(name, params, gradients, lr):
    optimizer = OPTIMIZERS[name]
    memory = optimizer.init(params)
    for n, grads in enumerate(gradients, 1):
        for k, g in grads.items():
            params[k].sub_(optimizer.step(g, memory[k], lr, n))
    return params


@every
@pytest.mark.parametrize("lr", [0.003, 0.1])
def test_twenty_steps_of_torch_optim(name, lr):
    if name not in TWINS:
        pytest.skip(f"torch.optim has no twin of {name!r} here")
    twins = {k: v.clone().requires_grad_() for k, v in random_weights(0).items()}
    theirs = TWINS[name](list(twins.values()), lr)
    gradients = [{k: g * 10.0 ** (n % 5 - 3) for k, g in random_weights(n).items()} for n in range(1, 21)]
    ours = random_weights(0)
    optimizer = OPTIMIZERS[name]
    memory = optimizer.init(ours)
    for n, grads in enumerate(gradients, 1):
        for k, g in grads.items():
            ours[k].sub_(optimizer.step(g, memory[k], lr, n))
            twins[k].grad = g.clone()
        theirs.step()
        for k, W in ours.items():
            torch.testing.assert_close(W, twins[k].detach(), rtol=1e-12, atol=1e-12)


@every
def test_networks_never_mix_not_even_through_nan(name):
    gradients = [random_weights(n) for n in range(1, 6)]
    clean = descend(name, random_weights(0), gradients, 0.01)
    for grads in gradients:
        for g in grads.values():
            g[1] = torch.nan
    spoilt = descend(name, random_weights(0), gradients, 0.01)
    for k in SHAPES:
        assert torch.equal(spoilt[k][[0, 2]], clean[k][[0, 2]])


@every
def test_without_a_gradient_nothing_moves(name):
    still = [{k: torch.zeros_like(v) for k, v in random_weights(0).items()}] * 5
    moved = descend(name, random_weights(0), still, 0.1)
    assert all(torch.equal(moved[k], W) for k, W in random_weights(0).items())


@every
def test_memory_and_gradients(name):
    """One slot a running average, zero at first; the gradient itself is not written to."""
    optimizer, params, grads = OPTIMIZERS[name], random_weights(0), random_weights(1)
    memory = optimizer.init(params)
    assert all(len(memory[k]) == optimizer.slots for k in params)
    assert not any(slot.any() for slots in memory.values() for slot in slots)
    for k, g in grads.items():
        step = optimizer.step(g, memory[k], 0.1, 1)
        assert step.shape == g.shape
        assert (torch.sign(step) == torch.sign(g)).all()
        assert torch.equal(g, random_weights(1)[k])
        assert all(slot.shape == g.shape and slot.any() for slot in memory[k])
    assert optimizer.title


@every
def test_a_bowl_is_descended(name):
    optimizer, W = OPTIMIZERS[name], torch.full((1, 2, 2), 3.0, dtype=torch.float64)
    memory = optimizer.init({"W": W})["W"]
    for n in range(1, 801):
        W.sub_(optimizer.step(W.clone(), memory, 0.02, n))
    assert W.abs().max() < 0.1


@every
@pytest.mark.parametrize("growth", [0.5, 1.0, 1.05, 1.234, 3.0])
def test_no_step_is_longer_than_it_says(name, growth):
    """Gradients in one direction, which is where the averages add up; 1.234 a step is the worst for Adam."""
    rule, n, lr = OPTIMIZERS[name], 20, 0.1
    memory, largest = rule.init({"W": torch.zeros(1, n, dtype=torch.float64)})["W"], 0.0
    for k in range(1, 80):
        g = torch.full((1, n), growth**k, dtype=torch.float64)
        largest = max(largest, float(g.norm()))
        step = float(rule.step(g, memory, lr, k).norm())
        assert step <= rule.longest * lr * (n**0.5 if rule.adaptive else largest) * (1 + 1e-9)
