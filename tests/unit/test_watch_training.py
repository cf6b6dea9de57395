"""rnnkit.watch in the training loops of users: ten-line scripts, the same weights bit for bit, and every kind of bad input."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from watched_models import KINDS, Model, batches, with_adam

import rnnkit
from rnnkit.watch import WatchWarning
from rnnkit.watch.call import Shape, replay_bytes


def trained(watched, script, kind="lstm", every=2, **options):
    """Runs a user's script with a watch or without. Returns the weights, and the watch."""
    torch.manual_seed(0)
    model = Model(kind, **options)
    watch = rnnkit.watch(model, every=every) if watched else None
    script(model, watch.step if watched else lambda: None, *([watch] if script.__code__.co_argcount > 2 else []))
    return torch.cat([p.detach().flatten() for p in model.parameters()]), watch


def assert_untouched(script, kind="lstm", **options):
    """The weights are those of a training without watch, bit for bit. Returns the watch."""
    try:
        alone, _ = trained(False, script, kind, **options)
    except RuntimeError as error:
        if "could not create a primitive" not in str(error):
            raise
        pytest.skip(f"PyTorch alone cannot train this on this processor: {error}")
    weights, watch = trained(True, script, kind, **options)
    assert torch.equal(alone, weights)
    return watch


# ---- ten lines each


def with_clipping(model, step):
    opt = torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(opt, 2)
    for x, y in batches(5):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        step()
        opt.step()
        opt.zero_grad(set_to_none=False)
        schedule.step()


def with_amp(model, step):
    opt = torch.optim.AdamW(model.parameters(), 0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for x, y in batches(5):
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x).float(), y)
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        step()
        scaler.step(opt)
        scaler.update()


@pytest.mark.parametrize("script", [with_adam, with_clipping, with_amp])
@pytest.mark.parametrize("kind", KINDS)
def test_a_script_of_ten_lines(kind, script, recwarn):
    watch = assert_untouched(script, kind)
    assert watch.problem == "" and not [w for w in recwarn if issubclass(w.category, WatchWarning)]
    table = watch.frame()
    assert set(table.step) == {0, 2, 4} and set(table.layer) == {"encoder.rnn.l0"} and set(table.t) == set(range(8))
    assert (table.norm > 0).all()
    assert max(error for check in watch.run.checks.values() for error in check.values()) < (0.02 if script is with_amp else 1e-5)
    assert "encoder.rnn.l0" in watch.verdict() and watch.lags().share.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_with_dropout_between_layers_the_random_numbers_go_on_as_without(kind):
    watch = assert_untouched(with_adam, kind, num_layers=3, dropout=0.5, bidirectional=True)
    assert watch.problem == "" and len(set(watch.frame().layer)) == 3


def test_a_gradient_that_a_scaler_has_scaled_is_shown_as_that_of_the_loss():
    norms = []
    for factor in (1.0, 4096.0):
        torch.manual_seed(0)
        model, scaler = Model(), torch.amp.GradScaler("cpu", init_scale=factor)
        watch = rnnkit.watch(model, every=1, scaler=scaler)
        scaler.scale(model(batches(1)[0][0]).square().sum()).backward()
        watch.step()
        norms.append(watch.frame().norm)
        assert np.isfinite(watch.run.findings[0].norm_by_lag).all() if watch.verdict() else True
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-5)


def test_gradients_of_several_backward_passes_add_up():
    torch.manual_seed(0)
    model = Model()
    watch = rnnkit.watch(model, every=1)
    for x, y in batches(3):
        nn.functional.cross_entropy(model(x), y).backward()  # accumulated
    watch.step()
    assert watch.problem == "" and set(watch.frame().call) == {0, 1, 2}
    x, y = batches(1)[0]
    z = model(x)
    z[0].sum().backward(retain_graph=True)
    z[1:].sum().backward()
    watch.step()
    model.zero_grad()
    twice = watch.frame().query("step == 1").norm.to_numpy()
    model(x).sum().backward()
    watch.step()
    assert watch.problem == ""
    np.testing.assert_allclose(watch.frame().query("step == 2").norm, twice, rtol=1e-5)


# ---- bad input: a sentence each, and the training goes on


