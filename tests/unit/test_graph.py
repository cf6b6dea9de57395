"""What a GPU would be given, as far as it can be tested without one.

A CUDA graph can hold neither a value that is read on the host nor a tensor that lies elsewhere: tensors of the device "meta",
which have no values, refuse both. And whatever is captured must start, after its trial runs, where it would have started.
"""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from reference import STRENGTHS, active

from rnnkit.engine import cuda_graph, trainer
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import AR, L2, TAR, ClipNorm, Freeze, Omega, Truncate, WeightDecay
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import ParamStack
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.engine.trainer import Trainer, train
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS

TRAINED = [name for name, cell in CELLS.items() if not cell.reservoir]


def small(**changes):
    return Experiment(**({"length": 12, "hidden": 5, "batch": 4, "replicas": 2, "steps": 6, "lr": 0.05} | changes))


def one_step_without_values(e):
    with torch.inference_mode():
        t = Trainer(e, device="meta")
        out = t.compute(next(t.batches))
        t.functions.update(out, torch.zeros((), dtype=torch.float64, device="meta"))
    return out


@pytest.mark.parametrize(("cell", "fix"), [(c, f) for c in TRAINED for f in STRENGTHS if active(f).applies_to(CELLS[c])])
def test_a_step_reads_no_value_whatever_the_cell_and_the_fix(cell, fix):
    assert one_step_without_values(small(cell=cell, fixes=(active(fix),))).loss.is_meta


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_reads_no_value_whatever_the_optimizer(optimizer):
    assert one_step_without_values(small(optimizer=optimizer)).loss.is_meta


@pytest.mark.parametrize("warmup", [0, 3])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_step_reads_no_value_whatever_the_schedule(schedule, warmup):
    assert one_step_without_values(small(schedule=schedule, warmup=warmup, fixes=(WeightDecay(),))).loss.is_meta


@pytest.mark.parametrize("task", TASKS)
def test_a_step_reads_no_value_whatever_the_task(task):
    length = {"length": TASKS[task].min_length + 2} if TASKS[task].min_length > 12 else {}
    assert one_step_without_values(small(task=task, **length)).loss.is_meta


@pytest.fixture
def captured_trainer(monkeypatch):
    """Makes a Trainer with torch.cuda's graphs on a CPU.

    A capture leaves no trace. A replay does the work again, into the same tensors.
    """
    stream = SimpleNamespace(wait_stream=lambda other: None)
    changed = []

    @contextmanager
    def capture(_):
        before = [s.clone() for s in changed]
        yield
        for s, b in zip(changed, before, strict=True):
            s.copy_(b)

    cuda = SimpleNamespace(
        Stream=lambda: stream, current_stream=lambda: stream, stream=nullcontext, CUDAGraph=SimpleNamespace, graph=capture
    )
    monkeypatch.setattr(cuda_graph, "torch", SimpleNamespace(cuda=cuda, full=torch.full, float64=torch.float64))

    class Pretended(cuda_graph.Captured):
        def __init__(self, function, inputs=(), state=()):
            changed[:] = state
            super().__init__(function, inputs, state)
            self.graph.replay = lambda: copy(self.outputs, function(*self.inputs))

    monkeypatch.setattr(cuda_graph, "Captured", Pretended)

    def make(e):
        with monkeypatch.context() as patch, torch.inference_mode():
            patch.setattr(trainer, "StepFunctions", cuda_graph.CapturedFunctions)
            return Trainer(e)

    return make


@torch.inference_mode()
def recorded(made):
    return [made.advance() for _ in range(made.e.steps + 1)]


def copy(old, new):
    for a, b in zip(old or (), new or (), strict=True):
        a, b = (x.flat if isinstance(x, ParamStack) else x for x in (a, b))
        a.copy_(b)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("cell", "fixes"),
    [
        ("lstm", (ClipNorm(0.1),)),
        ("tanh", (Truncate(5), Omega(0.5), ClipNorm(0.1))),
        ("gru", (ClipNorm(0.01, start_step=2),)),  # captured anew where it begins
        ("tanh", (L2(0.1), Freeze("W_rec+b", start_step=2), Omega(0.5))),
        ("lstm", (TAR(1.0), AR(2.0, start_step=2))),
        ("gru", (WeightDecay(1.0, "W_rec", start_step=2),)),
    ],
)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_captured_functions_train_like_the_plain_ones(captured_trainer, optimizer, cell, fixes, schedule):
    e = small(optimizer=optimizer, cell=cell, fixes=fixes, schedule=schedule)
    captured = captured_trainer(e)
    for one, other in zip(train(e), recorded(captured), strict=True):
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(one.state_grad, other.state_grad)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)
    assert isinstance(captured.functions._compute, cuda_graph.Captured)
    assert isinstance(captured.functions._update, cuda_graph.Captured)


def test_a_network_that_diverges_is_frozen_there_too(captured_trainer):
    e = small(cell="relu", gain=100, length=60, optimizer="sgd", replicas=3, steps=8)
    plain, records = list(train(e)), recorded(captured_trainer(e))
    assert (plain[-1].diverged >= 0).any()
    assert plain[-1].causes == records[-1].causes
    np.testing.assert_array_equal(plain[-1].diverged, records[-1].diverged)


@torch.inference_mode()
def test_a_capture_does_not_forget_the_weights_before_the_last_update(captured_trainer):
    """A fix begins, so everything is captured again, at the step at which a network's last update is found to be NaN."""
    captured = captured_trainer(small(fixes=(ClipNorm(0.1, start_step=1),)))
    drawn = captured.params.flat.clone()
    captured.advance()
    captured.params["W_rec"][1, 0, 0] = torch.nan
    captured.advance()
    assert captured.diverged.tolist() == [-1, 1]
    assert torch.equal(captured.params.flat[1], drawn[1])
    assert not torch.equal(captured.params.flat[0], drawn[0])


@torch.inference_mode()
@pytest.mark.parametrize("fix", [AR(2.0, start_step=1), ClipNorm(0.1, start_step=1)])
def test_both_functions_are_captured_anew_where_a_fix_begins_and_only_there(captured_trainer, fix):
    captured, graphs = captured_trainer(small(fixes=(fix,))), []
    for _ in range(3):
        captured.advance()
        graphs.append((captured.functions._compute, captured.functions._update))
    assert graphs[0][0] is not graphs[1][0] and graphs[0][1] is not graphs[1][1] and graphs[1] == graphs[2]
