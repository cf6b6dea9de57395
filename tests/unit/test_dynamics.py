"""Lyapunov exponents against a plain QR of autograd's Jacobians and against linear networks; eigenvalues while training."""

from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, need, random_params
from torch.nn import functional as F

from rnnkit import Experiment
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.results import Progress
from rnnkit.studies import STUDIES, lyapunov
from rnnkit.studies.eigenvalues import POWERS, VECTORS, _values, mean_jacobian, powers

SMALL = Experiment(length=12, hidden=5, batch=4, replicas=2, steps=20)


def of(cell, **more):
    more |= {"leak": 0.4, "density": 0.6} if CELLS[cell].reservoir else {}
    return replace(SMALL, cell=cell, fixes=(), **more)


def last(name, *args, **options):
    *_, found = STUDIES[name](*args, **options)
    return found


def plain_jacobians(cell, p, x):
    """ds_t / ds_{t-1} of one network by autograd, (steps, S, S), from the zero state; s: the last `lag` states, latest first."""
    p = {k: v[0] for k, v in p.items()}
    lag, parts, H = CELLS[cell].lag, len(CELLS[cell].parts), p["W_out"].shape[0]
    x = F.one_hot(x[:, 0], p["W_in"].shape[0]).to(DOUBLE) if x.dtype == torch.int64 else x[:, 0]
    s, found = torch.zeros(lag * parts * H, dtype=DOUBLE), []
    for x_t in x:

        def step(s, x_t=x_t):
            after, _ = reference.step(cell, p, x_t, [tuple(old) for old in s.view(lag, parts, 1, H).flip(0)])
            return torch.cat([torch.cat(state, -1).flatten() for state in reversed(after)])

        found.append(torch.autograd.functional.jacobian(step, s).numpy())
        s = step(s).detach()
    return np.stack(found)


SINGULAR = ("lstm-relu", "exprnn", "slstm")  # units that are off, and a part of the state without a gradient


@pytest.mark.parametrize("cell", CELLS)
def test_exponents_are_those_of_a_plain_qr(cell):
    need(reference.STEPS, cell)
    p = {k: W[:1] for k, W in random_params(cell, 6, 4).items()}
    x = torch.randint(0, 6, (40, 1, 1), generator=torch.Generator().manual_seed(1))
    got = np.concatenate([part for _, part in lyapunov.exponents_of_steps(CELLS[cell], p, x, 64)])
    Q, expected = np.eye(CELLS[cell].state_width * 4), []
    for J in plain_jacobians(cell, p, x[:, :, 0]):
        Q, R = np.linalg.qr(J @ Q)
        expected.append(np.log(np.abs(np.diag(R))))
    expected = np.stack(expected)
    if cell == "relu":  # units that are off: rounding alone is left of their directions
        got, expected = np.maximum(got, -25), np.maximum(expected, -25)
    sound = np.logical_and.accumulate((expected > -25).all(0)) | (cell == "relu")
    assert sound.all() or (cell in SINGULAR and sound.sum() >= 3)  # behind a direction that is erased all others are arbitrary
    np.testing.assert_allclose(got[:, sound], expected[:, sound], rtol=1e-7, atol=1e-7)


def test_pieces_give_the_same_as_the_whole(monkeypatch):
    p = {k: W[:1] for k, W in random_params("lstm", 6, 4).items()}
    x = torch.randint(0, 6, (40, 1, 1), generator=torch.Generator().manual_seed(1))
    whole = np.concatenate([part for _, part in lyapunov.exponents_of_steps(CELLS["lstm"], p, x, 3)])
    monkeypatch.setattr(lyapunov, "MEGABYTES", 0)
    pieces = list(lyapunov.exponents_of_steps(CELLS["lstm"], p, x, 3))
    assert len(pieces) == 40 and whole.shape == (40, 3)
    np.testing.assert_allclose(np.concatenate([part for _, part in pieces]), whole, rtol=1e-10)