def assert_says(watch, sentence, recorded):
    assert sentence in watch.problem and watch.problem in watch.verdict()
    said = [str(w.message) for w in recorded if issubclass(w.category, WatchWarning)]
    assert len(said) == len(set(said)) and any(sentence in text for text in said)
    assert watch.frame().empty and list(watch.frame().columns) == ["step", "layer", "direction", "part", "call", "t", "norm"]


def before_backward(model, step):
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for x, y in batches(3):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        step()
        loss.backward()
        opt.step()


def after_the_update(model, step):
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for x, y in batches(3):
        opt.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        opt.step()
        step()


def in_eval_mode(model, step):
    model.eval()
    after_the_update(model, step)


def under_no_grad(model, step):
    with torch.no_grad():
        for x, _ in batches(3):
            model(x)
            step()


def in_inference_mode(model, step):
    with torch.inference_mode():
        for x, _ in batches(3):
            model(x)
            step()


def without_a_forward_pass(model, step):
    step()
    step()


def with_a_penalty(model, step):
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for x, y in batches(3):
        opt.zero_grad()
        penalty = sum(p.square().sum() for p in model.encoder.parameters())
        (nn.functional.cross_entropy(model(x), y) + penalty).backward()
        step()
        opt.step()


def with_frozen_weights(model, step):
    model.encoder.requires_grad_(False)
    with_adam(model, step)


def with_an_empty_batch(model, step):
    for _ in range(2):
        model(torch.zeros(0, 5, dtype=torch.int64)).sum().backward()
        step()


