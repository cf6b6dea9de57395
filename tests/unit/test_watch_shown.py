"""What rnnkit.watch says and draws: verdicts with causes, scalars, heatmaps, notebooks, files."""

import functools
import json

import altair as alt
import numpy as np
import pytest
import torch
from hostile_input import SEEDS, fuzz, mutated
from torch import nn

import rnnkit
from rnnkit.watch import WatchRun, WatchWarning, read
from rnnkit.watch.picture import norms, watch_chart
from rnnkit.watch.run import MAX_STEPS, Profile
from rnnkit.watch.sentences import verdict, within

# ---- the verdict


def verdict_of(rnn, x=None, read=lambda y: y[-1]):
    torch.manual_seed(1)
    watch = rnnkit.watch(rnn, every=1)
    read(rnn(torch.randn(30, 4, 3) if x is None else x)[0]).square().sum().backward()
    watch.step()
    return watch.verdict()


def scaled(rnn, gain):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, w in rnn.named_parameters():
            if name.startswith("weight_hh"):
                w.copy_(gain * nn.init.orthogonal_(torch.empty(w.shape)))
    return rnn


def test_causes_are_named():
    vanishes = verdict_of(scaled(nn.RNN(3, 8), 0.5))
    assert "29 steps back" in vanishes and "it vanished, below 0.001 from" in vanishes
    assert "The largest singular value of W_rec is 0.5: no step leaves more than 0.5 of the gradient." in vanishes
    grows = verdict_of(scaled(nn.RNN(3, 8, nonlinearity="relu"), 1.6))
    assert "it grew" in grows and "The spectral radius of W_rec is 1.6." in grows and "singular" not in grows
    saturated = verdict_of(scaled(nn.RNN(3, 8), 6), 30 * torch.randn(30, 4, 3))
    assert "of the units are saturated." in saturated
    gate = verdict_of(nn.LSTM(3, 8))
    assert "The forget gate is 0." in gate and "it keeps this share of c from step to step." in gate
    every = verdict_of(nn.GRU(3, 8), read=lambda y: y)
    assert "A gradient enters at 30 steps; of the last of them, dL/dh" in every
    both = verdict_of(nn.LSTM(3, 8, bidirectional=True))
    assert "reverse direction: the gradient enters at the first step that this direction reads, so it looks back no step." in both


def test_a_gradient_that_is_not_finite_is_named():
    text = verdict_of(scaled(nn.RNN(3, 8, nonlinearity="relu"), 40.0), torch.rand(30, 4, 3))
    assert "not finite" in text
    rnn = nn.GRU(3, 4)
    watch = rnnkit.watch(rnn, every=1)
    (rnn(torch.randn(5, 2, 3))[0][-1] * float("nan")).sum().backward()
    watch.step()
    assert watch.problem == "" and "dL/dh is not finite where it enters" in watch.verdict()
    assert ": the gradient of the weights is not finite, in the replay as in the layer" in watch.verdict()


def test_a_replay_that_is_not_finite_where_the_layer_is_fails_the_check():
    """Of a ReLU that is off torch makes 0 of an infinite gradient, and 0 times infinity is NaN here."""
    rnn = nn.RNN(1, 2, nonlinearity="relu")
    nn.init.constant_(rnn.bias_ih_l0, -9.0)
    watch = rnnkit.watch(rnn, every=1)
    with pytest.warns(WatchWarning, match="is not finite where the replay's is"):
        rnn(torch.zeros(3, 1, 1))[0].backward(torch.full((3, 1, 2), float("inf")))
        watch.step()
    assert rnn.weight_hh_l0.grad.isfinite().all() and watch.frame().empty


