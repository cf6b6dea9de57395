"""Training: what a Record says against autograd, bitwise reproducibility, and networks that never mix."""

import dataclasses
import hashlib

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, assert_close, need
from short_trainings import finished, fitting, small
from torch_optimizers import TWINS

from rnnkit import frame, run, train
from rnnkit.engine import bptt
from rnnkit.engine.batches import training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.fixes import FIXES, SignalFix, UpdateFix
from rnnkit.engine.losses import LOSSES, correct
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import pack_record
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import EVALUATION_SIZE

TRAINED = [name for name, cell in CELLS.items() if not cell.reservoir]


def digest(records):
    return hashlib.sha256(b"".join(map(pack_record, records))).hexdigest()


# ---- what one step does


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("task", ["temporal-order", "adding", "memorization", "permutation"])
def test_the_first_record_and_update_are_autograds(cell, task):
    """Loss, state gradients and norms of the weights as drawn; then W - lr dL/dW, with the threshold below every norm."""
    need(reference.STEPS, cell)
    trained = {} if CELLS[cell].reservoir else {"optimizer": "sgd", "lr": 0.3, "fixes": ("clip-norm:1e-3",)}
    e = small(cell, task=task, length=TASKS[task].min_length + 1, input_scale=0.8, **trained)
    p, (x, y, *_) = init_params(e, DOUBLE), next(training_batches(e, DOUBLE, "cpu"))
    trainer = Trainer(e, DOUBLE)
    record = trainer.advance()
    assert record.step == 0
    for r in range(e.replicas):
        expected = reference.run(cell, p, r, x, y, e.loss)
        raw = torch.sqrt(sum(W.grad.square().sum() for k, W in expected.p.items() if k != "leak"))
        assert_close(torch.tensor(record.loss[r]), expected.loss, "loss")
        of_all = record.state_grad if record.state_grad_all is None else record.state_grad_all
        assert_close(torch.from_numpy(of_all[..., r]), expected.state_gradients().norm(dim=(2, 3)), "norms")
        of_last = reference.run(cell, p, r, x, y[-1:], e.loss).state_gradients().norm(dim=(2, 3))
        assert_close(torch.from_numpy(record.state_grad[..., r]), of_last, "norms of the last loss alone")
        assert_close(torch.tensor(record.grad_norm_raw[r]), raw, "raw norm")
        if trained:
            assert record.grad_norm_applied[r] == pytest.approx(1e-3, rel=1e-12)
            for k, W in expected.p.items():
                assert_close(trainer.params[k][r], (W - 0.3 * W.grad * 1e-3 / raw).detach(), k)
        else:
            assert record.grad_norm_applied[r] == record.grad_norm_raw[r]


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name in TWINS])
def test_a_whole_run_is_autograd_with_torch_optim(optimizer):
    """Five updates of an LSTM, the gradient clipped: the same losses and weights."""
    e = small("lstm", optimizer=optimizer, lr=0.02, fixes=("l2:0.1", "clip-norm:0.2"))
    trainer, records, _ = finished(e, DOUBLE)
    batches = training_batches(e, DOUBLE, "cpu")
    weights = [{k: W[r].clone() for k, W in init_params(e, DOUBLE).items()} for r in range(e.replicas)]
    theirs = [TWINS[optimizer](list(p.values()), e.lr) for p in weights]
    for step in range(e.steps):
        x, y, *_ = next(batches)
        for r, p in enumerate(weights):
            stack = {k: W.expand(e.replicas, *W.shape) for k, W in p.items()}
            done = reference.remedied("lstm", stack, r, x, y, e.loss, e.fixes)
            assert_close(torch.tensor(records[step].loss[r]), done.loss, f"loss at step {step}")
            for k, W in p.items():
                W.grad = done.p[k].grad
            theirs[r].step()
    for r, p in enumerate(weights):
        for k, W in p.items():
            assert_close(trainer.params[k][r], W, k)


@pytest.mark.parametrize("cell", CELLS)
def test_accuracy_is_that_of_the_held_out_sequences(cell):
    """Of one portion or several, of one network or many, recomputed in one go."""
    e = small(cell, hidden=8, length=160, replicas=16, steps=1, batch=1)
    p = init_params(e, DOUBLE)
    evaluation = Evaluation(e, p)
    assert evaluation.batch.x.shape == (160, EVALUATION_SIZE)
    x, y = (torch.from_numpy(part)[:, None].expand(-1, 16, -1) for part in (evaluation.batch.x, evaluation.batch.y))
    expected = correct(bptt.readout(p, bptt.forward(CELLS[cell], p, x).h[-1:]), y)
    np.testing.assert_allclose(evaluation.accuracy(), expected, rtol=1e-12)
    alone = Evaluation(e, {k: v[2:3] for k, v in p.items()}).accuracy()
    np.testing.assert_allclose(alone, expected[2:3], rtol=1e-12)
    assert next(iter(train(e, DOUBLE))).accuracy == pytest.approx(expected.numpy())


