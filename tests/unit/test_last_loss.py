"""Where every step has a loss: the gradient of the last one on its way back, beside that of all together."""

from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, assert_close, need
from short_trainings import small
from torch.nn import functional as F

from rnnkit import Experiment, gradient_frame, train
from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.summary import verdict
from rnnkit.engine.batches import training_batches
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.fixes import Truncate, parse_fix
from rnnkit.engine.history import History
from rnnkit.engine.recorder import Recorder
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import MAX_RECORD_BYTES, MAX_ROWS
from rnnkit.export import tables
from rnnkit.tasks import TASKS

SEVERAL = [name for name, task in TASKS.items() if task.n_targets(30) > 1]
SIGMOID = Experiment(task="characters", length=100, cell="sigmoid", replicas=2, steps=1)


def of(task, cell="tanh", **changes):
    return small(cell, task=task, length=max(10, TASKS[task].min_length), **changes)


def test_tasks_with_more_than_one_loss():
    assert {"characters", "words", "memorization", "copying"} <= set(SEVERAL)
    assert of("words").several_losses and not of("agreement").several_losses


def test_sigmoid_characters_vanish_and_do_not_arrive():
    """1 times what it is at the last step, with all losses together; by float64 autograd 2.3e-85 of the last one alone."""
    p, (x, y, *_) = init_params(SIGMOID, DOUBLE), next(training_batches(SIGMOID, DOUBLE, "cpu"))
    ds = reference.run("sigmoid", p, 0, x, y[-1:], "cross_entropy").state_gradients().flatten(2).norm(dim=-1)[0]
    assert float(ds[0] / ds[-1]) == pytest.approx(2.3e-85, rel=0.02)
    exact = History.of(SIGMOID, train(SIGMOID, DOUBLE))
    assert float(exact.state_grad[0, 0, 0, 0] / exact.state_grad[0, 0, -1, 0]) == pytest.approx(float(ds[0] / ds[-1]), rel=1e-9)
    assert "e-85 of what it is at the last symbol" in verdict(exact, 0).gradient
    seen = verdict(History.of(SIGMOID, train(SIGMOID)))
    expected = "At the first symbol of the window the gradient of the last loss is below 1e-38: it vanished."
    assert seen.gradient == expected


@pytest.mark.parametrize("cell", CELLS)
def test_state_carried_from_the_window_before_is_a_constant(cell):
    """After three training steps, from the states that those have left, by autograd."""
    need(reference.STEPS, cell)
    e = of("characters", cell)
    with no_grad_no_denormals():
        trainer = Trainer(e, DOUBLE)
        for _ in range(3):
            trainer.advance()
        p = {k: W.clone() for k, W in trainer.params.items()}
        before = trainer.functions.tape.end
        record = trainer.advance()
    batches = training_batches(e, DOUBLE, "cpu")
    x, y, *_ = [next(batches) for _ in range(4)][-1]
    p, before = {k: W.clone() for k, W in p.items()}, [part.clone() for part in before]  # out of inference mode
    for r in range(e.replicas):
        weights = {k: W[r].clone().requires_grad_() for k, W in p.items()}
        s = [part[:, r].clone() for part in before]
        for part in s:
            part[:, -3 % 32 :: 32] = 0  # tracks that begin again
        earlier = list(zip(*s, strict=True))
        states = []
        for x_t in F.one_hot(x[:, r], e.bound_task.n_in).to(DOUBLE):
            earlier, _ = reference.step(cell, weights, x_t, earlier)
            states.append(earlier[-1])
        z = states[-1][0] @ weights["W_out"] + weights["b_out"]
        reference.loss_of(e.loss, z[None], y[-1:, r]).backward(inputs=[part for parts in states for part in parts])
        for k in range(len(before)):
            norms = torch.stack([reference._grad(parts[k]).norm() for parts in states])
            assert_close(torch.from_numpy(record.state_grad[k, :, r]), norms, f"d{CELLS[cell].parts[k]}")