def test_how_far_99_percent_look_back():
    torch.manual_seed(0)
    watch = rnnkit.watch(rnn := nn.LSTM(3, 8), every=1)
    rnn(torch.randn(20, 4, 3))[0][-1].sum().backward()
    watch.step()
    share = watch.lags().share.to_numpy()
    (finding,) = watch.run.findings
    k = within(finding)
    sums = share.cumsum()
    assert abs(sums[k] - 1) <= 0.01 and (np.abs(sums[k:] - 1) <= 0.01).all() and (k == 0 or abs(sums[k - 1] - 1) > 0.01)
    assert f"99 % of dL/dW_rec looks back {k} steps or less." in watch.verdict()


# ---- numbers, pictures, files


@pytest.fixture(scope="module")
def watched():
    torch.manual_seed(0)
    model = nn.ModuleDict({"rnn": nn.LSTM(3, 6, 2, bidirectional=True), "out": nn.Linear(12, 2)})
    watch = rnnkit.watch(model, every=2)
    opt = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(7):
        opt.zero_grad()
        model["out"](model["rnn"](torch.randn(15, 4, 3))[0][-1]).square().sum().backward()
        watch.step()
        opt.step()
    return watch


def test_scalars_are_plain_numbers_of_the_last_step(watched):
    scalars = watched.scalars()
    assert all(type(value) is float for value in scalars.values())
    table = watched.frame().query("step == 6 and layer == 'rnn.l1' and part == 'c' and direction == 'forward'")
    norm = table.sort_values("t").norm.to_numpy()
    name = "watch/rnn.l1/forward/c"
    assert scalars[f"{name}/first"] == norm[0] and scalars[f"{name}/max"] == norm.max()
    assert scalars[f"{name}/ratio"] == norm[0] / norm.max() and scalars["watch/rnn.l0/check"] < 1e-5
    reach = int(scalars[f"{name}/reach"])
    assert norm[norm.argmax() - reach] >= 1e-3 * norm.max() and (
        reach == norm.argmax() or norm[: norm.argmax() - reach].max() < 1e-3 * norm.max()
    )
    turned = watched.frame().query("step == 6 and layer == 'rnn.l0' and part == 'h' and direction == 'reverse'").sort_values("t")
    assert scalars["watch/rnn.l0/reverse/h/first"] == turned.norm.iloc[-1]


def test_the_chart_holds_the_numbers_of_the_frame(watched):
    chart = watched.chart("rnn.l1", part="h")
    spec = chart.to_dict()
    assert isinstance(alt.Chart.from_dict(spec), alt.TopLevelMixin) and "‖dL/dh‖" in json.dumps(spec, ensure_ascii=False)
    rows = spec["datasets"]["rows"]
    assert [row["step"] for row in rows] == [0, 2, 4, 6]
    table = watched.frame().query("layer == 'rnn.l1' and part == 'h' and direction == 'forward'")
    np.testing.assert_allclose([row["norm"] for row in rows], table.pivot(index="step", columns="t", values="norm"))
    with pytest.raises(ValueError, match=r"expected a layer, direction and part of: rnn\.l0, forward, c; .* got 'nope'"):
        watched.chart("nope")
    with pytest.raises(ValueError, match="there is nothing to draw yet: no training step has been watched"):
        rnnkit.watch(nn.LSTM(2, 3)).chart()


def test_a_notebook_shows_verdict_and_heatmaps(watched):
    html = watched._repr_html_()
    assert html.count("<svg") == 4 and "rnn.l1, reverse direction" in html
    for line in watched.verdict().splitlines():
        assert line.replace("'", "&#x27;") in html
    assert "No training step has been watched yet" in rnnkit.watch(nn.LSTM(2, 3))._repr_html_()


def test_a_notebook_is_redrawn_while_it_trains(monkeypatch):
    from IPython import display

    from rnnkit.watch import watcher

    shown = []

    class Handle:
        def update(self, html):
            shown.append(html.data)

    monkeypatch.setattr(display, "display", lambda html, display_id: (shown.append(html.data), Handle())[1])
    monkeypatch.setattr(watcher, "REDRAW", 0.0)
    monkeypatch.setattr(watcher, "REDRAW_SHARE", 1e9)
    rnn = nn.GRU(3, 4)
    watch = rnnkit.watch(rnn, every=1)
    watch._ipython_display_()
    rnn(torch.randn(5, 2, 3))[0].sum().backward()
    watch.step()
    assert len(shown) == 2 and "<svg" not in shown[0] and "<svg" in shown[1]


