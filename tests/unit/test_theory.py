"""Theory: no Jacobian breaks the bound, the slopes are never steeper than gamma, and the words follow the numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.analysis import theory
from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS


def matrix(seed, gain, H=5):
    return np.random.default_rng(seed).standard_normal((H, H)) * gain


@given(st.integers(0, 1000), st.floats(0, 3), st.floats(0.01, 1), st.sampled_from([0.25, 1.0]))
def test_no_step_is_longer_than_its_bound(seed, gain, leak, gamma):
    """J = (1 - leak) 1 + leak diag(phi') W^T for any slopes up to gamma."""
    W = matrix(seed, gain)
    slopes = np.random.default_rng(seed + 1).uniform(-gamma, gamma, len(W))
    J = (1 - leak) * np.eye(len(W)) + leak * np.diag(slopes) @ W.T
    assert np.linalg.norm(J, 2) <= theory.step_bound(np.linalg.norm(W, 2), gamma, leak) * (1 + 1e-12)


def test_the_bound_is_reached():
    """With all units at their steepest, and the vector that W_rec stretches most."""
    W = matrix(0, 1.0)
    J = 0.25 * W.T
    assert np.linalg.norm(J, 2) == pytest.approx(theory.step_bound(np.linalg.norm(W, 2), 0.25), rel=1e-12)
    assert theory.step_bound(3.0, 0.25, leak=0.1) == pytest.approx(0.9 + 0.1 * 0.75)


@given(st.integers(0, 1000), st.floats(0.1, 2), st.floats(0.1, 1), st.floats(0.1, 1))
def test_typical_rate_is_the_spectral_radius_of_the_mean_step(seed, gain, slope, leak):
    W = matrix(seed, gain)
    J = (1 - leak) * np.eye(len(W)) + leak * slope * W.T
    assert theory.typical_rate(W, slope, leak) == pytest.approx(np.abs(np.linalg.eigvals(J)).max(), rel=1e-9)
    radius = float(probes.spectral_radius(torch.tensor(W[None]))[0])
    assert theory.typical_rate(W, slope) == pytest.approx(slope * radius, rel=1e-9)


def test_decay_stands_over_the_time_axis():
    np.testing.assert_allclose(theory.decay(3.0, 0.5, 3), [0.375, 0.75, 1.5, 3])
    np.testing.assert_allclose(theory.decay(3.0, 0.0, 2), [0, 0, 3])
    assert theory.decay(1.0, 10.0, 400)[0] == math.inf


@pytest.mark.parametrize("cell", theory.GAMMA)
def test_gamma_is_the_steepest_slope_of_the_cell(cell):
    """phi'(a) over a fine grid of a from -6 to 6, as the engine computes it."""
    a = torch.linspace(-6, 6, 4801, dtype=torch.float64)
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    p = {"W_in": one, "W_rec": 0 * one, "b": 0 * one, "W_out": one, "b_out": 0 * one}
    p |= {name: 0 * one for name in CELLS[cell].own_weights}
    p |= {"leak": 0.3 * one} if CELLS[cell].reservoir else {}
    tape = bptt.forward(CELLS[cell], p, a.view(1, 1, -1, 1))
    slopes = probes.slopes(CELLS[cell], p, tape)
    assert float(slopes.max()) == pytest.approx(theory.GAMMA[cell], rel=1e-6)
    assert float(slopes.min()) >= 0


def test_cells_that_the_theorem_does_not_know():
    assert {cell for cell in theory.GAMMA if CELLS[cell].forget_gate is not None} == set()
    gated = [cell for cell in CELLS if CELLS[cell].forget_gate is not None]
    assert gated
    for cell in [*gated, "a cell of tomorrow"]:
        assert theory.condition(cell, 0.1) == theory.UNDECIDED


@pytest.mark.parametrize(
    ("cell", "singular", "leak", "expected"),
    [
        ("tanh", 0.99, 1.0, theory.MUST_VANISH),
        ("tanh", 1.0, 1.0, theory.NEITHER),
        ("tanh", 1 - 1e-9, 1.0, theory.NEITHER),  # an orthogonal matrix, rounded
        ("tanh", 1 + 1e-7, 1.0, theory.NEITHER),  # the same in float32
        ("tanh", 1.001, 1.0, theory.MAY_GROW),
        ("relu", 1.0, 1.0, theory.NEITHER),
        ("sigmoid", 4.0, 1.0, theory.NEITHER),
        ("esn", 1.0, 0.01, theory.NEITHER),
        ("esn", 0.9999, 0.01, theory.MUST_VANISH),
        ("relu", 1.3, 1.0, theory.MAY_GROW),
        ("sigmoid", 3.9, 1.0, theory.MUST_VANISH),
        ("sigmoid", 4.1, 1.0, theory.MAY_GROW),
        ("esn", 0.9, 0.1, theory.MUST_VANISH),
        ("esn", 1.1, 0.1, theory.MAY_GROW),
        ("tanh", math.nan, 1.0, theory.UNDECIDED),
        ("tanh", math.inf, 1.0, theory.UNDECIDED),
    ],
)
def test_condition(cell, singular, leak, expected):
    assert theory.condition(cell, singular, leak) == expected


def test_the_map_holds_the_gains_and_lengths_of_the_stories():
    assert list(theory.GAINS) == sorted(theory.GAINS) and 1.0 in theory.GAINS
    assert list(theory.LENGTHS) == sorted(theory.LENGTHS) and {10, 50, 100, 200} <= set(theory.LENGTHS)
