"""A connection over k steps: its passes for many k against autograd, also truncated and padded, and the gradient's jumps."""

import numpy as np
import pytest
import reference
import torch
from backward_passes import fixed_gradients
from reference import DOUBLE, assert_close, parse_all, random_params

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.cells.skip import Skip
from rnnkit.engine.fixes import Omega
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.tape_arrays import Padding

R, B, H = reference.R, reference.B, reference.H
LAGS = (2, 3, 6, 20)


def of_lag(k):
    return type("OfLag", (Skip,), {"lag": k})()


def drawn(T, seed=0, K=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(5, (T, R, B), generator=g), torch.randint(3, (K, R, B), generator=g)


def passes(cell, p, x, y, fixes=""):
    tape = bptt.Tape(cell, p, len(x), x.shape[2]).forward(p, x)
    _, dz = LOSSES["cross_entropy"](bptt.readout(p, tape.h[-len(y) :]), y)
    return tape, fixed_gradients(tape, dz, p, parse_all(fixes))


@pytest.mark.parametrize("k", LAGS)
@pytest.mark.parametrize("fixes", ["", "truncate:1", "truncate:4", "truncate:7", "truncate:10", "ar:2,tar:1,truncate:5"])
@pytest.mark.parametrize("K", [1, 9])
def test_the_passes_are_autograds(k, fixes, K, monkeypatch):
    """A cut between both ends of a short cut stops its gradient, wherever it lies."""
    cell = of_lag(k)
    monkeypatch.setitem(CELLS, "skip", cell)
    p, (x, y) = random_params("skip", 5, 3), drawn(17, k, K)
    tape, grads = passes(cell, p, x, y, fixes)
    for r in range(R):
        plain = reference.remedied("skip", p, r, x, y, "cross_entropy", parse_all(fixes))
        assert_close(tape.h[:, r], torch.stack([h for (h,) in plain.states]), "h")
        assert_close(tape.ds[0][:, r], plain.state_gradients()[0], "dL/dh")
        for name, gradient in grads.items():
            assert_close(gradient[r], plain.p[name].grad, name)
    assert grads["W_skip"].any() == (k < 17)


@pytest.mark.parametrize("k", LAGS)
@pytest.mark.parametrize("fixes", ["", "truncate:4"])
def test_a_sequence_that_begins_late_is_the_sequence_alone(k, fixes):
    """On a tape that a full batch has been through: none of its states may be read."""
    cell, p, (x, y) = of_lag(k), random_params("skip", 5, 3), drawn(15, 4)
    starts = np.array([2, 5, 11])
    mask = torch.from_numpy((np.arange(2, 12)[:, None] >= starts)[:, None, :, None].repeat(R, 1).astype(float))
    tape, _ = passes(cell, p, x, y)
    tape.forward(p, x, padding=Padding(2, mask))
    _, dz = LOSSES["cross_entropy"](bptt.readout(p, tape.h[-1:]), y)
    grads = fixed_gradients(tape, dz, p, parse_all(fixes))
    alone = {name: torch.zeros_like(W) for name, W in p.items()}
    for b, start in enumerate(starts):
        one, of_one = passes(cell, p, x[start:, :, b : b + 1], y[:, :, b : b + 1], fixes)
        assert_close(tape.h[start:, :, b], one.h[:, :, 0], "h", 1e-12)
        assert_close(tape.ds[0][start:, :, b] * B, one.ds[0][:, :, 0], "dL/dh", 1e-12)  # of a mean over sequences
        assert not tape.h[:start, :, b].any() and not tape.ds[0][:start, :, b].any()
        for name, gradient in of_one.items():
            alone[name] += gradient / B
    for name, gradient in grads.items():
        assert_close(gradient, alone[name], name, 1e-12)


def resting(k, rec, skip, T):
    """dL/dh_t (T,) of one unit whose states are all 0, so that all its slopes are exactly 1; dL/dh of the last step is 1."""
    p = {"W_in": torch.zeros(1, 1, 1), "W_rec": torch.full((1, 1, 1), rec), "b": torch.zeros(1, 1, 1)}
    p |= {"W_skip": torch.full((1, 1, 1), skip), "W_out": torch.ones(1, 1, 1), "b_out": torch.zeros(1, 1, 1)}
    p = {name: W.to(DOUBLE) for name, W in p.items()}
    tape = bptt.forward(of_lag(k), p, torch.zeros(T, 1, 1, 1, dtype=DOUBLE))
    tape.backward(torch.ones(1, 1, 1, 1, dtype=DOUBLE))
    return tape.ds[0].flatten().numpy()


def test_the_gradient_jumps_k_steps_with_one_factor():
    """Without W_rec it is skip ** (d / k) at the distances d = 0, k, 2 k, ..., and exactly 0 between: powers of two are exact."""
    ds = resting(6, 0.0, 0.5, 50)[::-1]
    expected = np.zeros(50)
    expected[::6] = 0.5 ** np.arange(9)
    np.testing.assert_array_equal(ds, expected)
    assert ds[48] == 0.5**8, "from the verb to the subject of 50 words: 8 factors in the place of 48"


@pytest.mark.parametrize("k", [2, 6, 20])
def test_the_gradient_is_the_sum_over_all_ways(k):
    """f(d) = rec f(d - 1) + skip f(d - k), f(0) = 1; the shortest way has d // k + d % k factors."""
    found, f = resting(k, 0.25, 0.5, 40)[::-1], [1.0]
    for d in range(1, 40):
        f.append(0.25 * f[d - 1] + (0.5 * f[d - k] if d >= k else 0))
    np.testing.assert_allclose(found, f, rtol=1e-13)
    assert all(found[d] >= 0.25 ** (d % k) * 0.5 ** (d // k) for d in range(40))


@pytest.mark.parametrize("k", [2, 6])
def test_the_jacobians_of_the_last_k_states_carry_the_gradient(k):
    p = {name: W[:1] for name, W in random_params("skip", 5, 3).items()}
    x, y = (part[:, :1, :1] for part in drawn(17, 3))
    tape, _ = passes(of_lag(k), p, x, y)
    J, C = probes.jacobians(of_lag(k), p, tape)
    assert J.shape == C.shape == (17, k * H, k * H)
    came = torch.cat([tape.ds[0][-1, 0, 0], torch.zeros((k - 1) * H, dtype=DOUBLE)])
    for t in range(16, 0, -1):
        came = (came @ C[t]) @ J[t]
        assert_close(came[:H], tape.ds[0][t - 1, 0, 0], f"dL/dh at {t - 1}", 1e-12)


def test_the_states_of_one_step_are_no_state_to_go_on_from():
    p, (x, _) = random_params("skip", 5, 3), drawn(9)
    h = bptt.forward(of_lag(6), p, x).h[-1]
    with pytest.raises(RuntimeError, match=r"\[6, 2, 3, 4\]"):
        bptt.forward(of_lag(6), p, x, s0=(h,))


def test_what_does_not_apply_to_a_cell_with_two_ways_back():
    """Its Jacobian of a step is not slope times W_rec: no bound by W_rec alone, no Omega."""
    assert not Skip().has_slope and not Omega.applies_to(Skip())
    assert Skip().second_matrix == "W_skip" and Skip().n_products == 2 and CELLS["tanh"].delayed_product({}) == []