def test_a_file_gives_back_what_was_saved(watched, tmp_path):
    watched.save(tmp_path / "run.rnnkit")
    found = read(tmp_path / "run.rnnkit")
    assert found.frame().equals(watched.frame()) and found.lags().equals(watched.lags()) and found.scalars() == watched.scalars()
    assert verdict(found) == watched.verdict() and watch_chart(found).to_dict() == watched.chart().to_dict()
    with pytest.raises(ValueError, match=r"expected a file of watch\.save, got another file or a damaged one"):
        WatchRun.from_bytes(b"no such file")
    (tmp_path / "table.csv").write_text("step,loss\n0,0.7\n")
    with pytest.raises(ValueError, match=r"^expected a file of watch\.save, got another file or a damaged one$"):
        read(tmp_path / "table.csv")
    later = (tmp_path / "run.rnnkit").read_bytes().replace(b'"version": 1', b'"version": 2', 1)
    with pytest.raises(ValueError, match=r"expected version 1 of rnnkit\.watch, got 2: update rnnkit"):
        WatchRun.from_bytes(later)
    with pytest.raises(ValueError, match=r"expected a file of watch\.save"):
        WatchRun.from_bytes(later.replace(b'"format": "rnnkit.watch"', b'"format": "other"'))


@functools.cache
def sound():
    torch.manual_seed(0)
    watch = rnnkit.watch(rnn := nn.LSTM(2, 3), every=1)
    rnn(torch.randn(4, 2, 2))[0].sum().backward()
    watch.step()
    assert watch.verdict()
    return watch.run.to_bytes()


@fuzz(60, seed=SEEDS)
def test_a_damaged_file_is_an_error_in_words_or_another_run(seed):
    try:
        run = WatchRun.from_bytes(mutated(sound(), seed))
    except ValueError as error:
        assert 0 < len(str(error)) < 400
        return
    assert isinstance(verdict(run), str) and isinstance(run.scalars(), dict) and len(run.lags().columns) == 5
    if run.profiles:
        watch_chart(run)


def test_of_many_steps_some_are_stored_evenly():
    run = WatchRun()
    for step in range(0, 10 * (3 * MAX_STEPS), 10):
        run.add([Profile(step, "rnn.l0", "forward", "h", 0, 0, False, np.ones(3))], {"rnn.l0": 1e-7})
    assert MAX_STEPS / 2 <= len(run.steps) <= MAX_STEPS and run.steps[0] == 0 and run.steps[-1] == 10 * (3 * MAX_STEPS - 1)
    assert set(run.checks) == set(run.steps) and max(np.diff(run.steps)) <= 20 * min(np.diff(run.steps)[:-2])


def test_pieces_of_an_episode_are_drawn_where_only_the_last_one_has_a_loss():
    """Truncated backpropagation: the layer is used three times in a training step, a gradient reaches the third use alone."""
    torch.manual_seed(0)
    rnn = nn.LSTM(2, 4)
    watch, state = rnnkit.watch(rnn, every=1), None
    for piece in torch.randn(12, 3, 2).split(4):
        h, state = rnn(piece, None if state is None else tuple(part.detach() for part in state))
    h[-1].sum().backward()
    watch.step()
    assert watch.problem == "" and {p.call for p in watch.run.profiles} == {2}
    grid, steps, times, T = norms(watch.run, "lstm.l0", "forward", "c", 100)
    assert (T, steps.tolist(), times.tolist()) == (4, [0], [-1, 0, 1, 2, 3])
    of_c = next(p.norm for p in watch.run.profiles if p.part == "c")
    np.testing.assert_array_equal(grid[0], [0, *of_c])
    assert watch.chart().to_dict() and "<svg" in watch._repr_html_() and "the state was carried over" in watch.verdict()