@pytest.mark.parametrize("leak", [1.0, 0.5])
def test_of_a_linear_network_they_are_the_logarithms_of_its_eigenvalues(leak):
    """Without input a tanh at 0 has slope 1: its Jacobian is W_rec^T at every step. A leaky one mixes in the identity."""
    W = np.random.default_rng(3).standard_normal((6, 6)) / 6**0.5
    p = {"W_in": np.zeros((2, 6)), "W_rec": W, "b": np.zeros((1, 6)), "W_out": np.zeros((6, 2))}
    p |= {"leak": np.full((1, 1), leak)} if leak < 1 else {}
    p = {k: torch.tensor(v)[None] for k, v in p.items()}
    cell = CELLS["esn" if leak < 1 else "tanh"]
    logs = [part for _, part in lyapunov.exponents_of_steps(cell, p, torch.zeros(3000, 1, 1, dtype=torch.int64), 64)]
    expected = np.log(np.sort(np.abs(np.linalg.eigvals((1 - leak) * np.eye(6) + leak * W)))[::-1])
    np.testing.assert_allclose(np.concatenate(logs)[200:].mean(0), expected, atol=2e-3)


@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_an_orthogonal_network_without_input_has_the_logarithm_of_its_gain(gain):
    found = last("lyapunov", of("tanh", init="orthogonal", gain=gain, input_scale=0.0))
    np.testing.assert_allclose(found.exponents, np.log(gain), atol=1e-7)
    np.testing.assert_allclose(found.running, np.log(gain), atol=1e-7)
    assert found.steps == lyapunov.STEPS == found.t[-1] and found.t[0] == 1 and len(found.t) <= lyapunov.POINTS


def test_the_sign_is_that_of_chaos():
    """Sompolinsky, Crisanti & Sommers 1988: without input a large random tanh network is chaotic from gain 1 on."""
    low, high = (last("lyapunov", of("tanh", hidden=64, gain=g, input_scale=0.0)).exponents[0] for g in (0.7, 2.5))
    assert low < -0.1 and high > 0.05


def test_a_state_that_overflows_ends_it_and_a_large_one_is_not_measured():
    found = last("lyapunov", of("relu", init="identity", gain=8.0, length=30))
    assert 0 < found.steps < lyapunov.STEPS and np.isfinite(found.exponents[0])
    assert found.exponents[0] == pytest.approx(np.log(8.0), rel=1e-6)
    large = last("lyapunov", of("lstm", hidden=257))
    assert large.exponents.size == 0 and large.steps == 0


def test_a_large_network_is_measured_over_fewer_steps():
    assert [lyapunov.steps_of(of(cell, hidden=n)) for cell, n in (("tanh", 32), ("lstm", 64), ("lstm", 256))] == [1000, 1000, 200]


def test_inputs_follow_each_other():
    e = of("tanh")
    x = lyapunov.inputs(e, 30)
    drawn = e.bound_task.draw(12, 3, np.random.default_rng(0), held_out=True).x
    np.testing.assert_array_equal(x[:, 0, 0], np.concatenate([drawn[:, 0], drawn[:, 1], drawn[:6, 2]]))


# ---- eigenvalues and powers ----


def unit_vectors(size):
    x = np.random.default_rng(0).standard_normal((VECTORS, size))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def norms_of_powers(J):
    """||x J^k|| with each power multiplied out, (VECTORS, POWERS + 1)."""
    x = unit_vectors(len(J))
    return np.stack([np.linalg.norm(x @ np.linalg.matrix_power(J, k), axis=1) for k in range(POWERS + 1)], 1)


