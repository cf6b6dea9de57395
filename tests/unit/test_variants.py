"""What is registered, and written down nowhere else, is found everywhere: a cell, a remedy, an initialization, an optimizer."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from apptest import SMALL, controls, linked
from torch import Tensor

from pages import vanishing
from rnnkit import __main__ as cli
from rnnkit import train
from rnnkit.analysis.activations import new_value
from rnnkit.analysis.describe import titles
from rnnkit.analysis.ledger import Ledger
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.cells.base import TRAINED, Cell, HiddenState
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.fixes.base import GradientFix
from rnnkit.engine.fixes.torch_names import TORCH_NAMES
from rnnkit.engine.inits import INITS, Init
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.optim.base import Optimizer
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment, diff
from rnnkit.export.notebook import notebook
from rnnkit.export.script import missing, script
from rnnkit.serving.limits import megabytes


class Saved(NamedTuple):
    a: Tensor
    f: Tensor
    a_g: Tensor
    g: Tensor


class Partials(NamedTuple):
    da: Tensor
    da_f: Tensor
    da_g: Tensor


class Leaky(Cell[HiddenState, Saved, Partials]):
    """f = sigma(a_f);  g = tanh(a_g);  h_t = f h_{t-1} + (1 - f) g."""

    title = "Leaky cell"
    Saved, Partials = Saved, Partials
    gates = 2
    gate_names = ("leaky gate", "candidate")
    forget_gate = 0
    fields = (*TRAINED, "bias")
    suited = (("lr", 0.02), ("bias", "chrono"))
    not_in_panels = "stands in a test"
    n_saved = 1
    columns = ("a_f", "a_g")
    equations = (("f", "sigmoid(a_f)"), ("g", "tanh(a_g)"), ("h", "f * h_prev + (1 - f) * g"))
    derivatives = (("da_f", "dh * (h_prev - g) * f * (1 - f)"), ("da_g", "dh * (1 - f) * (1 - g * g)"))
    direct_terms = (("h", "dh * f"),)
    torch_cell = "LeakyCell(INPUTS, HIDDEN, True, 2)"
    torch_class = '''\
class LeakyCell(nn.modules.rnn.RNNCellBase):
    """A forget gate and a candidate."""

    def forward(self, x, h):
        f, g = (F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh)).chunk(2, -1)
        return torch.lerp(torch.tanh(g), h, torch.sigmoid(f))


'''

    def forward_views(self, a, g):
        return Saved(a, *a.chunk(2, -1), g)

    def backward_views(self, da):
        return Partials(da, *da.chunk(2, -1))

    def forward(self, p, saved, s_prev, s):
        saved.g.copy_(saved.a_g).tanh_()
        saved.f.sigmoid_()
        torch.lerp(saved.g, s_prev.h, saved.f, out=s.h)

    def partials(self, p, saved, s_prev, s, d):
        d.da_f.copy_((s_prev.h - saved.g) * saved.f * (1 - saved.f))
        d.da_g.copy_((1 - saved.f) * (1 - saved.g**2))

    def backward(self, p, saved, d, ds, ds_prev):
        d.da_f.mul_(ds.h)
        d.da_g.mul_(ds.h)
        torch.mul(ds.h, saved.f, out=ds_prev.h)


@dataclass(frozen=True)
class Slower(GradientFix):
    """Multiplies dL/dW_rec by a factor."""

    factor: float
    name = "slower"
    title = "Slower recurrence"
    about = "Makes the recurrent weights learn more slowly."
    default = 0.5
    high = 1
    floats_per_unit = 7
    not_in_panels = "stands in a test"

    def __call__(self, grads, tape, params):
        return {**grads, "W_rec": self.factor * grads["W_rec"]}

    def torch_lines(self, cell, frozen):
        return f"{TORCH_NAMES['W_rec']}.grad *= {self.factor!r}"


def alternating(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> np.ndarray:
    """gain on the diagonal, with changing signs."""
    return gain * np.eye(fan_in, fan_out) * (-1) ** np.arange(fan_out)


class HalfSteps(Optimizer):
    """lr g / 2"""

    title = "Half steps"
    torch_optimizer = "torch.optim.SGD(network.parameters(), lr=LR / 2)"

    def step(self, g, memory, lr, n):
        return lr / 2 * g


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(CELLS, "leaky", Leaky())
    monkeypatch.setitem(FIXES, "slower", Slower)
    monkeypatch.setitem(INITS, "alternating", Init("Alternating signs", alternating))
    monkeypatch.setitem(OPTIMIZERS, "half", HalfSteps())


def experiment(**changes):
    values = {"cell": "leaky", "bias": "chrono", "fixes": ("slower:0.25@2",), "length": 12, "hidden": 5, "batch": 4, "steps": 6}
    return Experiment(**values | {"replicas": 2, "lr": 0.05} | changes)


def test_links_and_json():
    e = experiment()
    assert Experiment.from_query(e.to_query()) == (e, []) and Experiment.from_json(e.to_json()) == e
    assert e.to_query()["fixes"] == "slower:0.25@2"
    for name, changes in {"leaky": {"cell": "nope"}, "slower": {"fixes": ("nope",)}}.items():
        with pytest.raises(ValueError, match=f"valid are .*{name}"):
            Experiment(**changes)


def test_the_command_line(capsys, tmp_path):
    assert cli.main(["list"]) == 0
    told = capsys.readouterr().out
    assert f"  {'leaky':30} {Leaky.__doc__}" in told and f"  {'slower:0.5':30} {Slower.about}" in told
    assert f"  {'alternating':30} {alternating.__doc__}" in told and f"  {'half':30} {HalfSteps.__doc__}" in told
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    told = capsys.readouterr().out
    assert "relu, lstm, gru, esn, leaky" in " ".join(told.split()) and "clip-value, slower" in " ".join(told.split())
    options = "--cell leaky --bias chrono --fix slower:0.25@2 --length 12 --hidden 5 --batch 4 --steps 6 --replicas 2 --lr 0.05"
    assert cli.main(["train", *options.split(), "--save-json", str(tmp_path / "e.json")]) == 0
    assert Experiment.from_json((tmp_path / "e.json").read_text()) == experiment()


def test_the_menus_of_the_sidebar(app):
    at = app(SMALL, fixes="")
    at.selectbox(key="c_cell").set_value("leaky").run()
    at.multiselect(key="c_fixes").set_value(["slower"]).run()
    at.number_input(key="s_slower").set_value(0.25).run()
    at.number_input(key="f_slower").set_value(2).run()
    assert not at.exception and not at.sidebar.error and "c_bias" in controls(at)
    assert Leaky.title in at.selectbox(key="c_cell").options and Slower.title in at.multiselect(key="c_fixes").options
    at.selectbox(key="c_init").set_value("alternating").run()
    at.selectbox(key="c_optimizer").set_value("half").run()
    assert not at.exception and not at.sidebar.error
    e = linked(at)
    assert (e.cell, e.fixes, e.init, e.optimizer) == ("leaky", (Slower(0.25, start_step=2),), "alternating", "half")


def test_the_page_that_shows_every_number(app):
    at = app({"steps_cell": "leaky", "steps_weights": "untrained"}, page="steps")
    assert not at.exception and not at.error and not at.warning
    assert at.selectbox(key="steps_cell").value == "leaky" and Leaky.title in at.selectbox(key="steps_cell").options
    assert any(Leaky.title in box.label for box in at.expander)


def test_words():
    e = experiment()
    assert titles("init")["alternating"] == "Alternating signs" and titles("optimizer")["half"] == "Half steps"
    assert titles("cell")["leaky"] == "Leaky cell" and vanishing._gate(e) == "leaky gate"
    assert diff(e, experiment(fixes=()))["fixes"] == (e.fixes, ())
    assert CELLS["leaky"].columns[new_value(CELLS["leaky"])] == "a_g"
    assert megabytes(e) > megabytes(experiment(fixes=()))


def test_training():
    """Its gradients are those of the equations, and the remedy acts from its step on."""
    e, plain = (list(train(experiment(fixes=fixes), torch.float64)) for fixes in (("slower:0.25@2",), ()))
    assert all(np.isfinite(record.state_grad).all() for record in e)
    assert [(a.grad_norm_applied == b.grad_norm_applied).all() for a, b in zip(e, plain, strict=True)] == [True] * 2 + [False] * 5


def test_the_ledger_has_the_engines_gradients():
    e = experiment(replicas=1)
    weights, x, y = draw_weights(e, 3), np.arange(12) % e.bound_task.n_in, 1
    book = Ledger("leaky", weights, x, y)
    cell, p = CELLS["leaky"], {name: torch.from_numpy(W)[None] for name, W in weights.items()}
    tape = bptt.forward(cell, p, torch.from_numpy(x)[:, None, None])
    loss, dz = LOSSES["cross_entropy"](bptt.readout(p, tape.h[-1:]), torch.tensor([[[y]]]))
    tape.backward(dz)
    assert float(loss) == pytest.approx(book.outcome["loss"].item(), rel=1e-12)
    for name, gradient in tape.gradients().items():
        np.testing.assert_allclose(book.gradients[name], gradient[0].numpy(), rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("changes", [{}, {"init": "alternating", "gain": 0.9, "optimizer": "half", "lr": 0.5}], ids=["", "all"])
def test_the_exported_script_trains_the_same_networks(changes):
    e = experiment(**changes)
    assert missing(e) == [] and notebook(e)
    scope = {"__name__": "experiment"}
    exec(compile(script(e), "experiment.py", "exec"), scope)
    scope["DTYPE"] = torch.float64
    records = list(train(e, torch.float64))
    for r, seed in enumerate(scope["SEEDS"]):
        theirs = list(scope["train"](scope["Network"](seed), seed))
        assert len(theirs) == len(records)
        for record, (_, loss, gradient, applied, _) in zip(records, theirs, strict=True):
            ours = record.loss[r], record.grad_norm_raw[r], record.grad_norm_applied[r]
            np.testing.assert_allclose((loss, gradient, applied), ours, rtol=1e-7)
