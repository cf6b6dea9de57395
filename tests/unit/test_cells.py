"""Each cell's forward and backward step against torch.nn and reservoirpy with the same weights, in float64.

torch.nn keeps weights as (G*H, I) and we as (I, G*H); GRU's b_rec is torch's bias_hh, which the other cells fold into b.
"""

import numpy as np
import pytest
import torch
from reference import DOUBLE, B, H, R, assert_close, random_params

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.learners import LEARNERS, GradientDescent
from rnnkit.experiment import FIELDS, Experiment, applies

T, N_IN, N_OUT = 7, 5, 3
TWINS = {
    "tanh": lambda: torch.nn.RNN(N_IN, H, nonlinearity="tanh", dtype=DOUBLE),
    "relu": lambda: torch.nn.RNN(N_IN, H, nonlinearity="relu", dtype=DOUBLE),
    "lstm": lambda: torch.nn.LSTM(N_IN, H, dtype=DOUBLE),
    "gru": lambda: torch.nn.GRU(N_IN, H, dtype=DOUBLE),
}
NAMES = {"W_in": "weight_ih_l0", "W_rec": "weight_hh_l0", "b": "bias_ih_l0", "b_rec": "bias_hh_l0"}


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


@pytest.mark.parametrize("name", TWINS)
def test_torch_nn_with_the_same_weights(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    weight = numbers(T, R, B, N_OUT, seed=1)  # the loss is sum(weight * z) over all steps
    tape = bptt.forward(cell, p, x)
    tape.backward(weight)
    grads = tape.gradients()
    for r in range(R):
        twin = TWINS[name]()
        with torch.no_grad():
            twin.bias_hh_l0.zero_()
            for ours, theirs in NAMES.items():
                if ours in p:
                    getattr(twin, theirs).copy_(p[ours][r].mT.squeeze(-1) if ours.startswith("W") else p[ours][r, 0])
        h, last = twin(x[:, r])
        ((h @ p["W_out"][r]) * weight[:, r]).sum().backward()
        assert_close(tape.h[:, r], h, "h")
        if isinstance(last, tuple):
            assert_close(tape.s[1][-1, r], last[1][0], "c")
        for ours, theirs in NAMES.items():
            if ours in p:
                gradient = getattr(twin, theirs).grad
                assert_close(grads[ours][r], gradient.mT if ours.startswith("W") else gradient[None], ours)


@pytest.mark.parametrize("leak", [1.0, 0.35])
def test_echo_state_network_is_reservoirpys_reservoir(leak):
    from reservoirpy.nodes import Reservoir  # loads SciPy, for seconds

    p, x = random_params("esn", N_IN, N_OUT), numbers(T, R, B, N_IN)
    p["leak"] = torch.full((R, 1, 1), leak, dtype=DOUBLE)
    h = bptt.forward(CELLS["esn"], p, x).h
    for r in range(R):
        for b in range(B):
            twin = Reservoir(W=p["W_rec"][r].mT.numpy(), Win=p["W_in"][r].mT.numpy(), bias=p["b"][r, 0].numpy(), lr=leak)
            np.testing.assert_allclose(h[:, r, b], twin.run(x[:, r, b].numpy()), rtol=1e-10, atol=1e-12)


def test_a_nearly_closed_update_gate_in_float32():
    """z about 1e-4: h_t is nearly n, and their difference is all that the gradient of z's weights is made of."""
    p, x, weight = random_params("gru", N_IN, N_OUT), numbers(T, R, B, N_IN), numbers(T, R, B, N_OUT, seed=1)
    p["b"][..., H : 2 * H] -= 9
    found = {}
    for dtype in (torch.float32, DOUBLE):
        q = {k: v.to(dtype) for k, v in p.items()}
        tape = bptt.forward(CELLS["gru"], q, x.to(dtype))
        tape.backward(weight.to(dtype))
        found[dtype] = tape.gradients()
    for k in ("W_in", "W_rec", "b"):
        z = slice(H, 2 * H)
        assert_close(found[torch.float32][k][..., z].double(), found[DOUBLE][k][..., z], f"{k} of z", 5e-6)


@pytest.mark.parametrize("name", CELLS)
def test_one_network_alone_is_that_network_in_the_stack(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    dz = numbers(1, R, B, N_OUT, seed=1)
    tape = bptt.forward(cell, p, x)
    tape.backward(dz)
    grads = tape.gradients()
    for r in range(R):
        one = {k: v[r : r + 1] for k, v in p.items()}
        alone = bptt.forward(cell, one, x[:, r : r + 1])
        alone.backward(dz[:, r : r + 1])
        for part in range(len(cell.parts)):
            assert_close(alone.s[part][:, 0], tape.s[part][:, r], "state", 1e-13)
            assert_close(alone.ds[part][:, 0], tape.ds[part][:, r], "its gradient", 1e-13)
        for k, g in alone.gradients().items():
            assert_close(g[0], grads[k][r], k, 1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_a_later_input_changes_no_earlier_state(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    changed = x.clone()
    changed[4] += 1
    before, after = bptt.forward(cell, p, x).h, bptt.forward(cell, p, changed).h
    assert torch.equal(before[:4], after[:4])
    assert not torch.isclose(before[4:], after[4:], rtol=1e-6, atol=0).all(dim=(1, 2, 3)).any()


@pytest.mark.parametrize("name", CELLS)
def test_parameters_and_inputs_are_left_alone(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    kept = {k: v.clone() for k, v in p.items()} | {"x": x.clone()}
    tape = bptt.forward(cell, p, x)
    tape.backward(numbers(1, R, B, N_OUT))
    tape.gradients()
    assert all(torch.equal(v, kept[k]) for k, v in (p | {"x": x}).items())


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.forget_gate is not None])
def test_the_keeping_gate_keeps(name):
    """Its bias far up (and the writing gate's far down, where there is one): the memory passes unchanged without input."""
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), torch.zeros(T, R, B, N_IN, dtype=DOUBLE)
    p["b"].zero_()
    for gate, bias in ((cell.forget_gate, 100.0), (cell.input_gate, -100.0)):
        if gate is not None:
            p["b"][..., gate * H : (gate + 1) * H] = bias
    h, *memory = (part[0] for part in bptt.forward(cell, p, x[:1], s0=tuple(numbers(R, B, H).abs() for _ in cell.parts)).s)
    for part in memory or [h]:
        assert_close(part, numbers(R, B, H).abs(), "memory", 1e-12)
    assert len(cell.parts) == 1 or not torch.allclose(h, numbers(R, B, H).abs())


@pytest.mark.parametrize("name", CELLS)
def test_widths_are_those_the_cell_declares(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    tape = bptt.forward(cell, p, x)
    tape.backward(numbers(2, R, B, N_OUT))
    assert len(tape.s) == len(tape.ds) == len(cell.parts)
    assert all(part.shape == (T, R, B, H) for part in (*tape.s, *tape.ds))
    assert tape.da.shape == (T, R, B, cell.gates * H)


@pytest.mark.parametrize("name", CELLS)
def test_what_a_cell_declares_is_of_one_piece(name):
    cell = CELLS[name]
    assert cell.title and len(cell.columns) == cell.gates
    assert len(cell.gate_names) == (cell.gates if cell.gates > 1 else 0)
    assert set(cell.fields) | set(dict(cell.suited)) <= set(FIELDS)
    assert ("bias" in cell.fields) == (cell.forget_gate is not None)
    assert ({"fixes", "optimizer", "lr"} <= set(cell.fields)) == (LEARNERS[cell.learner] is GradientDescent)
    assert all(applies(Experiment(cell=name), field) for field in dict(cell.suited))


def test_relu_has_slope_one_where_it_is_on_and_zero_where_it_is_off():
    p = {k: torch.zeros_like(v) for k, v in random_params("relu", 1, 1, hidden=2).items()}
    p["W_out"] = torch.ones(R, 2, 1, dtype=DOUBLE)
    p["b"] = torch.tensor([[[2.0, -3.0]]], dtype=DOUBLE).expand(R, 1, 2)
    tape = bptt.forward(CELLS["relu"], p, torch.zeros(1, R, 1, 1, dtype=DOUBLE))
    tape.backward(torch.ones(1, R, 1, 1, dtype=DOUBLE))
    assert tape.h.flatten(0, 2).tolist() == [[2.0, 0.0]] * R
    assert tape.da.flatten(0, 2).tolist() == [[1.0, 0.0]] * R


@pytest.mark.parametrize("name", CELLS)
def test_nan_is_not_swallowed_and_does_not_spread_to_the_neighbour(name):
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    dz = numbers(1, R, B, N_OUT)
    clean = bptt.forward(cell, p, x)
    clean.backward(dz)
    x[3, 0] = dz[:, 0] = torch.nan  # a loss of NaN states is NaN
    tape = bptt.forward(cell, p, x)
    tape.backward(dz)
    assert torch.equal(tape.h[:3], clean.h[:3])
    assert tape.h[3:, 0].isnan().all()
    assert tape.ds[0][:, 0].isnan().all()
    assert torch.equal(tape.h[:, 1], clean.h[:, 1])
    assert torch.equal(tape.ds[0][:, 1], clean.ds[0][:, 1])


@pytest.mark.parametrize("name", CELLS)
def test_the_derivative_at_nan_is_nan(name):
    """Also where the incoming gradient is finite."""
    cell, p, x = CELLS[name], random_params(name, N_IN, N_OUT), numbers(T, R, B, N_IN)
    x[3, 0] = torch.nan
    tape = bptt.forward(cell, p, x)
    tape.backward(numbers(1, R, B, N_OUT))
    of_input = name not in ("linear", "lru")  # in their Jacobians there is no input
    assert tape.ds[0][2, 0].isnan().all() == of_input and tape.da.isnan().any() == of_input
    assert tape.ds[0][:, 1].isfinite().all()
