"""The examples of docs/watch.md, word for word, from top to bottom in one scope.

Loggers that are not installed have stand-ins that record calls.
"""

import contextlib
import io
import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

import rnnkit
from rnnkit.engine.torch_layout import HOW_TO_SAVE, read_weights
from rnnkit.engine.trainer import init_params
from rnnkit.watch import lightning as callbacks

BLOCKS = re.findall(r"^```python ?(\w*)\n(.*?)^```$", (ROOT / "docs/watch.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


class LightningModule(nn.Module):
    """Stand-in for Lightning's. test_watch_lightning.py has the callback's own tests."""


class Trainer:
    precision_plugin = SimpleNamespace()

    def __init__(self, max_epochs, callbacks):
        (self.callback,) = callbacks

    def fit(self, module, loader):
        optimizer = module.configure_optimizers()
        self.callback.on_train_start(self, module)
        for i, batch in enumerate(loader):
            optimizer.zero_grad()
            module.training_step(batch, i).backward()
            self.callback.on_after_backward(self, module)
            optimizer.step()


@pytest.fixture
def ran(tmp_path, monkeypatch, nothing_given):
    """The scope after all examples, what each of them has printed by its name, and what the loggers were given."""
    written, scope, printed = {"tensorboard": [], "wandb": [], "lightning": []}, {}, {}
    board = ModuleType("torch.utils.tensorboard")
    board.SummaryWriter = lambda: SimpleNamespace(add_scalar=lambda *value: written["tensorboard"].append(value))
    run = SimpleNamespace(log=written["wandb"].append, finish=lambda: written["wandb"].append("finished"))
    monkeypatch.setattr(LightningModule, "log_dict", lambda self, values: written["lightning"].append(values), raising=False)
    lightning = SimpleNamespace(Callback=object, LightningModule=LightningModule, Trainer=Trainer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda project: run))
    monkeypatch.setitem(sys.modules, "lightning", lightning)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    callbacks._made.cache_clear()
    for name, code in BLOCKS:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, scope)
        printed[name] = out.getvalue()
    callbacks._made.cache_clear()
    return SimpleNamespace(scope=scope, printed=printed, **written)


def test_there_are_these_examples_and_all_are_short():
    names = ["model", "", "tensorboard", "wandb", "lightning", "weights", "experiment", "npz", "keras"]
    assert [name for name, _ in BLOCKS] == names
    assert all(code.count("\n") <= 20 for _, code in BLOCKS)


def test_they_run_from_top_to_bottom(ran):
    given = ran.scope
    assert "checked: the replayed gradient" in ran.printed[""]
    assert set(rnnkit.watch.read("run.rnnkit").frame().layer) == {"rnn.l0"}

    assert "watch/rnn.l0/forward/h/ratio" in {name for name, *_ in ran.tensorboard}
    assert {step for *_, step in ran.tensorboard} == set(range(20))
    assert len(ran.wandb) == 21 and ran.wandb[-1] == "finished" and ran.wandb[0]["watch/rnn.l0/forward/h/reach"] >= 0
    assert len(ran.lightning) == 2 and "watch/model.rnn.l0/check" in ran.lightning[0]
    assert "checked: the replayed gradient" in ran.printed["lightning"]

    x = torch.randn(6, 3, 1)
    torch.testing.assert_close(given["other"]["rnn"](x)[0], given["model"].rnn(x.transpose(0, 1))[0].transpose(0, 1))
    assert ran.printed["weights"].startswith("lstm {'W_in': (1, 1, 256)")
    assert torch.equal(init_params(given["e"])["W_rec"][1].T, given["network"]["rnn"].weight_hh_l0)
    assert ran.printed["experiment"].startswith(given["e"].weights)

    assert HOW_TO_SAVE in dict(BLOCKS)["npz"]
    with open("weights.npz", "rb") as file:
        assert read_weights(file.read(), "mine").cell == "lstm"
    np.testing.assert_array_equal(given["of_keras"]["rnn"].weight_hh_l0.detach().numpy()[:4].T, given["recurrent_kernel"][:, 4:8])