def with_weights_changed_behind_the_back(model, step):
    for x, y in batches(3):
        nn.functional.cross_entropy(model(x), y).backward()
        model.encoder["rnn"].weight_hh_l0.data.add_(0.5)  # autograd counts no version
        step()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (before_backward, "no gradient has reached the recurrent layers: call watch.step() after loss.backward()"),
        (after_the_update, "weights of encoder.rnn changed between the forward pass and watch.step()"),
        (in_eval_mode, "the model is in eval mode"),
        (under_no_grad, "under torch.no_grad() or inference_mode()"),
        (in_inference_mode, "under torch.no_grad() or inference_mode()"),
        (without_a_forward_pass, "no forward pass has reached encoder.rnn"),
        (with_a_penalty, "its weights enter the loss in another way too"),
        (with_frozen_weights, "the weights of encoder.rnn.l0 are frozen"),
        (with_an_empty_batch, "the batch holds no sequence"),
        (with_weights_changed_behind_the_back, "differs from the layer's own by"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_input_is_one_sentence_and_the_training_goes_on(script, sentence):
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        watch = assert_untouched(script, every=1)
    assert_says(watch, sentence, recorded)


def test_an_output_that_is_changed_in_place_is_named(recwarn):
    rnn = nn.GRU(3, 4)
    watch = rnnkit.watch(rnn, every=1)
    y, h = rnn(torch.randn(5, 2, 3))
    loss = h.sum()
    y.detach().mul_(2)  # shares memory with the output
    loss.backward()
    watch.step()
    assert_says(watch, "output of gru changed between the forward pass and watch.step()", recwarn)


def test_gradients_that_are_cleared_before_step_are_shown_all_the_same():
    def script(model, step):
        for x, y in batches(3):
            nn.functional.cross_entropy(model(x), y).backward()
            model.zero_grad()
            step()

    watch = assert_untouched(script, every=1)
    assert watch.problem == "" and (watch.frame().norm > 0).all()


def test_a_model_without_a_recurrent_layer(recwarn):
    model = nn.Linear(3, 2)
    watch = rnnkit.watch(model)
    assert "Linear holds no nn.RNN, nn.LSTM or nn.GRU layer" in watch.problem and not len(recwarn)
    model(torch.randn(2, 3)).sum().backward()
    watch.step()
    assert_says(watch, "h = watch.state(h)", recwarn)


def test_data_parallel_is_refused_by_name(recwarn):
    model = nn.DataParallel(Model())
    watch = rnnkit.watch(model, every=1)
    model(batches(1)[0][0]).sum().backward()
    watch.step()
    assert_says(watch, "nn.DataParallel copies the layers", recwarn)


def test_dropout_whose_mask_is_not_known_is_refused_and_other_layers_are_shown(recwarn):
    first, second = nn.GRU(3, 4, 2, dropout=0.5, device="meta"), nn.GRU(3, 4)
    watch = rnnkit.watch(nn.ModuleList([first, second]), every=1)
    first(torch.zeros(5, 2, 3, device="meta"))[0].sum().backward()
    watch.step()
    assert_says(watch, "the mask of the dropout between the layers of 0 is known on a CPU alone", recwarn)
    first(torch.zeros(5, 2, 3, device="meta"))
    second(torch.randn(5, 2, 3))[0].sum().backward()
    watch.step()
    assert watch.problem == "" and set(watch.frame().layer) == {"1.l0"}


def test_a_mask_of_dropout_that_is_not_the_layers_own_fails_the_check(monkeypatch, recwarn):
    from contextlib import nullcontext

    from rnnkit.watch import call

    monkeypatch.setattr(call, "_random_state", lambda _: nullcontext())
    rnn = nn.LSTM(3, 8, 2, dropout=0.2)
    watch = rnnkit.watch(rnn, every=1)
    rnn(torch.randn(9, 4, 3))[0][-1].square().sum().backward()
    watch.step()
    assert_says(watch, "the dropout between its layers could not be drawn again", recwarn)


def test_what_is_no_model_is_an_error():
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module, got Tensor"):
        rnnkit.watch(torch.zeros(3))
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        rnnkit.watch(nn.LSTM(2, 3), every=0)


def test_memory_that_is_too_much_is_refused_with_the_number(recwarn):
    rnn = nn.LSTM(4, 64)
    watch = rnnkit.watch(rnn, every=1, max_bytes=1e6)
    needed = replay_bytes(rnn, Shape(500, 2), 4) / 1e9
    said = f"a replay of 500 time steps of lstm needs {needed:.2g} GB of memory, more than max_bytes = 0.001 GB"
    for T in (500, 10):
        rnn(torch.randn(T, 2, 4))[0].sum().backward()
        watch.step()
        if T == 500:
            assert_says(watch, said, recwarn)
    assert watch.problem == "" and set(watch.frame().step) == {1}
    assert replay_bytes(rnn, Shape(1_000_000, 1), 4) > 2**31  # a million steps: above the default


def test_the_replay_takes_no_more_memory_than_stated():
    """Its arrays: the peak of the allocator, of one layer and of two."""
    from torch.profiler import ProfilerActivity, profile

    for kind, layers in ((nn.RNN, 1), (nn.GRU, 1), (nn.LSTM, 1), (nn.GRU, 2), (nn.LSTM, 3)):
        rnn = kind(16, 32, layers, bidirectional=True, dropout=0.1 * (layers > 1))
        watch = rnnkit.watch(rnn, every=1)
        rnn(torch.randn(200, 8, 16))[0].sum().backward()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True, record_shapes=False) as profiled:
            watch.step()
        now = peak = 0
        for event in profiled.profiler.kineto_results.events():
            if event.name() == "[memory]":
                now += event.nbytes()
                peak = max(peak, now)
        assert 0.5 < peak / replay_bytes(rnn, Shape(200, 8), 4) <= 1


def test_an_error_of_ours_never_reaches_the_training(monkeypatch, recwarn):
    from rnnkit.watch import watcher

    monkeypatch.setattr(watcher, "replay_calls", lambda *_: 1 / 0)
    assert_says(assert_untouched(with_adam), "could not be replayed: ZeroDivisionError", recwarn)


def test_sequences_without_a_step_are_the_users_own_error():
    rnn = nn.LSTM(2, 3)
    watch = rnnkit.watch(rnn, every=1)
    with pytest.raises(RuntimeError):
        rnn(torch.zeros(0, 2, 2))
    with pytest.raises(RuntimeError):
        rnn(pack_padded_sequence(torch.zeros(3, 2, 2), [3, 0]))
    rnn(torch.randn(3, 2, 2))[0].sum().backward()
    watch.step()
    assert watch.problem == "" and len(watch.frame()) == 6
