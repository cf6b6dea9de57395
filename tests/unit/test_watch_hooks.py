"""What the hooks of rnnkit.watch must not do: record where nobody watches, keep anything, stay, or be copied."""

import copy
import gc
import io
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from watched_models import Model, batches, with_adam

import rnnkit


def test_between_watched_steps_nothing_is_recorded_and_after_a_step_nothing_is_kept():
    model = Model()
    watch = rnnkit.watch(model, every=3)
    recorded, kept = [], []
    for x, y in batches(6):
        z = model(x)
        recorded.append(len(watch._recorder.calls))
        if watch._recorder.calls:
            kept.append(weakref.ref(watch._recorder.calls[0]))
        nn.functional.cross_entropy(z, y).backward()
        watch.step()
        del z
    gc.collect()
    assert recorded == [1, 0, 0, 1, 0, 0] and [ref() for ref in kept] == [None, None]


def test_the_package_can_be_called_however_it_was_imported(in_fresh_python):
    code = (
        "import sys, rnnkit, rnnkit.watch.run\n"
        "print('torch' in sys.modules)\n"
        "from torch import nn\n"
        "print(type(rnnkit.watch(nn.LSTM(2, 3))).__name__)\n"
        "from rnnkit import watch\n"
        "print(type(watch(nn.LSTM(2, 3), every=2)).__name__, rnnkit.watch.read is watch.read)"
    )
    assert in_fresh_python(code).split() == ["False", "Watch", "Watch", "True"]


class OwnForward(nn.LSTM):
    """A subclass whose forward pass takes and gives what it likes."""

    def forward(self, words):
        return super().forward(words)[0]


def test_a_layer_that_is_not_called_as_torchs_is_named_and_goes_on(recwarn):
    rnn = OwnForward(3, 4)
    watch = rnnkit.watch(rnn, every=1)
    rnn(torch.randn(5, 2, 3)).sum().backward()
    watch.step()
    assert "a hook failed" in watch.problem and watch.frame().empty and rnn.weight_hh_l0.grad is not None


def test_a_hook_that_fails_in_the_backward_pass_does_not_stop_it(monkeypatch, recwarn):
    from rnnkit.watch import recorder

    monkeypatch.setattr(recorder, "add_gradient", lambda *_: 1 / 0)
    model = Model()
    watch = rnnkit.watch(model, every=1)
    with_adam(model, watch.step)
    assert "a hook failed: ZeroDivisionError" in watch.problem and watch.frame().empty


def test_activations_that_are_computed_again_count_once():
    """torch.utils.checkpoint runs the layer a second time, within the backward pass."""
    rnn = nn.GRU(3, 4).double()
    watch = rnnkit.watch(rnn, every=1)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    for use_reentrant in (False, True):
        checkpoint(lambda x: rnn(x)[0], x, use_reentrant=use_reentrant).square().sum().backward()
        watch.step()
    rnn(x)[0].square().sum().backward()
    watch.step()
    assert watch.problem == ""
    table = watch.frame()
    for step in (0, 1):
        np.testing.assert_allclose(table[table.step == step].norm, table[table.step == 2].norm, rtol=1e-10)


def test_close_takes_every_hook_away():
    model = Model(num_layers=2, dropout=0.5)
    watch = rnnkit.watch(model, every=1)
    with_adam(model, watch.step)
    watch.close()
    rnn = model.encoder["rnn"]
    assert not rnn._forward_hooks and not rnn._forward_pre_hooks and not any(p._backward_hooks for p in model.parameters())
    assert watch.problem == "" and watch.verdict().startswith("Training step 4"), "what was measured is shown as before"
    with pytest.warns(rnnkit.watch.WatchWarning, match="the watch is closed"):
        with_adam(model, watch.step)
    assert set(watch.frame().step) == set(range(5)) and "closed" in watch.problem


def test_a_copied_and_a_pickled_model_go_without_the_watch():
    model = Model(num_layers=2, dropout=0.5)
    watch = rnnkit.watch(model, every=1)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    for other in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        other(batches(1)[0][0]).sum().backward()
        assert watch._recorder.calls == []
    assert torch.equal(other.out.weight, model.out.weight)
