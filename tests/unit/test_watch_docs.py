"""The examples of docs/watch.md, word for word. Loggers that are not installed have stand-ins that record calls."""

import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from conftest import ROOT
from torch import nn

import rnnkit
from rnnkit.engine.torch_layout import HOW_TO_SAVE, read_weights
from rnnkit.engine.trainer import init_params
from rnnkit.watch import lightning as callbacks

BLOCKS = re.findall(r"^```python ?(\w*)\n(.*?)^```$", (ROOT / "docs/watch.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(2, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


def scope():
    """What the examples take as given."""
    torch.manual_seed(0)
    model = Model()
    loader = [(torch.randn(3, 6, 2), torch.randn(3, 1)) for _ in range(12)]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return {"rnnkit": rnnkit, "model": model, "loader": loader, "loss_fn": nn.MSELoss(), "optimizer": optimizer}


def example(name):
    (code,) = [code for label, code in BLOCKS if label == name]
    return code


def test_there_are_these_examples_and_none_is_left_out():
    assert [label for label, _ in BLOCKS] == ["", "tensorboard", "wandb", "lightning", "weights", "experiment", "npz", "keras"]
    assert all(code.count("\n") <= 17 for _, code in BLOCKS)


def test_the_first_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(example(""), {})
    assert "checked: the replayed gradient" in capsys.readouterr().out
    assert set(rnnkit.watch.read("run.rnnkit").frame().layer) == {"0.l0"}


def test_tensorboard(monkeypatch):
    written = []
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = lambda: SimpleNamespace(
        add_scalar=lambda name, value, step: written.append((name, float(value), step))
    )
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    exec(example("tensorboard"), scope())
    assert ("watch/rnn.l0/forward/h/ratio" in {name for name, _, _ in written}) and {step for *_, step in written} == set(
        range(12)
    )


def test_wandb(monkeypatch):
    written = []
    run = SimpleNamespace(log=written.append, finish=lambda: written.append("finished"))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda project: run))
    exec(example("wandb"), scope())
    assert len(written) == 13 and written[-1] == "finished" and written[0]["watch/rnn.l0/forward/h/reach"] >= 0


def test_lightning(monkeypatch, capsys):
    """test_watch_lightning.py has the callback's own tests."""
    given = scope()
    model, written = given["model"], []
    model.log_dict = written.append

    class Trainer:
        precision_plugin = SimpleNamespace()

        def __init__(self, callbacks):
            (self.callback,) = callbacks

        def fit(self, module, loader):
            self.callback.on_train_start(self, module)
            for x, y in loader:
                given["loss_fn"](module(x), y).backward()
                self.callback.on_after_backward(self, module)

    monkeypatch.setitem(sys.modules, "lightning", SimpleNamespace(Callback=object, Trainer=Trainer))
    callbacks._made.cache_clear()
    exec(example("lightning"), given | {"module": model})
    callbacks._made.cache_clear()
    assert len(written) == 2 and "watch/rnn.l0/check" in written[0]
    assert "checked: the replayed gradient" in capsys.readouterr().out


def test_weights(capsys):
    given = scope() | {"nn": nn}
    exec(example("weights"), given)
    x = torch.randn(6, 3, 2)
    torch.testing.assert_close(given["other"]["rnn"](x)[0], given["model"].rnn(x.transpose(0, 1))[0].transpose(0, 1))
    assert capsys.readouterr().out.startswith("gru {'W_in': (1, 2, 12)")


def test_an_experiment_begins_with_them(capsys, nothing_given):
    given = {"rnnkit": rnnkit}
    exec(example("experiment"), given)
    assert torch.equal(init_params(given["e"])["W_rec"][1].T, given["network"]["rnn"].weight_hh_l0)
    assert capsys.readouterr().out.startswith(given["e"].weights)


def test_they_are_written_to_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(example("npz"), scope() | {"np": np})
    assert read_weights((tmp_path / "weights.npz").read_bytes(), "mine").cell == "gru"
    assert HOW_TO_SAVE in example("npz")


def test_keras():
    given = {"rnnkit": rnnkit, "nn": nn}
    exec(example("keras"), given)
    np.testing.assert_array_equal(given["of_keras"]["rnn"].weight_hh_l0.detach().numpy()[:4].T, given["recurrent_kernel"][:, 4:8])
