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
from rnnkit.engine.fixes import L2, ClipNorm, Freeze, Omega, Truncate
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import Bundle
from rnnkit.engine.trainer import Trainer, train
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS

TRAINED = [name for name, cell in CELLS.items() if not cell.reservoir]


def small(**changes):
    return Experiment(**({"length": 12, "hidden": 5, "batch": 4, "replicas": 2, "steps": 6, "lr": 0.05} | changes))


def one_step_without_values(e):
    with torch.inference_mode():
        t = Trainer(e, device="meta")
        out = t.compute(*next(t.batches))
        t.update(out, torch.zeros((), dtype=torch.float64, device="meta"))
    return out


@pytest.mark.parametrize(("cell", "fix"), [(c, f) for c in TRAINED for f in STRENGTHS if active(f).applies_to(CELLS[c].gates)])
def test_a_step_reads_no_value_whatever_the_cell_and_the_fix(cell, fix):
    assert one_step_without_values(small(cell=cell, fixes=(active(fix),))).loss.is_meta


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_reads_no_value_whatever_the_optimizer(optimizer):
    assert one_step_without_values(small(optimizer=optimizer)).loss.is_meta


@pytest.mark.parametrize("task", TASKS)
def test_a_step_reads_no_value_whatever_the_task(task):
    length = {"length": 23} if TASKS[task].min_length > 12 else {}
    assert one_step_without_values(small(task=task, **length)).loss.is_meta


@pytest.fixture
def pretended_gpu(monkeypatch):
    """torch.cuda's graphs on a CPU: a capture leaves no trace, a replay does the work again, into the same tensors."""
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
    monkeypatch.setattr(cuda_graph, "torch", SimpleNamespace(cuda=cuda))

    class Pretended(cuda_graph.Captured):
        def __init__(self, function, inputs=(), state=()):
            changed[:] = state
            super().__init__(function, inputs, state)
            self.graph.replay = lambda: copy(self.outputs, function(*self.inputs))

    monkeypatch.setattr(trainer, "Captured", Pretended)


def copy(old, new):
    for a, b in zip(old or (), new or (), strict=True):
        a, b = (x.flat if isinstance(x, Bundle) else x for x in (a, b))
        a.copy_(b)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("cell", "fixes"),
    [
        ("lstm", (ClipNorm(0.1),)),
        ("tanh", (Truncate(5), Omega(0.5), ClipNorm(0.1))),
        ("gru", (ClipNorm(0.01, start_step=2),)),  # captured anew where it begins
        ("tanh", (L2(0.1), Freeze("W_rec+b", start_step=2), Omega(0.5))),
    ],
)
def test_captured_halves_train_like_the_plain_ones(pretended_gpu, optimizer, cell, fixes):
    e = small(optimizer=optimizer, cell=cell, fixes=fixes)
    with torch.inference_mode():
        captured = Trainer(e)
        captured.as_graph = True
        records = [captured.advance() for _ in range(e.steps + 1)]
    assert isinstance(captured.compute_and_update[0], cuda_graph.Captured)
    for one, other in zip(train(e), records, strict=True):
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(one.state_grad, other.state_grad)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)


def test_a_network_that_diverges_is_frozen_there_too(pretended_gpu):
    e = small(cell="relu", gain=100, length=60, optimizer="sgd", replicas=3, steps=8)
    with torch.inference_mode():
        captured = Trainer(e)
        captured.as_graph = True
        records = [captured.advance() for _ in range(e.steps + 1)]
    plain = list(train(e))
    assert (plain[-1].diverged >= 0).any()
    assert plain[-1].causes == records[-1].causes
    np.testing.assert_array_equal(plain[-1].diverged, records[-1].diverged)
