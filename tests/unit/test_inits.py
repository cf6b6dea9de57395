"""Initial weights: orthogonality, spectra, sparsity, variances and ranges, and where the gates' biases are put."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from short_trainings import fitting

from rnnkit.engine import inits
from rnnkit.engine.cells import CELLS
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.inits.spectral_radius import with_spectral_radius
from rnnkit.engine.trainer import init_params
from rnnkit.experiment import Experiment

GATED = [name for name, cell in CELLS.items() if cell.forget_gate is not None]


def rng(seed=0):
    return np.random.default_rng(seed)


def radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


@pytest.mark.parametrize("name", INITS)
@pytest.mark.parametrize("units", [1, 2, 7, 40])
def test_every_init_is_finite_reproducible_and_proportional_to_the_gain(name, units):
    W = INITS[name](rng(3), units, units, 1.0)
    assert W.shape == (units, units)
    assert W.dtype == np.float64
    assert np.isfinite(W).all()
    assert np.array_equal(W, INITS[name](rng(3), units, units, 1.0))
    np.testing.assert_allclose(INITS[name](rng(3), units, units, 2.5), 2.5 * W, rtol=1e-12, atol=0)
    assert not INITS[name](rng(3), units, units, 0.0).any()


@pytest.mark.parametrize("name", sorted(INITS.keys() - {"identity"}))
def test_every_random_init_depends_on_the_seed(name):
    assert not np.array_equal(INITS[name](rng(3), 20, 20, 1.0), INITS[name](rng(4), 20, 20, 1.0))


@pytest.mark.parametrize(("rows", "columns"), [(30, 30), (30, 12), (12, 30), (1, 1)])
def test_orthogonal(rows, columns):
    W = INITS["orthogonal"](rng(), rows, columns, 1.7)
    np.testing.assert_allclose(np.linalg.svd(W, compute_uv=False), 1.7, rtol=1e-13)
    product = W @ W.T if rows <= columns else W.T @ W
    np.testing.assert_allclose(product, 1.7**2 * np.eye(min(rows, columns)), atol=1e-13)


def test_orthogonal_is_uniform_over_the_group():
    """Then every entry is symmetric about 0 with variance 1/n; plain QR prefers one sign on the diagonal."""
    draws = np.array([INITS["orthogonal"](rng(seed), 4, 4, 1.0) for seed in range(2000)])
    assert np.abs(draws.mean(0)).max() < 5 * np.sqrt(1 / 4 / 2000)
    np.testing.assert_allclose(np.square(draws).mean(0), 1 / 4, atol=5 * np.sqrt(1 / 8 / 2000))


def test_identity():
    assert np.array_equal(INITS["identity"](rng(), 9, 9, 0.6), 0.6 * np.eye(9))


@pytest.mark.parametrize("name", ["spectral", "sparse"])
@pytest.mark.parametrize("gain", [0.95, 1.0, 3.0])
def test_exact_spectral_radius(name, gain):
    for seed in range(5):
        assert radius(INITS[name](rng(seed), 30, 30, gain)) == pytest.approx(gain, rel=1e-12)


def test_sparse_has_15_inputs_a_unit():
    for seed in range(5):
        W = INITS["sparse"](rng(seed), 40, 40, 0.95)
        assert (np.count_nonzero(W, axis=0) == 15).all()  # h W: a unit's inputs stand in its column
        assert len(set(np.count_nonzero(W, axis=1))) > 1  # which are drawn, not regular
    assert (np.count_nonzero(INITS["sparse"](rng(), 6, 6, 1.0), axis=0) == 6).all()


@pytest.mark.parametrize("density", [0.05, 0.1, 0.5, 1.0])
def test_reservoir_density_and_radius(density):
    W = inits.reservoir(rng(), 60, 0.9, density)
    assert (np.count_nonzero(W, axis=0) == round(60 * density)).all()
    assert radius(W) == pytest.approx(0.9, rel=1e-12)


def test_a_nilpotent_draw_still_has_the_radius():
    W = with_spectral_radius(np.triu(np.ones((4, 4)), 1), 0.8)
    assert radius(W) == pytest.approx(0.8, rel=1e-12)


def variance_error(W):
    """Five standard deviations of a sample variance; 2 sigma^4 / n is the normal's, the uniform's is smaller."""
    return 5 * np.sqrt(2 / W.size) * W.var()


def test_gaussian_variance():
    W = INITS["gaussian"](rng(), 300, 200, 1.5)
    assert np.square(W).mean() == pytest.approx(1.5**2 / (3 * 300), abs=variance_error(W))
    assert np.mean(W**4) / np.mean(W**2) ** 2 == pytest.approx(3, abs=5 * np.sqrt(96 / W.size))  # a normal's kurtosis
    assert abs(W.mean()) < 5 * W.std() / np.sqrt(W.size)


def test_xavier_variance_and_bound():
    W = INITS["xavier"](rng(), 300, 200, 1.5)
    bound = 1.5 * np.sqrt(6 / 500)
    assert np.square(W).mean() == pytest.approx(1.5**2 * 2 / 500, abs=variance_error(W))
    assert 0.999 * bound < np.abs(W).max() <= bound


def test_gaussian_has_torchs_variance_and_the_stated_radius():
    torch.manual_seed(0)
    W = INITS["gaussian"](rng(), 256, 256, 1.0)
    twin = torch.nn.RNN(1, 256).weight_hh_l0.detach().double().numpy()
    assert W.var() == pytest.approx(twin.var(), abs=2 * variance_error(W))
    assert np.mean([radius(INITS["gaussian"](rng(s), 200, 200, 1.0)) for s in range(5)]) == pytest.approx(0.58, abs=0.03)


def test_blocks_are_independent_draws_one_a_gate():
    W = inits.blocks(INITS["orthogonal"], rng(), 5, 4, 2.0)
    assert W.shape == (5, 20)
    gates = np.split(W, 4, axis=1)
    for gate in gates:
        np.testing.assert_allclose(gate @ gate.T, 4 * np.eye(5), atol=1e-13)
    assert len({gate.tobytes() for gate in gates}) == 4


@pytest.mark.parametrize("name", BIASES)
@pytest.mark.parametrize("length", [3, 10, 500])
def test_every_gate_bias_is_finite(name, length):
    bias = BIASES[name](rng(), 50, length)
    assert bias.shape == (50,)
    assert np.isfinite(bias).all()


def test_gate_biases():
    assert not BIASES["zero"](rng(), 9, 100).any()
    assert (BIASES["forget-1"](rng(), 9, 100) == 1).all()
    times = np.exp(BIASES["chrono"](rng(), 20_000, 101))
    assert 1 <= times.min() < 1.1
    assert 99.9 < times.max() <= 100 * (1 + 1e-12)
    assert times.mean() == pytest.approx(50.5, abs=5 * 99 / np.sqrt(12 * 20_000))  # uniform
    assert times.var() == pytest.approx(99**2 / 12, rel=0.03)


# ---- what the trainer makes of them


@pytest.mark.parametrize("cell", GATED)
@pytest.mark.parametrize("bias", BIASES)
def test_gate_biases_stand_at_their_gates(cell, bias):
    e = Experiment(cell=cell, bias=bias, hidden=6, replicas=2, length=50)
    gates = init_params(e)["b"].view(2, CELLS[cell].gates, 6)
    keep, write = CELLS[cell].forget_gate, CELLS[cell].input_gate
    drawn = gates[:, keep]
    if bias == "chrono":
        assert (drawn >= 0).all()
        assert (drawn <= np.log(49) + 1e-6).all()
        assert not torch.equal(drawn[0], drawn[1])
        assert write is None or torch.equal(gates[:, write], -drawn)
    elif bias in ("zero", "forget-1"):
        assert (drawn == float(bias == "forget-1")).all()
    silent = [g for g in range(CELLS[cell].gates) if g != keep and not (g == write and bias == "chrono")]
    assert not gates[:, silent].any()


@pytest.mark.parametrize("cell", CELLS)
def test_shapes_and_scales_of_all_weights(cell):
    c = CELLS[cell]
    e = Experiment(**fitting(cell, gain=0.5), hidden=20, replicas=3, input_scale=0.25, task="permutation", length=20)
    p = init_params(e)
    width = c.gates * 20
    shapes = {"W_in": (3, 100, width), "b": (3, 1, width)} | {name: (3, 1, 20) for name in c.own_weights}
    shapes |= {c.second_matrix: (3, 20, width)} if c.second_product else {}
    shapes |= {"W_rec": (3, 20, width)} if c.recurrent else {}
    shapes |= {"W_out": (3, 20, 100), "b_out": (3, 1, 100)}
    shapes |= {"b_rec": (3, 1, width)} if c.recurrent_bias else {}
    shapes |= {"leak": (3, 1, 1)} if c.reservoir else {}
    assert {k: tuple(v.shape) for k, v in p.items()} == shapes
    assert all(v.dtype == torch.float32 for v in p.values())
    if cell != "lru":  # test_the_ring
        assert float(p["W_in"].std()) == pytest.approx(0.25, rel=5 / np.sqrt(2 * p["W_in"].numel()))
    assert not p["b_out"].any()


def test_the_ring():
    """|lambda|^2 is uniform between the squares of the radii, the phase in the whole circle; E|s|^2 does not depend on lambda."""
    e = Experiment(cell="lru", hidden=2000, replicas=2, input_scale=0.25, r_min=0.5, r_max=0.9)
    p = init_params(e, torch.float64)
    r, phase = (-p["nu"].exp()).exp()[:, 0], p["theta"].exp()[:, 0]
    for values, low, high in ((r**2, 0.25, 0.81), (phase, 0, 2 * np.pi)):
        assert low <= values.min() and values.max() <= high
        sorted_values, _ = values.sort(dim=1)
        even = low + (high - low) * (torch.arange(2000) + 0.5) / 2000
        assert (sorted_values - even).abs().max() < 0.05 * (high - low)  # Kolmogorov-Smirnov: 1.36 / sqrt(2000) is .03
    scaled = p["W_in"] / (1 - r**2).sqrt().repeat(1, 2)[:, None]
    assert float(scaled.std()) == pytest.approx(0.25, rel=0.01)
    with pytest.raises(ValueError, match=r"r_min must be at most r_max 0.5, got 0.9"):
        Experiment(cell="lru", r_min=0.9, r_max=0.5)


@pytest.mark.parametrize("init", INITS)
def test_w_rec_is_made_of_the_chosen_init(init):
    """A gain is a factor for every init, so twice the gain is twice the weights, of every gate."""
    e = Experiment(cell="lstm", init=init, hidden=18, replicas=2)
    one, two = (init_params(replace(e, gain=gain), torch.float64) for gain in (1, 2))
    torch.testing.assert_close(two["W_rec"], 2 * one["W_rec"], rtol=1e-12, atol=0)
    if init == "identity":
        assert torch.equal(one["W_rec"][0], torch.eye(18, dtype=torch.float64).repeat(1, 4))


def test_reservoir_has_radius_gain_and_the_chosen_density():
    p = init_params(Experiment(cell="esn", hidden=40, gain=0.8, density=0.2, leak=0.4, replicas=2), torch.float64)
    for W in p["W_rec"].numpy():
        assert radius(W) == pytest.approx(0.8, rel=1e-12)
        assert (np.count_nonzero(W, axis=0) == 8).all()
    assert (p["leak"] == 0.4).all()


@pytest.mark.parametrize("cell", CELLS)
def test_a_network_depends_on_its_own_seed_alone(cell):
    stack = init_params(Experiment(cell=cell, hidden=8, replicas=3, seed=5))
    for r in range(3):
        alone = init_params(Experiment(cell=cell, hidden=8, replicas=1, seed=5 + r))
        assert all(torch.equal(alone[k][0], stack[k][r]) for k in stack)
    assert not torch.equal(stack["W_in"][0], stack["W_in"][1])


def test_neighbouring_seeds_share_no_random_stream():
    """Seed + 1 is the next network, so its draws must not be this one's under another name."""
    p = init_params(Experiment(hidden=8, replicas=6))
    draws = torch.stack([p[k][r].flatten()[:64] for k in ("W_in", "W_rec") for r in range(6)])
    shared = torch.corrcoef(draws) - torch.eye(12)
    assert shared.abs().max() < 0.7


def test_one_choice_does_not_disturb_the_others_draws():
    plain = Experiment(cell="lstm", hidden=8, replicas=2)
    p = init_params(plain)
    for change, moved in (
        ({"init": "orthogonal"}, {"W_rec"}),
        ({"gain": 2.0}, {"W_rec"}),
        ({"input_scale": 0.1}, {"W_in"}),
        ({"bias": "chrono"}, {"b"}),
        ({"lr": 0.1, "steps": 7, "batch": 3, "fixes": (), "optimizer": "sgd"}, set()),
    ):
        q = init_params(Experiment(**{"cell": "lstm", "hidden": 8, "replicas": 2} | change))
        assert {k for k in p if not torch.equal(p[k], q[k])} == moved
