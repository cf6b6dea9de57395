"""Backpropagation by hand against autograd in float64: every cell on every task under every fix, alone and composed.

Compared are the gradients of all weights and ||dL/ds_t|| of every step and part of the state, as total derivatives.
"""

from itertools import combinations, product

import pytest
import reference
import torch
from backward_passes import fixed_gradients
from reference import DOUBLE, R, active, assert_close, need, parse_all, random_batch, random_params
from torch.nn import functional as F

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, UpdateFix
from rnnkit.engine.losses import LOSSES, correct, one_hot
from rnnkit.tasks import TASKS


def by_hand(cell_name, p, x, y, loss, fixes):
    """(loss (R,), gradients, tape) as the trainer takes them."""
    cell = CELLS[cell_name]
    tape = bptt.forward(cell, p, x)
    z = bptt.readout(p, tape.h[-len(y) :])
    target = one_hot(y, z.shape[-1], z.dtype) if loss == "squared_error" and y.dtype == torch.int64 else y
    value, dz = LOSSES[loss](z, target)
    return value, fixed_gradients(tape, dz, p, fixes), tape


def compare(cell_name, task_name, fixes, seed=0):
    need(reference.STEPS, cell_name)
    need(reference.REMEDIES | reference.PENALTIES | {"truncate": None}, *(fix.name for fix in fixes))
    task = TASKS[task_name]
    p = random_params(cell_name, task.n_in, task.n_out, seed)
    x, y = random_batch(task_name, task.min_length + 2, seed)
    loss = "squared_error" if CELLS[cell_name].reservoir else task.loss
    value, grads, tape = by_hand(cell_name, p, x, y, loss, fixes)
    norms = torch.from_numpy(probes.state_gradient_norms(tape))
    for r in range(R):
        expected = reference.remedied(cell_name, p, r, x, y, loss, fixes)
        ds = expected.state_gradients()
        assert set(grads) == set(p) - {"leak"}
        assert_close(value[r], expected.loss, "loss")
        for name, g in grads.items():
            assert_close(g[r], expected.p[name].grad, f"gradient of {name}, network {r}")
        for part, name in enumerate(CELLS[cell_name].parts):
            for t in range(len(x)):
                assert_close(tape.ds[part][t, r], ds[part, t], f"dL/d{name} at t = {t}, network {r}")
                assert_close(norms[part, t, r], ds[part, t].norm(), f"||dL/d{name}|| at t = {t}, network {r}")


def in_pairs(cases):
    """As few of the cases as meet every pair of their values: a fix sees a cell's states and gradients, and never the task."""
    pairs = {case: set(combinations(enumerate(case), 2)) for case in cases}
    left, chosen = set().union(*pairs.values()), []
    while left:
        chosen.append(max(pairs, key=lambda case: len(pairs[case] & left)))
        left -= pairs[chosen[-1]]
    return chosen


CASES = in_pairs(
    (cell, task, fix)
    for cell in CELLS
    for task in TASKS
    for fix in ("", *(name for name, fix in FIXES.items() if not issubclass(fix, UpdateFix)))  # that changes no gradient
    if not fix or active(fix).applies_to(CELLS[cell])
)


@pytest.mark.parametrize(("cell", "task", "fix"), CASES)
def test_every_cell_on_every_task_under_every_fix(cell, task, fix):
    compare(cell, task, [active(fix)] if fix else [])


@pytest.mark.parametrize(("cell", "fix"), sorted({(c, f) for c, _, f in CASES if f}))
def test_the_strengths_above_act(cell, fix):
    """Else the comparisons would compare nothing."""
    p = random_params(cell, 7, 5)
    x, y = random_batch("memorization", 23)
    plain, fixed = (by_hand(cell, p, x, y, "cross_entropy", fixes)[1] for fixes in ([], [active(fix)]))
    for r in range(R):
        assert any(not torch.equal(plain[k][r], fixed[k][r]) for k in plain)


COMPOSED = (
    "truncate:3,l2:0.02,clip-norm:0.01",
    "clip-norm:0.01,l1:0.03,truncate:5",
    "truncate:2,omega:0.7,clip-norm:0.02",
    "omega:0.7,truncate:3,l1:0.01,clip-value:0.005",
    "freeze:W_in+b,clip-norm:0.01,l2:0.02",
    "l1:0.01,l2:0.02,freeze:W_rec+b_out,clip-value:0.01,clip-norm:0.02",
    "clip-norm:0.03,ar:3,truncate:4,omega:0.7,tar:2,freeze:W_in",
)


