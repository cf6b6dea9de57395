"""sLSTM with and without its stabilizer against the same network in float64 logarithms: n and the mean c / n, no exponential."""

import pytest
import torch
from reference import DOUBLE, B, R, assert_close, random_params
from torch.nn.functional import logsigmoid

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS

T, N_IN, N_OUT = 60, 5, 3


def problem(scale):
    """Weights, and inputs that make pre-activations of about this size."""
    p = random_params("slstm", N_IN, N_OUT)
    p["W_in"] *= scale
    return p, torch.randn(T, R, B, N_IN, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)


def by_logarithms(p, x):
    """h_t, (T, R, B, H), with log n and r = c / n: r_t = r_{t-1} + (z - r_{t-1}) i / n_t."""
    h = r = torch.zeros(R, B, p["W_out"].shape[1], dtype=DOUBLE)
    log_n, states = torch.full_like(h, -torch.inf), []
    for x_t in x:
        a_i, a_f, a_z, a_o = (x_t @ p["W_in"] + p["b"] + h @ p["W_rec"]).chunk(4, -1)
        log_n = torch.logaddexp(log_n + logsigmoid(a_f), a_i)
        r = r + (torch.tanh(a_z) - r) * torch.exp(a_i - log_n)
        h = torch.sigmoid(a_o) * r
        states.append(h)
    return torch.stack(states)


def states(name, p, x, dtype):
    return bptt.forward(CELLS[name], {k: v.to(dtype) for k, v in p.items()}, x.to(dtype)).h


@pytest.mark.parametrize("name", ["slstm", "slstm-unstabilized"])
def test_both_are_the_same_network_where_nothing_overflows(name):
    p, x = problem(2.0)
    expected = by_logarithms(p, x)
    assert_close(states(name, p, x, DOUBLE), expected, "float64", 1e-12)
    assert_close(states(name, p, x, torch.float32).double(), expected, "float32", 1e-5)


def test_without_the_stabilizer_large_pre_activations_are_nan_with_it_they_are_right():
    """Weights on a grid of 1/64 and inputs of -1, 0, 1: float32 holds them exactly, however large the pre-activations are."""
    p, x = problem(60.0)
    p["W_in"], x = (p["W_in"] * 64).round() / 64, x.sign() * (x.abs() > 0.5)
    expected = by_logarithms(p, x)
    assert states("slstm-unstabilized", p, x, torch.float32).isnan().any()
    assert_close(states("slstm", p, x, torch.float32).double(), expected, "float32", 1e-4)
    assert_close(states("slstm", p, x, DOUBLE), expected, "float64", 1e-12)


@pytest.mark.parametrize("a_i", [-300.0, 300.0])
def test_the_first_state_is_the_gated_candidate_however_small_or_large_its_weight(a_i):
    """h_0 = o z: the only value has all the weight. Without the stabilizer it is 0 / 0 or inf / inf."""
    p, x = problem(1.0)
    p["W_in"][..., : p["W_out"].shape[1]] = 0
    p["b"][..., : p["W_out"].shape[1]] = a_i
    _, _, a_z, a_o = (x[0] @ p["W_in"] + p["b"]).chunk(4, -1)
    h = states("slstm", p, x[:1], torch.float32)[0].double()
    assert_close(h, torch.sigmoid(a_o) * torch.tanh(a_z), "h", 1e-6)
    assert states("slstm-unstabilized", p, x[:1], torch.float32).isnan().all()


def test_the_stabilizer_changes_no_gradient_and_has_none():
    p, x = problem(2.0)
    dz = torch.randn(T, R, B, N_OUT, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    tapes = [bptt.forward(CELLS[name], p, x) for name in ("slstm", "slstm-unstabilized")]
    for tape in tapes:
        tape.backward(dz)
    with_it, without = tapes
    for name, gradient in without.gradients().items():
        assert_close(with_it.gradients()[name], gradient, name, 1e-10)
    assert_close(with_it.ds[0], without.ds[0], "dL/dh", 1e-10)
    scale = torch.exp(with_it.s.m)
    for part in ("n", "c"):
        assert_close(getattr(with_it.ds, part) / scale, getattr(without.ds, part), f"dL/d{part}", 1e-10)
    assert not with_it.ds.m.any()
