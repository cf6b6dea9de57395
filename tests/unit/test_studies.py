"""Studies: what they find is what autograd finds, and their options are checked.."""

from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rnnkit import Experiment, train
from rnnkit.analysis import theory
from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.engine.inits import INITS
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.engine.weights import Stream, draw_weights, random_stream
from rnnkit.results import Progress
from rnnkit.stories.presets import PRESETS
from rnnkit.studies import STUDIES
from rnnkit.tasks import TASKS

SMALL = Experiment(length=12, hidden=5, batch=4, replicas=2, steps=20)
flow, regimes = STUDIES["gradient_flow"], STUDIES["regime_map"]


def last(study, *args, **options):
    *_, found = study(*args, **options)
    return found


def of(cell, **more):
    more |= {"leak": 0.4, "density": 0.6} if CELLS[cell].reservoir else {}
    return replace(SMALL, cell=cell, fixes=(), **({"bias": "chrono"} if CELLS[cell].forget_gate is not None else {}), **more)


def example(e):
    """The sequence of a flow, (T, 1, 1[, I]) and its target."""
    batch = TASKS[e.task].draw(e.length, 1, np.random.default_rng(0), held_out=True)
    return torch.from_numpy(batch.x)[:, None], torch.from_numpy(batch.y)[:, None]


def weights_of(e, step=0):
    """(1, ., .) in float64, as a flow takes them."""
    return {name: torch.tensor(W, dtype=torch.float64)[None] for name, W in last(STUDIES["weights"], e, step=step).items()}


# ---- weights ----


def test_weights_are_those_drawn_and_those_trained():
    drawn = draw_weights(SMALL, SMALL.seed)
    for name, W in last(STUDIES["weights"], SMALL).items():
        np.testing.assert_array_equal(W, drawn[name].astype(np.float32))
    trainer = Trainer(SMALL)
    for _ in range(3):
        trainer.advance()
    for replica in range(SMALL.replicas):
        for name, W in last(STUDIES["weights"], SMALL, step=3, replica=replica).items():
            np.testing.assert_array_equal(W, trainer.params[name][replica])
    assert np.abs(W - draw_weights(SMALL, SMALL.seed + replica)[name]).max() > 1e-4


# ---- flow ----


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("task", "length"), [("agreement", 12), ("adding", 11), ("memorization", 23), ("characters", 9)])
def test_flow_measures_what_autograd_measures(cell, task, length):
    reference.need(reference.STEPS, cell)
    e = of(cell, task=task, length=length)
    found = last(flow, e)
    x, y = example(e)
    done = reference.run(cell, weights_of(e), 0, x, y[-1:], e.loss)  # the last loss alone
    expected = done.state_gradients()[:, :, 0]
    reference.assert_close(torch.tensor(found.norm), expected.norm(dim=-1), "norms")
    states = torch.stack([torch.stack([part[0] for part in parts]) for parts in zip(*done.states, strict=True)])
    reference.assert_close(torch.tensor(found.states), states.detach(), "states")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", ["agreement", "memorization", "adding"])
def test_the_product_of_the_jacobians_is_backpropagation(cell, task):
    e = of(cell, task=task, length=max(30, TASKS[task].min_length))
    found = last(flow, e)
    assert found.off < 1e-11
    np.testing.assert_allclose(found.product, found.norm, rtol=1e-10)


@pytest.mark.parametrize("cell", CELLS)
def test_singular_values_are_those_of_the_jacobian_by_autograd(cell):
    """d h_T / d s_t row by row, with every path from s_t: those of c_t through h_t too."""
    reference.need(reference.STEPS, cell)
    e = of(cell)
    found, p = last(flow, e), {name: W[0] for name, W in weights_of(e).items()}
    x = F.one_hot(example(e)[0][:, 0, 0], p["W_in"].shape[0]).double()
    s = tuple(torch.zeros(1, e.hidden, dtype=torch.float64, requires_grad=True) for _ in CELLS[cell].parts)
    earlier, states = [s] * CELLS[cell].lag, []
    for x_t in x:
        earlier, _ = reference.step(cell, p, x_t, earlier)
        states.append(earlier[-1])
    h_T = states[-1][0][0]
    assert list(found.spectrum_t) == list(range(e.length))
    for t, parts in enumerate(states):
        for part, s_t in enumerate(parts):
            rows = [torch.autograd.grad(h, s_t, retain_graph=True, allow_unused=True)[0] for h in h_T]
            M = torch.cat([torch.zeros_like(s_t) if row is None else row for row in rows]).numpy()
            values = np.linalg.svd(M, compute_uv=False)
            np.testing.assert_allclose(np.nan_to_num(found.spectrum[part, t]), values, rtol=1e-7, atol=1e-13 * values[0])


