"""Remedies: exact effects (a clipped norm equals its threshold, truncation equals detach), purity, and what is refused.

That each does what autograd, torch.nn.utils or its formula does is in test_gradients.py.
"""

from dataclasses import replace
from itertools import pairwise, product
from types import SimpleNamespace

import pytest
import torch
from backward_passes import backward
from reference import DOUBLE, R, active, assert_close, parse_all, random_batch, random_params

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, ClipNorm, ClipValue, Freeze, Omega, Truncate
from rnnkit.engine.losses import cross_entropy
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import ParamStack
from rnnkit.engine.trainer import Trainer
from rnnkit.experiment import Experiment

ONE_GATE = [name for name, cell in CELLS.items() if Omega.applies_to(cell)]


# ---- truncation


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("k", [23, 24, 1000])
def test_truncation_no_shorter_than_the_sequence_is_none(cell, k):
    _, tape, grads = backward(cell)
    _, same_tape, same = backward(cell, [Truncate(k)])
    assert all(torch.equal(same[name], g) for name, g in grads.items())
    assert all(torch.equal(a, b) for a, b in zip(same_tape.ds, tape.ds, strict=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("k", [1, 2, 5, 11])
def test_states_before_the_cut_have_gradient_exactly_zero(cell, k):
    """With the loss at the last step alone: the last k states have one, no earlier state has."""
    p = random_params(cell, 6, 4)
    x, y = random_batch("temporal-order", 12)
    tape = bptt.forward(CELLS[cell], p, x)
    tape.backward(cross_entropy(bptt.readout(p, tape.h[-1:]), y)[1], [Truncate(k)])
    assert not tape.ds[0][: 12 - k].any()
    assert tape.ds[0][12 - k :].abs().amax((2, 3)).all()
    assert Experiment(cell="tanh", task="temporal-order", length=12, fixes=(Truncate(k),)).first_uncut == 12 - k


def test_cuts_are_counted_from_the_end():
    assert [t for t in range(10) if Truncate(4).blocks(t, 10)] == [2, 6]
    assert [t for t in range(12) if Truncate(4).blocks(t, 12)] == [0, 4, 8]  # at 0 nothing is left to cut


def test_one_cut_stops_a_nan_too():
    ds = torch.full((1, 2, 3), torch.nan)
    assert not Truncate(4)(ds, 6, 10).any()
    assert Truncate(4)(ds, 5, 10) is ds


# ---- clipping


def lengths(*norms, dtype=DOUBLE):
    """Gradients of as many networks, with the given norms over all weights."""
    g = torch.Generator().manual_seed(0)
    grads = {k: torch.randn(len(norms), *s, generator=g, dtype=DOUBLE) for k, s in {"W": (3, 4), "b": (1, 4)}.items()}
    scale = torch.tensor(norms, dtype=DOUBLE) / ParamStack.of(grads).norm
    return {k: (v * scale.view(-1, 1, 1)).to(dtype) for k, v in grads.items()}


def test_global_norm_is_over_all_weights_of_one_network():
    grads = {"W": torch.tensor([[[3.0]], [[0.0]]]), "b": torch.tensor([[[4.0]], [[2.0]]])}
    assert ParamStack.of(grads).norm.tolist() == [5.0, 2.0]
    assert ParamStack.of({"W": torch.full((1, 1, 4), 1e30)}).norm.item() == pytest.approx(2e30, rel=1e-7)  # squares: 1e60
    assert ParamStack.of({"W": torch.full((1, 1, 4), 1e-30)}).norm.item() == pytest.approx(2e-30, rel=1e-7, abs=0)


@pytest.mark.parametrize("sizes", [(1e300, 1.0), (1e300, 1e160), (1e300, 1e-100), (1e155, 3e154), (1e-100, 1e100)])
def test_global_norm_of_one_network_does_not_depend_on_its_neighbour(sizes):
    """Neither when the squares of both overflow."""
    grads = {"W": torch.tensor(sizes, dtype=DOUBLE).view(2, 1, 1).expand(2, 3, 3), "b": torch.zeros(2, 1, 3, dtype=DOUBLE)}
    for r, size in enumerate(sizes):
        alone = ParamStack.of({k: g[r : r + 1] for k, g in grads.items()}).norm.item()
        assert alone == pytest.approx(3 * size, rel=1e-12, abs=0)
        assert ParamStack.of(grads).norm[r].item() == pytest.approx(alone, rel=1e-12, abs=0)
    spoilt = {
        "W": torch.cat([grads["W"], torch.full((2, 3, 3), torch.inf, dtype=DOUBLE)]),
        "b": torch.zeros(4, 1, 3, dtype=DOUBLE),
    }
    spoilt["W"][3, 0, 0] = torch.nan
    assert ParamStack.of(spoilt).norm[:2].tolist() == pytest.approx(ParamStack.of(grads).norm.tolist(), rel=1e-12, abs=0)
    assert not ParamStack.of(spoilt).norm[2:].isfinite().any()


@pytest.mark.parametrize("threshold", [1e-3, 1.0, 7.5])
@pytest.mark.parametrize("ratio", [1.0000001, 3, 1e6, 1e100])
def test_a_clipped_norm_is_the_threshold_and_keeps_its_direction(threshold, ratio):
    grads = lengths(threshold * ratio, threshold / 2)
    clipped = ClipNorm(threshold)(grads, None, {})
    assert ParamStack.of(clipped).norm[0].item() == pytest.approx(threshold, rel=1e-12)
    for k, g in grads.items():
        assert_close(clipped[k][0] * ratio, g[0], k, 1e-12)


@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
@pytest.mark.parametrize("norm", [0.0, 1e-30, 0.5, 0.999999])
def test_a_short_gradient_is_untouched_bit_for_bit(dtype, norm):
    grads = lengths(norm, 100.0, dtype=dtype)
    clipped = ClipNorm(1.0)(grads, None, {})
    for k, g in grads.items():
        assert torch.equal(clipped[k][0], g[0])
        assert not torch.equal(clipped[k][1], g[1])


def test_clipping_by_norm_is_no_cure_for_nan_or_inf():
    for bad in (torch.nan, torch.inf):
        grads = lengths(1.0, 5.0)
        grads["W"][0, 1, 1] = bad
        clipped = ClipNorm(1.0)(grads, None, {})
        assert not ParamStack.of(clipped).norm[0].isfinite()
        assert ParamStack.of(clipped).norm[1].item() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("threshold", [1e-4, 0.1, 3.0])
def test_clip_value_bounds_each_component_and_touches_no_other(threshold):
    grads = lengths(5.0, 0.01)
    clipped = ClipValue(threshold)(grads, None, {})
    for k, g in grads.items():
        inside = g.abs() <= threshold
        assert clipped[k].abs().max() <= threshold
        assert torch.equal(clipped[k][inside], g[inside])
        assert torch.equal(clipped[k][~inside], threshold * g[~inside].sign())
    assert ClipValue(1.0)({"W": torch.tensor([[[torch.nan]]])}, None, {})["W"].isnan().all()


@pytest.mark.parametrize("threshold", [1e-3, 1.0])
def test_a_norm_beyond_float32_is_clipped_to_the_threshold(threshold):
    """Each number is a float32, their norm of 3e40 is not, nor is the factor."""
    clipped = ClipNorm(threshold)({"W": torch.full((1, 100, 100), 3e38), "b": torch.full((1, 1, 100), 3e38)}, None, {})
    assert ParamStack.of(clipped).norm.item() == pytest.approx(threshold, rel=1e-5)


# ---- freezing

NAMES = {"tanh": "W_rec", "gru": "W_in+b", "lstm": "W_out+b_out", "relu": "W_in+W_rec+b+W_out+b_out"}


def frozen(names):
    return set(names.split("+")) | ({"b_rec"} if "b" in names.split("+") else set())


@pytest.mark.parametrize("begins", [0, 3])
@pytest.mark.parametrize("other", ["", *(name for name in FIXES if name != "freeze")])
@pytest.mark.parametrize("cell", NAMES)
def test_frozen_weights_stay_bit_identical_whatever_else_acts(cell, other, begins):
    """Under every optimizer, with every other fix before and after: from the step on at which it begins."""
    others = [active(other)] if other and active(other).applies_to(CELLS[cell]) else []
    freeze = Freeze(NAMES[cell], start_step=begins)
    for optimizer, fixes in product(OPTIMIZERS, ((freeze, *others), (*others, freeze))):
        e = Experiment(
            task="temporal-order", length=10, cell=cell, hidden=5, optimizer=optimizer, lr=0.05, batch=4, steps=6, replicas=2,
            fixes=fixes,
        )  # fmt: skip
        trainer, weights = Trainer(e), []
        while not trainer.done:
            weights.append({k: v.clone() for k, v in trainer.params.items()})
            trainer.advance()
        for k in weights[0]:
            for step, (before, after) in enumerate(pairwise(weights)):
                still = k in frozen(NAMES[cell]) and step >= begins
                assert torch.equal(before[k], after[k]) == still, (optimizer, fixes, k, step)


@pytest.mark.parametrize("fixes", ["freeze:W_rec,l2:0.01", "freeze:W_rec,omega", "freeze:W_rec,l1:0.1,omega:0.5,l2:1"])
def test_a_frozen_weight_is_not_counted_by_what_comes_later(fixes):
    """The norm that is applied, and clipped, is that of the other weights."""
    e = Experiment(length=10, hidden=5, batch=4, steps=1, replicas=2, fixes=fixes.split(","))
    clipped = replace(e, fixes=(*e.fixes, ClipNorm(1e-3)))
    for x in (e, clipped):
        out = Trainer(x).compute_next()
        assert not out.grads["W_rec"].any()
        rest = {k: g for k, g in out.grads.items() if k != "W_rec"}
        torch.testing.assert_close(ParamStack.of(rest).norm, out.norm_applied, rtol=1e-12, atol=0)
    torch.testing.assert_close(out.norm_applied, torch.full((2,), 1e-3, dtype=DOUBLE), rtol=1e-6, atol=0)


def test_freeze_names_are_put_in_order_and_checked():
    assert Freeze("b W_in") == Freeze("W_in+b") == Freeze.parse("b+W_in")
    assert Freeze.parse("") == Freeze("W_rec")
    for bad in ("W", "", "W_in+", "W_in,b", "leak", "b_rec", None, 3):
        with pytest.raises(ValueError, match=r"W_in, W_rec, b, W_out, b_out") as error:
            Freeze(bad)
        assert repr(bad) in str(error.value)


# ---- penalties


@pytest.mark.parametrize("cell", ONE_GATE)
@pytest.mark.parametrize("fixes", ["", "truncate:5"])
def test_omegas_gradient_is_the_slope_of_its_value(cell, fixes):
    """Central differences of Omega.value with the tape held constant: no other weight gets any."""
    p, tape, grads = backward(cell, parse_all(fixes))
    direction = torch.randn(p["W_rec"].shape, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)

    def value(by):
        return Omega(0.7).value(tape, p | {"W_rec": p["W_rec"] + by * direction})

    slope = (8 * (value(1e-4) - value(-1e-4)) - value(2e-4) + value(-2e-4)) / 12e-4
    added = Omega(0.7)(grads, tape, p)
    assert_close(((added["W_rec"] - grads["W_rec"]) * direction).sum((1, 2)), 0.7 * slope, "dOmega/dW_rec", 1e-8)
    assert all(torch.equal(added[k], g) for k, g in grads.items() if k != "W_rec")


def test_omega_is_zero_where_the_norm_is_kept_and_known_where_it_is_not():
    """Orthogonal W_rec and slope 1: r = 1. Twice as large: r = 4, so Omega = 9, and its slope is known."""
    p = {"W_rec": torch.eye(3, dtype=DOUBLE)[[1, 2, 0]].repeat(R, 1, 1)}
    da = torch.randn(4, R, 2, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    da[0] = 0  # never reached: not counted
    da[1] *= 1e-12  # its square lies below 1e-20: not counted
    tape = SimpleNamespace(da=da, ds=(da,))
    zero = {"W_rec": torch.zeros(R, 3, 3, dtype=DOUBLE)}
    assert Omega(1.0).value(tape, p).abs().max() < 1e-25
    assert Omega(1.0)(zero, tape, p)["W_rec"].abs().max() < 1e-12
    double = {"W_rec": 2 * p["W_rec"]}
    assert_close(Omega(1.0).value(tape, double), torch.full((R,), 9.0, dtype=DOUBLE), "Omega", 1e-12)
    unit = (da[2:] / da[2:].norm(dim=-1, keepdim=True)).transpose(0, 1).flatten(1, 2)
    slope = 4 * 3 * 2 * ((unit @ p["W_rec"].mT).mT @ unit) / 4  # 4 (r - 1) back da^T / ||delta||^2, mean over 4 rows
    assert_close(Omega(1.0)(zero, tape, double)["W_rec"], slope, "slope", 1e-12)


@pytest.mark.parametrize("cell", ["relu", "tanh"])
@pytest.mark.parametrize("size", [1.0, 1e-9, 1e12, 1e19, 3e30])
def test_omega_in_float32_is_that_of_float64_however_large_the_gradient(cell, size):
    """Its square is no float32 from 1.8e19 on; r and its gradient do not depend on the size."""
    p, tape, _ = backward(cell)
    largest = max(part.abs().max() for part in tape.ds)
    scaled = SimpleNamespace(da=tape.da * (size / largest), ds=(tape.ds[0] * (size / largest),))
    single = SimpleNamespace(da=scaled.da.float(), ds=(scaled.ds[0].float(),))
    weights = {"W_rec": p["W_rec"].float()}
    zero = {"W_rec": torch.zeros_like(p["W_rec"])}
    expected = Omega(0.7)(zero, scaled, p)["W_rec"]
    assert expected.any()
    found = Omega(0.7)({"W_rec": zero["W_rec"].float()}, single, weights)["W_rec"]
    assert_close(found.double(), expected, "dOmega/dW_rec", 1e-5)
    assert_close(Omega(0.7).value(single, weights).double(), Omega(0.7).value(scaled, p), "Omega", 1e-5)


def test_omega_of_a_network_whose_gradient_explodes_beyond_float32s_squares():
    """ReLU, identity times 2.4, 60 steps: ||dL/dh_0|| is about 1e22, and the run goes on."""
    e = Experiment(
        length=60, cell="relu", init="identity", gain=2.4, input_scale=1e-3, hidden=8, batch=4, replicas=2, steps=2,
        optimizer="sgd", lr=1e-30, fixes=("omega:0.5", "clip-norm:1"),
    )  # fmt: skip
    found = {}
    for dtype in (torch.float32, DOUBLE):
        trainer = Trainer(e, dtype)
        out, tape = trainer.compute_next(), trainer.functions.tape
        assert (tape.ds[0].double().norm(dim=(2, 3)).amax(0) > 1.8e19).all()
        assert out.sound.all()
        omega = trainer.functions.learner.fixes[0]
        assert isinstance(omega, Omega)
        zero = {"W_rec": torch.zeros_like(trainer.params["W_rec"])}
        found[dtype] = omega(zero, tape, trainer.params)["W_rec"].double()
    assert_close(found[torch.float32], found[DOUBLE], "dOmega/dW_rec", 1e-4)


def test_omega_of_a_gradient_that_never_arrives_is_zero():
    tape = SimpleNamespace(da=torch.zeros(4, R, 2, 3, dtype=DOUBLE), ds=(torch.zeros(4, R, 2, 3, dtype=DOUBLE),))
    p = {"W_rec": torch.ones(R, 3, 3, dtype=DOUBLE)}
    assert not Omega(1.0).value(tape, p).any()
    assert torch.equal(Omega(1.0)(p, tape, p)["W_rec"], p["W_rec"])