@pytest.mark.parametrize("cell", CELLS)
def test_eigenvalues_are_those_of_the_weights_after_so_many_steps(cell):
    e = of(cell)
    found = last("eigenvalues", e, step=20, replica=1)
    assert found.steps[0] == 0 and found.steps[-1] == 20 and found.real.shape == found.imag.shape == found.singular.shape
    for step, i in ((0, 0), (20, -1)):
        p = last("weights", e, step=step, replica=1)
        p = {name: torch.tensor(W, dtype=DOUBLE)[None] for name, W in p.items()}
        if CELLS[cell].has_slope:
            M = CELLS[cell].recurrent_matrix(p)[0].numpy()
        else:
            assert found.matrix == "mean Jacobian"
            x = torch.from_numpy(e.bound_task.draw(12, 1, np.random.default_rng(0), held_out=True).x)
            M = plain_jacobians(cell, p, x).mean(0)
            np.testing.assert_allclose(mean_jacobian(e, p).numpy(), M, atol=1e-12)
        got = found.real[i] + 1j * found.imag[i]
        assert (np.diff(np.abs(got)) < 1e-9).all()
        np.testing.assert_allclose(np.sort(np.abs(got)), np.sort(np.abs(np.linalg.eigvals(M))), atol=1e-9)
        np.testing.assert_allclose(np.prod(got), np.linalg.det(M), atol=1e-9)
        np.testing.assert_allclose(found.singular[i], np.linalg.svd(M, compute_uv=False), atol=1e-9)
        J = M if found.matrix == "mean Jacobian" else M.T  # dL/ds_{t-1} = dL/ds_t J, where all slopes are 1
        np.testing.assert_allclose(10 ** found.powers[i], norms_of_powers(J), rtol=1e-9)
    moved = np.abs(found.real[0] - found.real[-1]).max()
    assert (moved == 0) == CELLS[cell].reservoir


def test_powers_of_a_matrix_that_is_not_normal_grow_first_and_shrink_later():
    J = np.array([[0.8, 3.0], [0.0, 0.7]])
    logs = powers(J)
    np.testing.assert_allclose(10**logs, norms_of_powers(J), rtol=1e-12)
    assert (logs.max(1) > 0.1).all() and (logs[:, -1] < -3).all()
    np.testing.assert_allclose(np.diff(logs)[:, -1], np.log10(0.8), atol=1e-3)
    assert (logs <= np.arange(POWERS + 1) * np.log10(np.linalg.norm(J, 2)) + 1e-12).all()


def test_powers_of_an_orthogonal_matrix_keep_the_length():
    np.testing.assert_allclose(powers(np.linalg.qr(np.random.default_rng(1).standard_normal((7, 7)))[0]), 0, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-45, 1e38, 1e150])
def test_powers_neither_underflow_nor_overflow(factor):
    plain = powers(np.eye(3) / 2)
    np.testing.assert_allclose(powers(np.eye(3) * factor), plain + np.arange(POWERS + 1) * np.log10(2 * factor), rtol=1e-12)


def test_powers_of_one_unit_of_nothing_and_of_what_is_not_finite():
    np.testing.assert_allclose(powers(np.array([[-0.5]])), np.tile(np.arange(POWERS + 1) * np.log10(0.5), (VECTORS, 1)))
    assert np.isneginf(powers(np.zeros((4, 4)))[:, 1:]).all()
    nilpotent = powers(np.diag([1.0, 1.0], 1))
    assert np.isfinite(nilpotent[:, :3]).all() and np.isneginf(nilpotent[:, 3:]).all()
    broken = np.array([[1.0, np.nan], [0.0, 1.0]])
    assert np.isnan(powers(broken)[:, 1:]).all() and all(np.isnan(part).all() for part in _values(broken))


def test_they_come_while_it_trains():
    parts = [part for part in STUDIES["eigenvalues"](SMALL, step=200) if not isinstance(part, Progress)]
    assert [len(part.steps) for part in parts] == list(range(1, 42)) and parts[-1].steps[-1] == 200


def test_drawn_weights_are_the_first():
    W = draw_weights(SMALL, SMALL.seed)["W_rec"].astype(np.float32).astype(float)
    found = last("eigenvalues", SMALL)
    assert found.steps.tolist() == [0]
    np.testing.assert_allclose(np.abs(found.real + 1j * found.imag).max(), np.abs(np.linalg.eigvals(W)).max())


@pytest.mark.parametrize("name", ["lyapunov", "eigenvalues"])
@pytest.mark.parametrize("options", [{"step": -1}, {"step": 10_001}, {"step": 1.5}, {"replica": 2}])
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(ValueError, match="must be a whole number from 0 to"):
        list(STUDIES[name](SMALL, **options))
