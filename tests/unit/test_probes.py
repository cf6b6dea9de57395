"""Probes: gradient norms that are zero only where the gradient is, spectral radii, and the first tensor that went wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from reference import B, H, R, random_batch, random_params
from short_trainings import small

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.divergence import first_not_finite
from rnnkit.engine.losses import cross_entropy
from rnnkit.engine.trainer import Trainer
from rnnkit.tasks import TASKS


def tape_of(*ds):
    return SimpleNamespace(ds=ds, padding=None, norms=None)


def test_norms_are_over_batch_and_units_of_each_part_step_and_network():
    h, c = (torch.randn(5, R, B, H, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in (0, 1))
    norms = probes.state_gradient_norms(tape_of(h, c))
    assert norms.shape == (2, 5, R)
    for part, ds in enumerate((h, c)):
        for t in range(5):
            for r in range(R):
                assert norms[part, t, r] == pytest.approx(np.sqrt(np.square(ds[t, r].numpy()).sum()), rel=1e-14)


@pytest.mark.parametrize(
    ("size", "dtype"),
    [(s, torch.float32) for s in (1e-44, 1e-38, 1e-30, 1e-23, 1e-16, 1e-14, 1.0, 1e14, 1e16, 1e20, 1e37)]
    + [(s, torch.float64) for s in (1e-300, 1e-200, 1e-160, 1e-30, 1.0, 1e30, 1e160, 1e300)],
)
def test_norms_are_right_at_every_size(size, dtype):
    """The squares of most of these are zero or infinite."""
    ds = torch.zeros(2, R, B, H, dtype=dtype)
    ds[0, 0, 0, 0], ds[0, 0, 1, 2] = 3 * size, -4 * size
    exact = [float(ds[0, 0, 0, 0]), float(ds[0, 0, 1, 2])]  # as rounded, which matters for denormal numbers
    norms = probes.state_gradient_norms(tape_of(ds))
    assert norms[0, 0, 0] == pytest.approx(np.hypot(*exact), rel=1e-6 if size > 1e-38 else 0.2, abs=0)
    assert norms[0].sum() == norms[0, 0, 0]  # true zeros elsewhere


def test_nan_and_inf_are_reported_where_they_are():
    ds = torch.ones(3, R, B, H)
    ds[0, 1, 0, 0], ds[1, 0, 2, 1] = torch.inf, torch.nan
    norms = probes.state_gradient_norms(tape_of(ds))[0]
    assert np.isposinf(norms[0, 1])
    assert np.isnan(norms[1, 0])
    assert np.isfinite(np.delete(norms.ravel(), [1, 2])).all()


OF_SLOPES = [(name, None) for name, cell in CELLS.items() if cell.max_slope is not None]


@pytest.mark.parametrize(("cell", "leak"), [*OF_SLOPES, ("esn", 1.0)])  # a leak of 1: no state is carried past W_rec
@pytest.mark.parametrize("scale", [0.1, 1, 30], ids=str)
@pytest.mark.parametrize("zero", [False, True], ids=["", "one W_rec is 0"])
def test_saturated_units_and_blocked_sequences(cell, leak, scale, zero):
    """Counted one by one; some networks of three units have steps at which all slopes are 0, or all units are saturated."""
    p, (x, y) = random_params(cell, TASKS["agreement"].n_in, 2, hidden=3), random_batch("agreement", 12)
    p = {k: (v * scale if k in ("W_in", "b") else v).float() for k, v in p.items()}
    if zero:
        p["W_rec"][1] = 0
    if leak:
        p["leak"].fill_(leak)
    tape = bptt.forward(CELLS[cell], p, x)
    tape.backward(cross_entropy(bptt.readout(p, tape.h[-1:]), y)[1])
    slopes = torch.cat([slope.clone() for (slope,) in tape.partials()]).numpy()  # (T, R, B, 3)
    found = probes.paths(CELLS[cell], p, tape, 1)
    limit = probes.FLAT * CELLS[cell].max_slope * np.asarray(p.get("leak", torch.ones(R, 1, 1)))
    np.testing.assert_allclose(found["flat"], (slopes < limit).mean((0, 2, 3)), rtol=1e-6)
    if CELLS[cell].has_direct_path and leak != 1:
        assert np.isnan(found["blocked"]).all()
    else:
        off = (slopes[2:] == 0).all(-1).any(0)  # (R, B)
        if zero and not CELLS[cell].builds_matrix:
            off[1] = True
        np.testing.assert_array_equal(found["blocked"], off.mean(1))
        assert cell != "relu" or scale == 1 or 0 < off.mean() < 1


@pytest.mark.parametrize("cell", ["relu", "sigmoid", "tanh"])
def test_no_step_before_a_sequence_has_begun_blocks_it(cell):
    """A state of 0 has the slope 0, of a ReLU that is off and of a sigmoid. Against each sequence by itself."""
    e = small(cell, task="temporal-order-lengths", length=30, hidden=3, batch=12, seed=1, input_scale=3.0)
    with torch.inference_mode():
        trainer = Trainer(e)
        x, _, padding, _ = next(trainer.batches)
        tape = bptt.forward(CELLS[cell], trainer.params, x, padding=padding)
        found = probes.paths(CELLS[cell], trainer.params, tape, 0)["blocked"]
        starts = padding.first + (padding.mask[..., 0] == 0).sum(0)  # (R, B)
        alone = np.zeros(starts.shape)
        for (r, b), start in np.ndenumerate(starts.numpy()):
            tape = bptt.forward(CELLS[cell], trainer.params, x[start:, :, b : b + 1])
            alone[r, b] = probes.paths(CELLS[cell], trainer.params, tape, -1)["blocked"][r]
    assert found == pytest.approx(alone.mean(1)) and (cell != "relu" or 0 < alone.mean() < 1)
    assert len({*starts.flatten().tolist()}) > 3


def test_spectral_radius():
    turn = torch.tensor([[0.0, -2.0], [2.0, 0.0]])  # eigenvalues +-2i
    shear = torch.tensor([[0.5, 100.0], [0.0, -0.75]])
    broken = torch.tensor([[torch.nan, 0.0], [0.0, 1.0]])
    radii = probes.spectral_radius(torch.stack([turn, shear, broken, torch.full((2, 2), torch.inf)]))
    np.testing.assert_allclose(radii[:2], [2, 0.75], rtol=1e-6)
    assert np.isnan(radii[2:]).all()
    assert np.isnan(probes.spectral_radius(broken[None])).all()
    W = torch.randn(3, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = [max(abs(np.linalg.eigvals(w))) for w in W.numpy()]
    np.testing.assert_allclose(probes.spectral_radius(W), expected, rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_tensor_that_is_not_finite_in_order_of_computation(cell):
    """Faults are planted one after another, each earlier in the computation than those before; network 1 stays sound."""
    p = random_params(cell, 6, 4)
    x, y = random_batch("temporal-order", 10)
    tape = bptt.forward(CELLS[cell], p, x)
    z = bptt.readout(p, tape.h[-1:])
    loss, dz = cross_entropy(z, y)
    tape.backward(dz)
    grads = tape.gradients()
    found = []

    def plant(tensor, *index, value=torch.nan):
        tensor[index] = value
        found.append(first_not_finite(CELLS[cell], tape, z, loss, grads, 0))
        assert first_not_finite(CELLS[cell], tape, z, loss, grads, 1) == ""

    assert first_not_finite(CELLS[cell], tape, z, loss, grads, 0) == ""
    plant(grads["W_in"], 0, 1, 1, value=torch.inf)
    backward_pass, forward_pass = [], []
    for t in range(10):
        for part in reversed(range(len(CELLS[cell].parts))):
            plant(tape.ds[part], t, 0, 1, 1, value=-torch.inf)
            backward_pass.append(f"dL/d{CELLS[cell].parts[part]} at t = {t} of the backward pass")
    plant(loss, 0)
    plant(z, 0, 0, 1, 1)
    computed = [name for name, _ in CELLS[cell].equations if name in CELLS[cell].parts]  # LSTM: h_t = o tanh(c_t) after c_t
    for t in reversed(range(10)):
        for name in reversed(computed):
            plant(tape.s[CELLS[cell].parts.index(name)], t, 0, 1, 1)
            forward_pass.append(f"{name} at t = {t} of the forward pass")
    assert found == ["the gradient of W_in", *backward_pass, "the loss", "the readout", *forward_pass]