@pytest.mark.parametrize("task", ["parity", "corpus", "adding"])
@pytest.mark.parametrize("piece", [1, 2**12, 2**15, 2**22])
def test_how_much_fits_the_cache_does_not_change_the_accuracy(task, piece, monkeypatch):
    """One portion or all at once, one step or all: not by the last bit, which a mean over other portions would."""
    e = small(task=task, hidden=3, length=29, replicas=6, seed=4)
    expected = Evaluation(e, init_params(e, DOUBLE)).accuracy()
    monkeypatch.setattr(Evaluation, "PIECE", piece)
    np.testing.assert_array_equal(Evaluation(e, init_params(e, DOUBLE)).accuracy(), expected)


def test_all_networks_have_the_same_evaluation_batch():
    one, other = (Evaluation(e, init_params(e)) for e in (small(task="adding"), small(task="adding", cell="lstm", seed=5)))
    assert np.array_equal(one.batch.x, other.batch.x)


def test_networks_see_different_sequences_and_none_of_the_evaluation_batch():
    e = small(replicas=2, batch=64)
    evaluated = {row.tobytes() for row in np.ascontiguousarray(Evaluation(e, init_params(e)).batch.x.T)}
    stream = training_batches(e, DOUBLE, "cpu")
    batches = [next(stream)[0] for _ in range(30)]
    assert not torch.equal(batches[0][:, 0], batches[0][:, 1])
    assert not torch.equal(batches[0], batches[1])
    assert not {row.tobytes() for x in batches for row in x.permute(1, 2, 0).flatten(0, 1).numpy()} & evaluated


def test_spectral_radius_is_recorded_with_the_accuracy_and_for_cells_without_gates():
    e = small(steps=50, optimizer="sgd", lr=0.5, init="orthogonal", gain=0.9)
    _, records, weights = finished(e)
    examined = [r for r in records if not np.isnan(r.spectral_radius).any()]
    assert [r.step for r in examined] == [0, 12, 24, 36, 48, 50]
    for r in examined:
        expected = np.abs(np.linalg.eigvals(weights[r.step]["W_rec"].double().numpy())).max(1)
        np.testing.assert_allclose(r.spectral_radius, expected, rtol=1e-6)
    assert examined[0].spectral_radius == pytest.approx(0.9, rel=1e-5)
    assert np.isnan(finished(small("lstm"))[1][0].spectral_radius).all()
    assert finished(small("esn", gain=0.7))[1][-1].spectral_radius == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize("fix", FIXES)
def test_the_raw_norm_is_measured_before_the_remedy(fix):
    plain, fixed = (next(iter(train(small(fixes=fixes), DOUBLE))) for fixes in ((), (reference.active(fix),)))
    assert (plain.grad_norm_raw == plain.grad_norm_applied).all()
    if issubclass(FIXES[fix], SignalFix):
        assert (fixed.grad_norm_raw == fixed.grad_norm_applied).all()
        assert (fixed.grad_norm_raw != plain.grad_norm_raw).all()
    else:
        assert (fixed.grad_norm_raw == plain.grad_norm_raw).all()
        assert np.array_equal(fixed.state_grad, plain.state_grad)
        changes = not issubclass(FIXES[fix], UpdateFix)  # that acts on the step, not on the gradient
        assert ((fixed.grad_norm_applied != plain.grad_norm_raw) == changes).all()


# ---- which steps leave a record


@pytest.mark.parametrize("steps", [1, 2, 11, 301])
@pytest.mark.parametrize("cell", ["tanh", "esn"])
def test_records_come_at_the_recorded_steps_and_accuracy_at_the_examined_ones(steps, cell):
    e = small(cell, steps=steps, hidden=2, batch=1, replicas=1)
    records = list(train(e))
    assert [r.step for r in records] == e.recorded_steps
    for r in records:
        assert np.isnan(r.accuracy).all() == (not (r.step % e.eval_every == 0 or r.step == steps))
        assert np.isfinite(r.loss).all()
        assert r.state_grad.shape == (1, 10, 1)
        assert (r.diverged == -1).all()
        assert r.causes == ("",)
    assert len(frame(records)) == len(records)


def test_the_last_record_shows_the_weights_after_so_many_updates():
    """e.steps updates: a run of n steps ends where a longer one is at step n."""
    short, long = list(train(small(steps=4))), list(train(small(steps=9)))
    assert short[-1].step == long[4].step == 4
    for name in ("loss", "state_grad", "grad_norm_raw"):
        assert np.array_equal(getattr(short[-1], name), getattr(long[4], name))


# ---- the same Experiment, the same Records


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_experiment_gives_the_same_records_bit_for_bit(cell):
    assert digest(train(small(cell))) == digest(train(small(cell)))
    assert digest(train(small(cell, seed=4))) != digest(train(small(cell)))


def test_and_so_it_does_in_another_process(in_fresh_python):
    runs = [small(cell, hidden=16, length=20) for cell in CELLS]
    runs += [small(task="adding", fixes=("omega:1", "clip-value:0.01"))]
    code = (
        "import hashlib, torch; torch.set_num_threads(1)\n"
        "from rnnkit import Experiment, train\n"
        "from rnnkit.engine.record import pack_record\n"
        f"for text in {[e.to_json() for e in runs]!r}:\n"
        "    print(hashlib.sha256(b''.join(map(pack_record, train(Experiment.from_json(text))))).hexdigest())\n"
    )
    assert in_fresh_python(code).split() == [digest(train(e)) for e in runs]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("changes", [{}, {"task": "adding"}, {"optimizer": "rmsprop", "fixes": ("l2:0.01", "clip-norm:0.1")}])