@pytest.mark.parametrize("cell", [cell for cell in CELLS if CELLS[cell].forget_gate is not None])
def test_straight_is_the_last_gradient_times_the_keeping_gates(cell):
    reference.need(reference.STEPS, cell)
    e = of(cell)
    found, p = last(flow, e), {name: W[0] for name, W in weights_of(e).items()}
    x, y = example(e)
    done = reference.run(cell, weights_of(e), 0, x, y, e.loss)
    a = F.one_hot(x[:, 0, 0], p["W_in"].shape[0]).double() @ p["W_in"] + p["b"]
    h = torch.stack([states[0][0] for states in done.states]).detach()
    recurrent = reference.product(cell, p, torch.cat([torch.zeros_like(h[:1]), h[:-1]])) + p.get("b_rec", torch.zeros(a.shape[1]))
    keep = reference.keeping_gate(cell, (a + recurrent).unflatten(-1, (-1, e.hidden)).unbind(-2))
    end = done.state_gradients()[-1, -1, 0]
    for t in range(e.length):
        assert found.straight[t] == pytest.approx(float((end * keep[t + 1 :].prod(0)).norm()), rel=1e-10)
    np.testing.assert_allclose(found.slope, np.quantile(keep, (0, 0.25, 0.5, 0.75, 1), axis=1), rtol=1e-10)
    np.testing.assert_allclose(found.slope_mean, keep.mean(1), rtol=1e-10)
    assert found.bound is found.singular is found.typical is None


@pytest.mark.parametrize("cell", [cell for cell in CELLS if CELLS[cell].has_slope])
def test_slopes_singular_value_and_radius_of_a_cell_without_gates(cell):
    e = of(cell)
    found, W = last(flow, e), CELLS[cell].recurrent_matrix(weights_of(e))[0].numpy()
    assert found.singular == pytest.approx(np.linalg.svd(W, compute_uv=False)[0])
    assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(W)).max())
    assert found.radius <= found.singular * (1 + 1e-12)
    assert (np.diff(found.slope, axis=0) >= 0).all()
    assert (found.slope >= 0).all() and (found.slope <= theory.GAMMA[cell]).all()
    h = found.states[0]
    plain = {"tanh": 1 - h**2, "sigmoid": h * (1 - h), "relu": (h > 0).astype(float)}
    if cell in plain:
        np.testing.assert_allclose(found.slope_mean, plain[cell].mean(1), rtol=1e-12)
    assert found.rate_typical == pytest.approx(theory.typical_rate(W, float(found.slope_mean.mean()), e.leak), rel=1e-6)
    np.testing.assert_allclose(found.typical, found.norm[0, -1] * found.rate_typical ** np.arange(11, -1, -1))
    assert found.straight is None


@settings(max_examples=25)
@given(
    cell=st.sampled_from(sorted(theory.GAMMA)),
    init=st.sampled_from(sorted(INITS)),
    gain=st.floats(0, 6),
    input_scale=st.sampled_from([0.01, 0.3, 3.0]),
    task=st.sampled_from(["agreement", "memorization"]),
    seed=st.integers(0, 10_000),
    leak=st.floats(0.01, 1),
)
def test_what_must_vanish_is_never_above_its_bound(cell, init, gain, input_scale, task, seed, leak):
    more = {"leak": leak, "density": 0.5} if CELLS[cell].reservoir else {"init": init, "fixes": ()}
    e = Experiment(task=task, length=22, cell=cell, hidden=6, gain=gain, input_scale=input_scale, seed=seed, **more)
    found = last(flow, e)
    norm = found.norm[0]
    assert (norm <= found.bound * (1 + 1e-9)).all()
    if theory.condition(cell, found.singular) == theory.MUST_VANISH:
        assert (np.diff(norm) >= 0).all() and norm[0] <= norm[-1] * found.rate_bound**21 * (1 + 1e-9)


