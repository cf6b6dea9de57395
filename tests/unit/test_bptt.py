"""The fast loops against the plain one: arrays used again, blocks, pieces of time, threads; over random shapes."""

import pytest
import reference
import torch
from backward_passes import fixed_gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import DOUBLE, STRENGTHS, assert_close, random_params

from rnnkit.engine import bptt, probes, tape_arrays
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.params import ParamStack


def numbers(g, *shape):
    return torch.randn(*shape, generator=g, dtype=DOUBLE)


def inputs(g, symbols, n_in, T, R, B):
    return torch.randint(n_in, (T, R, B), generator=g) if symbols else numbers(g, T, R, B, n_in)


def passes(cell, p, x, y, fixes, tape=None):
    """One pass there and back, as the trainer takes it."""
    tape = (tape or bptt.Tape(cell, p, len(x), x.shape[2])).forward(p, x)
    _, dz = LOSSES["cross_entropy"](bptt.readout(p, tape.h[-len(y) :]), y)
    return tape, fixed_gradients(tape, dz, p, fixes)


@st.composite
def problems(draw):
    name = draw(st.sampled_from(sorted(set(CELLS) & set(reference.STEPS))))
    known = [fix for fix in map(reference.active, STRENGTHS) if fix.applies_to(CELLS[name])]
    fixes = draw(st.lists(st.sampled_from(known), unique=True, max_size=3))
    T = draw(st.integers(1, 30))
    sizes = {k: draw(st.integers(1, high)) for k, high in {"R": 5, "B": 6, "H": 9, "n_in": 7, "n_out": 4, "K": T}.items()}
    block = draw(st.sampled_from([1, 50, 200, tape_arrays.BLOCK]))
    return name, fixes, T, sizes, draw(st.booleans()), block, draw(st.integers(0, 2**31))