@pytest.mark.parametrize("task", ["characters", "memorization", "copying"])
def test_truncation_cuts_the_last_loss_where_it_cuts_all(task):
    e = of(task, fixes=(Truncate(4),))
    record = next(iter(train(e, DOUBLE)))
    p, (x, y, *_) = init_params(e, DOUBLE), next(training_batches(e, DOUBLE, "cpu"))
    for r in range(e.replicas):
        for norms, targets in ((record.state_grad, y[-1:]), (record.state_grad_all, y)):
            ds = reference.run(e.cell, p, r, x, targets, e.loss, piece=4).state_gradients()
            assert_close(torch.from_numpy(norms[..., r]), ds.flatten(2).norm(dim=-1), "norms")
    assert (record.state_grad[0, :-4] == 0).all() and (record.state_grad[0, -4:] > 0).all()


@pytest.mark.parametrize("task", SEVERAL)
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru", "esn"])
def test_what_is_recorded_changes_no_training(monkeypatch, task, cell):
    """Bit for bit the weights, losses and norms of a trainer that records nothing of the states."""
    remedies = {"tanh": ("omega:1", "truncate:4", "clip-norm:0.1"), "lstm": ("l2:0.1", "clip-norm:0.1")}.get(cell, ())
    e = of(task, cell, steps=6, fixes=tuple(map(parse_fix, remedies)))

    def run(silent):
        if silent:
            nothing = np.zeros((len(CELLS[cell].parts), e.length, e.replicas))
            monkeypatch.setattr(Recorder, "_state_gradients", lambda self, out: (None, nothing))
            monkeypatch.setattr("rnnkit.engine.probes.paths", lambda *_: {})
        with no_grad_no_denormals():
            trainer = Trainer(e)
            records = [trainer.advance() for _ in range(e.steps + 1)]
        monkeypatch.undo()
        return trainer.params.flat, [(r.loss, r.grad_norm_raw, r.grad_norm_applied, r.accuracy) for r in records]

    plain, recorded = run(silent=True), run(silent=False)
    assert torch.equal(plain[0], recorded[0])
    for a, b in zip(plain[1], recorded[1], strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_history_holds_both_in_the_same_room():
    e = of("memorization", cell="lstm")
    records = list(train(e))
    h = History.of(e, records)
    for i, r in enumerate(records):
        np.testing.assert_array_equal(h.state_grad[i], r.state_grad)
        np.testing.assert_array_equal(h.state_grad_all[i], r.state_grad_all)
    assert h.nbytes >= 2 * h.state_grad.nbytes
    np.testing.assert_array_equal(h.profile(0, h.n, 1, 0, all_losses=True), h.state_grad_all[:, 1, :, 0])
    last, both = h.codes(h.n, 0, 0), h.codes(h.n, 0, 0, all_losses=True)
    assert (last != both).any() and np.array_equal(h.codes(h.n, 0, 0), last)
    assert gradient_ratio(h.state_grad[0], e) != gradient_ratio(h.state_grad_all[0], e)
    one = History(of("agreement"))
    assert one.state_grad_all is one.state_grad


def test_both_together_stay_below_the_limit_of_a_run():
    e = Experiment(task="characters", length=2000, replicas=64, steps=5000)
    rows = len(e.recorded_steps)
    assert 2 * 4 * e.length * e.replicas * (rows - 1) <= MAX_RECORD_BYTES
    assert rows < MAX_ROWS and rows == pytest.approx(len(replace(e, task="agreement").recorded_steps) / 2, abs=2)


def test_tables_hold_both(tmp_path):
    import pyarrow.parquet as pq

    e = of("words", steps=2)
    records = list(train(e))
    h, df = History.of(e, records), gradient_frame(records)
    assert list(df.columns)[-2:] == ["norm", "norm_all"]
    (tmp_path / "g.parquet").write_bytes(tables.gradients(h, "parquet"))
    read = pq.read_table(tmp_path / "g.parquet").to_pandas()
    np.testing.assert_array_equal(read[["norm", "norm_all"]], df[["norm", "norm_all"]])
    wide = h.table(gradients=True)
    np.testing.assert_array_equal(wide["dh_3"], h.state_grad[:, 0, 3].ravel())
    np.testing.assert_array_equal(wide["dh_all_3"], h.state_grad_all[:, 0, 3].ravel())


def test_source_of_the_last_answer():
    """The last of ten symbols, T - 10 steps before its answer; of a text the first symbol that the gradient can reach."""
    assert TASKS["memorization"].evidence_step(30) == 9 and TASKS["characters"].evidence_step(30) == 0
    x = TASKS["memorization"].sample(30, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(x.x[9], x.y[-1])
