"""Penalties on the states of every cell on every task against autograd; what is recorded is of the loss alone."""

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, R, active, assert_close, need
from short_trainings import fitting
from torch.nn import functional as F

from rnnkit.engine.bptt import Padding
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.divergence import Divergence
from rnnkit.engine.fixes import AR, FIXES, TAR, ActivationFix, Omega, Truncate
from rnnkit.engine.record import pack_record
from rnnkit.engine.trainer import Trainer, train
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS

TRAINED = [name for name, cell in CELLS.items() if not cell.reservoir]
penalties = pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, ActivationFix)])


def small(**changes):
    task = TASKS[changes.get("task", "agreement")]
    values = {"length": max(10, task.min_length), "hidden": 6, "batch": 5, "replicas": 2, "steps": 6, "fixes": ()}
    values |= fitting(changes.get("cell", "tanh"), gain=1.2)
    return Experiment(**values | {"input_scale": 0.8, "optimizer": "sgd", "lr": 0.1} | changes)


def trained(e, steps):
    """A float64 Trainer after so many steps, and what the next step's batch gives."""
    with no_grad_no_denormals():
        trainer = Trainer(e, DOUBLE)
        for _ in range(steps):
            trainer.advance()
        s0 = trainer.functions.tape.end if steps else None
        batch = next(trainer.batches)
        return trainer, s0, batch, trainer.compute(batch)


def states(e, p, x, earlier, piece):
    """h (T, B, H) of one network on sequences of one length, from the last states on; detached before every cut."""
    h = []
    for t, x_t in enumerate(x):
        if piece and t and (len(x) - t) % piece == 0:
            earlier = [tuple(part.detach() for part in s) for s in earlier]
        earlier, _ = reference.step(e.cell, p, x_t, earlier)
        h.append(earlier[-1][0])
    return torch.stack(h)


def gradient_of_penalty(e, trainer, s0, batch, r):
    """By autograd, of network r: sequences of different lengths are read one by one, and averaged with their number of steps."""
    (fix,) = [fix for fix in e.fixes if isinstance(fix, ActivationFix)]
    piece = next((fix.steps for fix in e.fixes if isinstance(fix, Truncate)), 0)
    p = {k: W[r].clone().requires_grad_() for k, W in trainer.params.items()}
    x = batch.x[:, r].clone()
    x = F.one_hot(x, p["W_in"].shape[0]).to(DOUBLE) if x.dtype == torch.int64 else x
    if s0 is None or not e.bound_task.carries_state:
        s = [torch.zeros(CELLS[e.cell].lag, x.shape[1], e.hidden, dtype=DOUBLE) for _ in CELLS[e.cell].parts]
    else:
        s = [part[:, r].clone() for part in s0]
        for part in s:
            part[:, -trainer.step % 32 :: 32] = 0
    earlier = list(zip(*s, strict=True))
    if batch.padding is None:
        penalty = reference.PENALTIES[fix.name](states(e, p, x, earlier, piece), *fix.values)
    else:
        begun = torch.ones(x.shape[:2], dtype=bool)
        begun[: batch.padding.first] = False
        rows = slice(batch.padding.first, batch.padding.first + len(batch.padding.mask))
        begun[rows] = batch.padding.mask[:, r, :, 0] > 0
        each, sizes = [], []
        for b in range(x.shape[1]):
            h = states(e, p, x[begun[:, b], b : b + 1], [tuple(part[:1] for part in s) for s in earlier], piece)
            n = len(h) - (fix.name == "tar")
            sizes.append(n)
            each.append(n * reference.PENALTIES[fix.name](h, *fix.values) if n else 0 * h.sum())
        penalty = sum(each) / sum(sizes)
    found = torch.autograd.grad(penalty, list(p.values()), allow_unused=True)
    return {k: torch.zeros_like(W) if g is None else g for (k, W), g in zip(p.items(), found, strict=True)}


@penalties
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("cell", TRAINED)
def test_the_penaltys_gradient_is_autograds(cell, task, name):
    """After two training steps; alone, and where truncation cuts. The difference of the gradients with and without it."""
    need(reference.STEPS, cell)
    need(reference.PENALTIES, name)
    for cuts in ((), (Truncate(4),)):
        e = small(cell=cell, task=task, fixes=(*cuts, active(name)))
        trainer, s0, batch, out = trained(e, 2)
        for r in range(e.replicas):
            for k, g in gradient_of_penalty(e, trainer, s0, batch, r).items():
                assert_close(out.penalised[k][r] - out.raw[k][r], g, f"{k} of network {r}, {cuts}", 1e-9)
        assert all(k.startswith(("W_out", "b_out")) or (out.penalised[k] != out.raw[k]).any() for k in trainer.params)