def test_one_network_alone_is_that_network_in_the_stack(cell, changes):
    """Initial weights bit for bit; weights and records of five steps to 1e-9."""
    if CELLS[cell].reservoir:
        changes = {k: v for k, v in changes.items() if k == "task"} | {"leak": 0.6}
    e = small(cell, **changes)
    stack, records, _ = finished(e, DOUBLE)
    for r in range(e.replicas):
        one = dataclasses.replace(e, seed=e.seed + r, replicas=1)
        assert all(torch.equal(W[0], init_params(e)[k][r]) for k, W in init_params(one).items())
        alone, own, _ = finished(one, DOUBLE)
        for k, W in alone.params.items():
            assert_close(W[0], stack.params[k][r], k, 1e-9)
        for a, b in zip(own, records, strict=True):
            for name in ("loss", "state_grad", "grad_norm_raw", "grad_norm_applied", "accuracy", "spectral_radius"):
                np.testing.assert_allclose(getattr(a, name)[..., 0], getattr(b, name)[..., r], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_optimizer_mixes_networks(optimizer):
    e = small(optimizer=optimizer, lr=0.05)
    stack = finished(e, DOUBLE)[0]
    alone = finished(dataclasses.replace(e, seed=e.seed + 1, replicas=1), DOUBLE)[0]
    for k, W in alone.params.items():
        assert_close(W[0], stack.params[k][1], k)


# ---- manners


def flushes():
    """Whether this thread flushes denormal numbers to zero."""
    return float(torch.tensor([1e-310], dtype=DOUBLE) * 0.5) == 0


@pytest.mark.parametrize("before", [False, True])
def test_the_callers_settings_are_the_same_between_and_after_records(before):
    torch.set_flush_denormal(before)
    try:
        assert flushes() == before
        for record in train(small()):
            assert flushes() == before
            assert not torch.is_inference_mode_enabled()
            assert record.loss.shape == (3,)
        assert flushes() == before
        next(iter(train(small())))  # abandoned after the first record
        assert flushes() == before
    finally:
        torch.set_flush_denormal(False)


def test_the_callers_random_numbers_are_not_disturbed():
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    list(train(small()))
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])


def test_records_are_not_changed_by_later_steps():
    trainer = Trainer(small())
    kept = [(record, pack_record(record)) for record in (trainer.advance() for _ in range(5))]
    assert all(pack_record(record) == data for record, data in kept)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_something(cell):
    """Agreement over seven words is easy: every network ends far above chance."""
    bias = dict(CELLS[cell].suited).get("bias", "zero")
    changes = fitting(cell, hidden=100 if CELLS[cell].reservoir else 16, lr=0.03, init="orthogonal", bias=bias)
    e = small(task="agreement", length=7, batch=32, steps=100, input_scale=0.5, **changes)
    last = list(train(e))[-1]
    assert (last.accuracy > 0.8).all()
    assert (last.loss < 0.8 * e.guess_loss).all()


def test_training_batches_go_on_for_ever_and_do_not_repeat():
    e = small(batch=512, replicas=1)
    batches = training_batches(e, DOUBLE, "cpu")
    seen = [next(batches)[0].numpy().tobytes() for _ in range(7)]
    assert len(set(seen)) == 7


def test_outputs_that_are_no_numbers_are_no_answer():
    """argmax takes NaN for the largest: half of a balanced evaluation batch would be right."""
    z = torch.tensor([[[[float("nan"), 0.0], [float("nan"), float("nan")], [2.0, 1.0], [float("inf"), 0.0]]]])
    assert correct(z, torch.zeros(1, 1, 4, dtype=torch.int64)).tolist() == [0.5]


def test_a_loss_of_0_has_no_sign():
    z = torch.tensor([[[[200.0, 0.0]]]])
    loss, _ = LOSSES["cross_entropy"](z, torch.zeros(1, 1, 1, dtype=torch.int64))
    assert loss.item() == 0 and not torch.signbit(loss).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device must be cpu, cuda or cuda: and a number, got 'gpu'"),
        ({"device": None}, "device must be cpu, cuda or cuda: and a number, got None"),
        ({"device": "cuda:999"}, r"device cuda:999: PyTorch sees \d+ GPUs with CUDA here; valid is cpu"),
        ({"dtype": torch.float16}, r"dtype must be torch\.float32 or torch\.float64, got torch\.float16"),
        ({"dtype": "float32"}, r"dtype must be torch\.float32 or torch\.float64, got 'float32'"),
    ],
)
def test_another_device_or_dtype_is_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        run(small(steps=1), **options)


def test_a_device_of_torch_is_one():
    assert digest(train(small(), device=torch.device("cpu"))) == digest(train(small(), device="cpu"))