def test_flow_after_training_takes_the_trained_weights():
    found, e = last(flow, SMALL, step=10), replace(SMALL, replicas=1)
    x, y = example(SMALL)
    done = reference.run("tanh", weights_of(SMALL, step=10), 0, x, y, SMALL.loss)
    reference.assert_close(torch.tensor(found.norm), done.state_gradients()[:, :, 0].norm(dim=-1))
    assert found.diverged == -1
    assert np.abs(found.norm / last(flow, e).norm - 1).max() > 0.01


def test_flow_leaves_truncation_out():
    whole, cut = last(flow, SMALL), last(flow, replace(SMALL, fixes=(Truncate(4),)))
    np.testing.assert_array_equal(whole.norm, cut.norm)
    assert (cut.norm > 0).all()


def test_flow_of_a_network_that_became_nan():
    found = last(flow, replace(PRESETS["explodes"].experiment, gain=2.0), step=40)
    assert 0 <= found.diverged < 40
    assert found.norm.shape == (1, 30)


def test_flow_says_what_it_does_not_compute(monkeypatch):
    monkeypatch.setattr("rnnkit.studies.gradient_flow.MEGABYTES", 0)
    found = last(flow, SMALL)
    assert found.product is found.spectrum is found.off is None
    assert (found.norm > 0).all() and found.bound is not None


def test_singular_values_that_are_rounding_are_left_out():
    found = last(flow, replace(SMALL, length=60, hidden=8))
    values = found.spectrum[0]
    assert np.isnan(values[0]).any()
    assert np.nanmin(values / values[:, :1]) >= 1e-14
    assert len(found.spectrum_t) == 48 and found.spectrum_t[-1] == 59


@pytest.mark.parametrize("step", [-1, 10_001, 2.5, "3", None])
def test_flow_refuses_steps_in_words(step):
    with pytest.raises(ValueError, match=r"step must be a whole number from 0 to 10000, got "):
        next(flow(SMALL, step=step))


# ---- the regime map ----