@penalties
@pytest.mark.parametrize("task", ["agreement", "corpus", "characters"])
@pytest.mark.parametrize("cell", TRAINED)
def test_what_is_recorded_is_the_gradient_of_the_loss_alone(cell, task, name):
    """Bit for bit: of the same weights without the penalty. What is applied is another one, and so are the next weights."""
    plain, fixed = (list(train(small(cell=cell, task=task, steps=2, fixes=fixes))) for fixes in ((), (active(name),)))
    for field in ("loss", "state_grad", "state_grad_all", "grad_norm_raw", "flat", "blocked", "gate"):
        np.testing.assert_array_equal(getattr(fixed[0], field), getattr(plain[0], field), field)
    assert (fixed[0].grad_norm_applied != plain[0].grad_norm_applied).all()
    assert (fixed[1].grad_norm_raw != plain[1].grad_norm_raw).any()


@penalties
def test_omega_sees_the_gradient_of_the_loss_alone(name):
    """What it adds to dL/dW_rec is the same beside a penalty on the states."""
    alone, both = (trained(small(fixes=fixes), 0)[3] for fixes in ((Omega(1.0),), (Omega(1.0), active(name))))
    assert_close(both.grads["W_rec"] - both.penalised["W_rec"], alone.grads["W_rec"] - alone.penalised["W_rec"], "Omega", 1e-12)


@penalties
def test_it_is_pure_mixes_no_networks_and_leaves_padding_alone(name):
    g = torch.Generator().manual_seed(0)
    mask = (torch.arange(4)[:, None, None, None] >= torch.tensor([[0, 3, 4], [2, 1, 4]])[..., None]).to(DOUBLE)
    begun = torch.cat([mask, torch.ones(3, R, 3, 1, dtype=DOUBLE)])
    h = begun * torch.randn(7, R, 3, 4, generator=g, dtype=DOUBLE)
    given = h.clone(), begun.clone()
    dh = active(name)(h, begun)
    assert torch.equal(h, given[0]) and torch.equal(begun, given[1])
    assert dh.shape == h.shape and dh.dtype == DOUBLE and not dh[begun.expand_as(h) == 0].any() and dh[-1].all()
    for r in range(R):
        h[1 - r] *= 100
        assert torch.equal(active(name)(h[:, r : r + 1], begun[:, r : r + 1]), active(name)(h, begun)[:, r : r + 1])
        assert_close(active(name)(given[0][:, r : r + 1], begun[:, r : r + 1])[:, 0], dh[:, r], name, 1e-14)


@penalties
def test_of_one_state_alone_its_gradient_is_finite(name):
    """Sentences of one word have no pair of states."""
    assert active(name)(torch.ones(1, R, 3, 4), torch.ones(1, R, 3, 1)).isfinite().all()


def test_the_two_penalties_by_hand():
    """Two states (1, 2) and (4, 6) of one sequence: AR = alpha 57 / 4, TAR = beta 25 / 2."""
    h, begun = torch.tensor([[1.0, 2.0], [4.0, 6.0]])[:, None, None], torch.ones(2, 1, 1, 1)
    assert AR(2.0)(h, begun).flatten().tolist() == [1.0, 2.0, 4.0, 6.0]
    assert TAR(0.5)(h, begun).flatten().tolist() == [-1.5, -2.0, 1.5, 2.0]


@penalties
def test_stale_states_before_the_first_word_do_not_enter(name):
    """What an earlier batch has left on the tape, here NaN."""
    e = small(task="corpus", length=40, fixes=(active(name),))
    trainer, _, batch, out = trained(e, 0)
    assert isinstance(batch.padding, Padding) and batch.padding.first > 0
    with no_grad_no_denormals():
        for part in trainer.functions.tape.forward_arrays.states:
            part[: batch.padding.first] = torch.nan
        again = trainer.compute(batch)
    assert torch.equal(again.grads.flat, out.grads.flat)


@penalties
def test_a_reservoir_has_none(name):
    with pytest.raises(ValueError, match=r"fixes .*'esn'"):
        Experiment(cell="esn", fixes=(active(name),))
    e, messages = Experiment.from_query({"cell": "esn", "fixes": str(active(name))})
    assert e == Experiment(cell="esn") and "fixes" in messages[0]


@penalties
def test_its_place_among_the_remedies_does_not_matter(name):
    """As that of truncation: its gradient is there before any remedy on the gradients of the weights."""
    first, last = (
        list(train(small(fixes=fixes))) for fixes in ((active(name), "clip-norm:0.1"), ("clip-norm:0.1", active(name)))
    )
    assert list(map(pack_record, first)) == list(map(pack_record, last))
    assert all((record.grad_norm_applied <= 0.1 + 1e-6).all() for record in first)


@penalties
def test_a_penalty_that_is_not_finite_is_named(name):
    e = small(fixes=(active(name),))
    with no_grad_no_denormals():
        trainer = Trainer(e)
        out = trainer.compute(next(trainer.batches))
        out.penalised.flat[1] = torch.inf
        divergence = Divergence(e.replicas)
        divergence.check(0, out._replace(sound=torch.tensor([True, False])), trainer.functions)
    assert divergence.causes == ["", "the gradient of W_in with the penalty on the states"]