@settings(max_examples=150)
@given(problems())
def test_the_fast_loops_are_the_plain_loop_through_autograd(problem):
    """States, dL/ds_t, every gradient after the fixes, and their norms; on a tape that another batch has been through."""
    name, fixes, T, n, symbols, block, seed = problem
    g = torch.Generator().manual_seed(seed)
    cell, p = CELLS[name], random_params(name, n["n_in"], n["n_out"], seed, n["H"], n["R"])
    before = tape_arrays.BLOCK
    tape_arrays.BLOCK = block
    try:
        tape = None
        for _ in range(2):
            x = inputs(g, symbols, n["n_in"], T, n["R"], n["B"])
            y = torch.randint(n["n_out"], (n["K"], n["R"], n["B"]), generator=g)
            tape, grads = passes(cell, p, x, y, fixes, tape)
    finally:
        tape_arrays.BLOCK = before
    norms, total = torch.from_numpy(probes.state_gradient_norms(tape)), ParamStack.of(grads).norm
    for r in range(n["R"]):
        plain = reference.remedied(name, p, r, x, y, "cross_entropy", fixes)
        ds = plain.state_gradients()
        for part in range(len(cell.parts)):
            assert_close(tape.s[part][:, r], torch.stack([s[part] for s in plain.states]), "states")
            assert_close(tape.ds[part][:, r], ds[part], "dL/ds")
            assert_close(norms[part, :, r], ds[part].flatten(1).norm(dim=1), "their norms")
        for k, gradient in grads.items():
            assert_close(gradient[r], plain.p[k].grad, k)
        expected = sum(plain.p[k].grad.square().sum() for k in grads) ** 0.5
        assert_close(total[r], expected, "norm")


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("piece", [1, 4, 7, 13, 20])
@pytest.mark.parametrize("K", [1, 5, 13])
def test_last_states_on_a_short_tape_are_those_of_a_long_one(name, piece, K):
    p, x = random_params(name, 5, 2), inputs(torch.Generator().manual_seed(0), True, 5, 13, reference.R, 3)
    short = bptt.Tape(CELLS[name], p, piece, 3)
    h = short.last_states(p, x, K)
    assert_close(h, bptt.forward(CELLS[name], p, x).h[-K:], "h", 1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_a_state_carried_on_is_the_sequence_in_one_piece(name):
    p, x = random_params(name, 3, 2), inputs(torch.Generator().manual_seed(1), False, 3, 12, reference.R, 3)
    whole = bptt.forward(CELLS[name], p, x)
    first = bptt.forward(CELLS[name], p, x[:5])
    second = bptt.forward(CELLS[name], p, x[5:], s0=first.end)
    for part in range(len(CELLS[name].parts)):
        assert_close(second.s[part], whole.s[part][5:], "state", 1e-13)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing_but_the_order_of_sums_and_stay_as_they_were(name, threads):
    g = torch.Generator().manual_seed(2)
    p = random_params(name, 6, 2, hidden=40, replicas=3)
    x, y = inputs(g, True, 6, 9, 3, 40), torch.randint(2, (1, 3, 40), generator=g)
    alone, grads = passes(CELLS[name], p, x, y, [])
    torch.set_num_threads(threads)
    try:
        many, same = passes(CELLS[name], p, x, y, [])
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(1)
    assert_close(many.ds[0], alone.ds[0], "dL/dh", 1e-12)
    for k, gradient in grads.items():
        assert_close(same[k], gradient, k, 1e-12)


NUMBERS = {
    "tanh": 3,
    "sigmoid": 3,
    "relu": 3,
    "esn": 4,
    "gru": 11,
    "lstm": 15,
    "linear": 3,
    "lstm-relu": 15,
    "gru-relu": 11,
    "janet": 8,
    "mingru": 6,
    "lru": 8,
    "minlstm": 9,
    "gated-linear": 6,
    "gated-linear-signed": 6,
    "slstm": 20,
    "slstm-unstabilized": 18,
    "antisymmetric": 4,
    "exprnn": 3,
    "cornn": 6,
    "skip": 3,
}  # as Tape's docstring and the docs promise


@pytest.mark.parametrize("name", CELLS)
def test_memory_is_linear_in_the_number_of_steps(name):
    B, H = 3, 4
    p = random_params(name, 5, 2, hidden=H)
    sizes = {}
    for T in (10, 20, 110):
        tape, _ = passes(CELLS[name], p, torch.zeros(T, reference.R, B, dtype=torch.int64), torch.zeros(1, 2, B).long(), [])
        sizes[T] = tape.nbytes
    per_step = (sizes[110] - sizes[10]) // 100
    assert sizes[20] - sizes[10] == 10 * per_step
    assert per_step == CELLS[name].floats_per_unit * reference.R * B * H * 8
    if name in NUMBERS:
        assert CELLS[name].floats_per_unit == NUMBERS[name]


def test_a_tape_takes_no_more_steps_than_it_has_and_none_back_without_them():
    p, x = random_params("tanh", 5, 2), torch.zeros(6, reference.R, 3, dtype=torch.int64)
    with pytest.raises(ValueError, match="at most the tape's 5 steps, got 6"):
        bptt.Tape(CELLS["tanh"], p, 5, 3).forward(p, x)
    tape = bptt.Tape(CELLS["tanh"], p, 9, 3).forward(p, x)
    with pytest.raises(ValueError, match="all 9 steps of the tape, got 6"):
        tape.backward(torch.zeros(1, reference.R, 3, 2, dtype=DOUBLE))


def test_a_tape_refuses_what_no_pass_has_filled():
    p, x, dz = random_params("tanh", 5, 2), torch.zeros(6, reference.R, 3, dtype=torch.int64), torch.ones(1, reference.R, 3, 2)
    tape = bptt.Tape(CELLS["tanh"], p, 6, 3)
    for ask in (lambda: tape.s, lambda: tape.h, lambda: tape.backward(dz.double())):
        with pytest.raises(RuntimeError, match=r"no forward pass yet: call Tape\.forward first"):
            ask()
    for _ in range(2):  # a new forward pass needs a backward pass of its own
        tape.forward(p, x)
        for ask in (lambda: tape.ds, lambda: tape.da, tape.gradients):
            with pytest.raises(RuntimeError, match=r"no backward pass yet: call Tape\.backward first"):
                ask()
        tape.backward(dz.double())
        assert set(tape.gradients()) == set(p)


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.max_slope is not None])
def test_looking_at_the_slopes_changes_nothing_on_the_tape(name, monkeypatch):
    monkeypatch.setattr(tape_arrays, "BLOCK", 2 * reference.R * 3 * reference.H)  # blocks of two steps, and one of a single step
    g = torch.Generator().manual_seed(3)
    p, x, y = random_params(name, 5, 2), inputs(g, True, 5, 7, reference.R, 3), torch.zeros(1, reference.R, 3, dtype=torch.int64)
    tape, grads = passes(CELLS[name], p, x, y, [])
    before = [part.clone() for part in (*tape.s, *tape.ds, tape.da)]
    slopes = probes.slopes(CELLS[name], p, tape)
    probes.paths(CELLS[name], p, tape, 0)
    assert all(map(torch.equal, (*tape.s, *tape.ds, tape.da), before))
    assert all(torch.equal(g, grads[k]) for k, g in tape.gradients().items())
    assert_close(tape.ds[0] * slopes * p.get("leak", 1.0), tape.da, "dL/da", 1e-14)