@pytest.mark.parametrize("task", ["agreement", "memorization", "characters"])
@pytest.mark.parametrize("cell", reference.WITH_W_REC)
def test_a_cell_of_the_map_is_the_ratio_that_autograd_finds(cell, task):
    """Of the last step's loss, whether other steps have one too or not."""
    reference.need(reference.STEPS, cell)
    T = max(10, TASKS[task].min_length)
    e = of(cell, task=task, length=T)
    found = last(regimes, e, gains=[0.5, 1.5], lengths=[T, T + 4])
    assert found.ratio.shape == (len(CELLS[cell].parts), 2, 2)
    here = replace(e, gain=1.5, length=T + 4, replicas=8, batch=8)
    p = init_params(here, torch.float64)
    batches = [TASKS[e.task].draw(T + 4, 8, random_stream(e.seed + r, Stream.DATA), held_out=False) for r in range(8)]
    x, y = (torch.from_numpy(np.stack([getattr(b, name) for b in batches], 1)) for name in "xy")
    runs = [reference.run(cell, p, r, x, y[-1:], e.loss).state_gradients() for r in range(8)]
    norms = np.stack([run.flatten(2).norm(dim=-1).numpy() for run in runs], -1)
    for part in range(len(CELLS[cell].parts)):
        assert found.ratio[part, 1, 1] == pytest.approx(gradient_ratio(norms, here, part), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm"])
def test_a_cell_of_the_map_is_about_what_the_lab_shows(cell):
    """The lab takes other sentences, and more of them: the same within a factor of two."""
    e = of(cell, hidden=32)
    found = last(regimes, e, gains=[1.25], lengths=[20])
    here = replace(e, gain=1.25, length=20, replicas=8, batch=32)
    record = next(iter(train(here)))
    for part in range(len(CELLS[cell].parts)):
        assert found.ratio[part, 0, 0] == pytest.approx(gradient_ratio(record.state_grad, here, part), rel=0.5)


@pytest.mark.parametrize("init", INITS)
def test_every_initialization_is_a_matrix_times_its_gain(init):
    """What the map builds on."""
    one, other = (draw_weights(replace(SMALL, hidden=20, init=init, gain=gain), 3) for gain in (1.0, 2.5))
    for name in one:
        np.testing.assert_allclose(other[name], one[name] * (2.5 if name == "W_rec" else 1), rtol=1e-12)


def test_a_reservoir_is_a_matrix_times_its_radius():
    one, other = (draw_weights(of("esn", gain=gain), 3) for gain in (1.0, 2.5))
    np.testing.assert_allclose(other["W_rec"], one["W_rec"] * 2.5, rtol=1e-12)


def test_the_map_grows_length_by_length():
    parts = [part for part in regimes(SMALL, gains=[0.5, 1.0, 2.0], lengths=[10, 15, 20]) if not isinstance(part, Progress)]
    assert [part.ratio.shape for part in parts] == [(1, 1, 3), (1, 2, 3), (1, 3, 3)]
    np.testing.assert_array_equal(parts[0].ratio[0, 0], parts[-1].ratio[0, 0])
    assert parts[-1].lengths.tolist() == [10, 15, 20] and parts[-1].gains.tolist() == [0.5, 1, 2]
    drawn = [draw_weights(SMALL, seed)["W_rec"] for seed in range(8)]
    assert parts[0].singular == pytest.approx(np.median([np.linalg.norm(W, 2) for W in drawn]))
    assert parts[0].radius == pytest.approx(np.median([np.abs(np.linalg.eigvals(W)).max() for W in drawn]))


def test_the_map_does_not_depend_on_how_much_is_computed_at_once(monkeypatch):
    whole = last(regimes, SMALL, lengths=[10]).ratio
    monkeypatch.setattr("rnnkit.studies.regime_map.MEGABYTES", 0)
    np.testing.assert_allclose(last(regimes, SMALL, lengths=[10]).ratio, whole, rtol=1e-12)
    assert whole.shape == (1, 1, len(theory.GAINS))


def test_the_map_ignores_what_it_varies_and_what_cuts():
    given = last(regimes, SMALL, gains=[1.0], lengths=[12])
    other = last(regimes, replace(SMALL, gain=3.0, length=50, batch=9, fixes=(Truncate(2),)), gains=[1.0], lengths=[12])
    np.testing.assert_array_equal(given.ratio, other.ratio)


def test_wide_networks_are_mapped_with_fewer_units():
    assert last(regimes, replace(SMALL, hidden=80), gains=[1.0], lengths=[10]).units == 64
    assert last(regimes, SMALL, gains=[1.0], lengths=[10]).units == 5


def test_the_map_starts_where_the_task_can():
    memorization = replace(SMALL, task="memorization", length=30)
    assert last(regimes, memorization, gains=[1.0]).lengths.tolist() == [30, 50, 70, 100, 150, 200]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gains": []}, "gains must be a list of 1 to 32 numbers from 0 to 100"),
        ({"gains": [1.0] * 33}, "gains must be a list of 1 to 32"),
        ({"gains": [-1.0]}, "got -1.0"),
        ({"gains": [101]}, "got 101"),
        ({"gains": ["1"]}, "got '1'"),
        ({"gains": [float("nan")]}, "got nan"),
        ({"gains": 3}, "got 3"),
        ({"lengths": []}, "lengths must be a list of 1 to 16 numbers from 7 to 1000"),
        ({"lengths": [6]}, "got 6"),
        ({"lengths": [1001]}, "got 1001"),
        ({"lengths": [10.5]}, "got 10.5"),
        ({"lengths": [True]}, "got True"),
        ({"lengths": list(range(10, 40))}, "1 to 16"),
    ],
)
def test_the_map_refuses_options_in_words(options, words):
    with pytest.raises(ValueError, match="must be a list of") as error:
        next(regimes(SMALL, **options))
    assert words in str(error.value)