@pytest.mark.parametrize(("cell", "task", "fixes"), in_pairs(product(CELLS, ("agreement", "adding", "memorization"), COMPOSED)))
def test_fixes_compose_in_order(cell, task, fixes):
    compare(cell, task, [fix for fix in parse_all(fixes) if fix.applies_to(CELLS[cell])], seed=1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("piece", [1, 2, 3, 6, 7, 8])
def test_truncation_at_any_length_is_detach(cell, piece):
    """With a loss at each of the last ten steps, so that several pieces carry a loss of their own."""
    compare(cell, "memorization", [FIXES["truncate"](piece)], seed=2)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", ["temporal-order", "adding"])
def test_gradients_are_finite_differences_of_the_loss(cell, task):
    """Needs no reference: a new cell is covered as it stands."""
    t = TASKS[task]
    p = random_params(cell, t.n_in, t.n_out, seed=3)
    x, y = random_batch(task, t.min_length, seed=3)
    _, grads, _ = by_hand(cell, p, x, y, t.loss, [])
    for name, g in grads.items():
        direction = torch.randn(g.shape, generator=torch.Generator().manual_seed(4), dtype=DOUBLE)

        def moved(by, name=name, direction=direction):
            return by_hand(cell, p | {name: p[name] + by * direction}, x, y, t.loss, [])[0]

        slope = (8 * (moved(1e-4) - moved(-1e-4)) - moved(2e-4) + moved(-2e-4)) / 12e-4
        assert_close((g * direction).sum((1, 2)), slope, f"gradient of {name}", tolerance=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_state_gradients_are_finite_differences_of_the_loss(cell):
    """dL/dh_t from a nudge of h_t in the middle of the forward loop; needs no reference either."""
    x, y = random_batch("temporal-order", 10, seed=5)
    p = random_params(cell, 6, 4, seed=5)
    tape = by_hand(cell, p, x, y, "cross_entropy", [])[2]
    nudge = torch.randn(tape.h[0].shape, generator=torch.Generator().manual_seed(6), dtype=DOUBLE)

    def loss(at, by):
        s = bptt.forward(CELLS[cell], p, x[: at + 1]).end
        s[0][-1] += by * nudge
        if at + 1 < len(x):
            s = bptt.forward(CELLS[cell], p, x[at + 1 :], s0=s).end
        return LOSSES["cross_entropy"](bptt.readout(p, s[0][-1:]), y)[0]

    for t in range(len(x)):
        slope = (8 * (loss(t, 1e-4) - loss(t, -1e-4)) - loss(t, 2e-4) + loss(t, -2e-4)) / 12e-4
        error = ((tape.ds[0][t] * nudge).sum((1, 2)) - slope).abs().max()
        assert error < 1e-8 * slope.abs().max() + 1e-11, f"t = {t}"


def test_inputs_as_symbols_are_inputs_as_one_hot_numbers():
    p = random_params("lstm", 6, 4)
    x, y = random_batch("temporal-order", 12)
    _, symbols, _ = by_hand("lstm", p, x, y, "cross_entropy", [])
    _, numbers, _ = by_hand("lstm", p, F.one_hot(x, 6).to(DOUBLE), y, "cross_entropy", [])
    for name, g in symbols.items():
        assert_close(g, numbers[name], name)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_derivatives(name):
    """Against autograd on torch's own loss of each network apart: a mean over steps, sequences and components."""
    need({"cross_entropy": None, "squared_error": None}, name)
    g = torch.Generator().manual_seed(7)
    z = 3 * torch.randn(4, R, 5, 6, generator=g, dtype=DOUBLE)
    y = torch.randint(6, (4, R, 5), generator=g)
    y = y if name == "cross_entropy" else torch.randn(z.shape, generator=g, dtype=DOUBLE)
    loss, dz = LOSSES[name](z.clone(), y)
    for r in range(R):
        z_r = z[:, r].clone().requires_grad_()
        expected = reference.loss_of(name, z_r, y[:, r])
        expected.backward()
        assert_close(loss[r], expected.detach(), "loss", 1e-13)
        assert_close(dz[:, r], z_r.grad, "dL/dz", 1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_leave_their_inputs_alone(name):
    z = torch.randn(2, R, 3, 4, dtype=DOUBLE)
    y = z.argmax(-1) if name == "cross_entropy" else z + 1
    before = z.clone(), y.clone()
    LOSSES[name](z, y)
    assert torch.equal(z, before[0])
    assert torch.equal(y, before[1])


def test_correct_counts_each_network_apart():
    z = torch.tensor([[[[0.1, 0.9], [0.8, 0.2]], [[3.0, 1.0], [2.0, 1.0]]]])  # (1, 2, 2, 2)
    assert correct(z, torch.tensor([[[1, 1], [0, 0]]])).tolist() == [0.5, 1.0]
    numbers = torch.zeros(1, 2, 4, 1, dtype=DOUBLE)
    off = torch.tensor([0.0, 0.1999, 0.2001, -0.19], dtype=DOUBLE).view(1, 1, 4, 1)
    assert correct(numbers, torch.cat([off, off + 1], 1)).tolist() == [0.75, 0.0]


def test_the_loss_does_not_grow_with_batch_or_number_of_steps():
    """Repeating the sequences changes nothing, so the gradient's size says nothing about the batch."""
    p = random_params("tanh", 7, 5)
    x, y = random_batch("memorization", 21)
    once, grads, _ = by_hand("tanh", p, x, y, "cross_entropy", [])
    twice, same, _ = by_hand("tanh", p, x.repeat(1, 1, 2), y.repeat(1, 1, 2), "cross_entropy", [])
    assert_close(twice, once, "loss", 1e-13)
    assert_close(same["W_rec"], grads["W_rec"], "gradient", 1e-12)
