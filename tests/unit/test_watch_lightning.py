"""rnnkit.watch.lightning.WatchCallback with a stand-in for Lightning: a Callback, and a Trainer that calls its hooks in order."""

import pickle
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

import rnnkit
from rnnkit.watch import lightning


class Callback:
    """The hooks of lightning.Callback that WatchCallback has, with their arguments."""

    def on_train_start(self, trainer, pl_module): ...

    def on_after_backward(self, trainer, pl_module): ...


class Trainer:
    """Trainer.fit of Lightning, as far as these hooks go: accumulation, clipping, a GradScaler."""

    def __init__(self, callbacks, accumulate=1, clip=None, scaler=None):
        self.callbacks, self.accumulate, self.clip = callbacks, accumulate, clip
        self.precision_plugin = SimpleNamespace() if scaler is None else SimpleNamespace(scaler=scaler)

    def fit(self, module, loader):
        optimizer = module.configure_optimizers()
        scale = getattr(self.precision_plugin, "scaler", None)
        for callback in self.callbacks:
            callback.on_train_start(self, module)
        for i, batch in enumerate(loader):
            loss = module.training_step(batch, i) / self.accumulate
            (loss if scale is None else loss * scale.get_scale()).backward()
            for callback in self.callbacks:
                callback.on_after_backward(self, module)
            if (i + 1) % self.accumulate == 0:
                if self.clip:
                    nn.utils.clip_grad_norm_(module.parameters(), self.clip)
                optimizer.step()
                optimizer.zero_grad()


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.out = nn.LSTM(2, 4, batch_first=True), nn.Linear(4, 1)
        self.logged = []

    def training_step(self, batch, batch_idx):
        x, y = batch
        return nn.functional.mse_loss(self.out(self.rnn(x)[0][:, -1]), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

    def log_dict(self, scalars):
        self.logged.append(scalars)


def loader():
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(3, 6, 2, generator=generator), torch.randn(3, 1, generator=generator)) for _ in range(12)]


@pytest.fixture(params=lightning.PACKAGES)
def made(request, monkeypatch):
    """WatchCallback, where one of the two packages is a stand-in and the other is not installed."""
    for name in lightning.PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises ModuleNotFoundError
    module = ModuleType(request.param)
    module.Callback = Callback
    monkeypatch.setitem(sys.modules, request.param, module)
    lightning._made.cache_clear()
    yield lightning.WatchCallback
    lightning._made.cache_clear()


def test_it_watches_every_third_step_and_logs_each_once(made):
    module, callback = Module(), made(every=3)
    assert isinstance(callback, Callback)
    Trainer([callback]).fit(module, loader())
    assert callback.watch.run.steps == [0, 3, 6, 9] and callback.watch.problem == ""
    assert len(module.logged) == 4 and module.logged[-1] == callback.watch.scalars()
    assert all(scalars["watch/rnn.l0/check"] < 1e-3 for scalars in module.logged)
    assert "checked: the replayed gradient" in callback.watch.verdict()


def test_the_training_is_the_same_bit_for_bit(made):
    alone, watched = Module(), Module()
    Trainer([], accumulate=2, clip=0.01).fit(alone, loader())
    callback = made(every=1)
    Trainer([callback], accumulate=2, clip=0.01).fit(watched, loader())
    assert all(torch.equal(w, alone.state_dict()[name]) for name, w in watched.state_dict().items())
    assert callback.watch.run.steps == list(range(12)) and callback.watch.problem == ""


def test_norms_are_those_of_the_loss_itself_under_a_scaler(made):
    """The scale is a power of two, so that only underflow could change a norm."""
    found = []
    for scaler in (None, SimpleNamespace(get_scale=lambda: 1024.0)):
        module, callback = Module(), made(every=1)
        Trainer([callback], scaler=scaler).fit(module, loader()[:1])
        found.append(callback.watch.frame().norm)
    torch.testing.assert_close(torch.tensor(found[1]), torch.tensor(found[0]), rtol=1e-6, atol=0)


def test_a_second_fit_begins_a_new_watch_and_takes_the_first_ones_hooks_away(made):
    module, callback = Module(), made(every=1)
    Trainer([callback]).fit(module, loader()[:2])
    first = callback.watch
    hooks = len(module.rnn._forward_hooks)
    Trainer([callback]).fit(module, loader()[:3])
    assert callback.watch is not first and first.run.steps == [0, 1] and callback.watch.run.steps == [0, 1, 2]
    assert len(module.rnn._forward_hooks) == hooks > 0


def test_a_model_without_a_recurrent_layer_trains_on_with_one_sentence(made):
    class Plain(Module):
        def training_step(self, batch, batch_idx):
            return self.only(batch[0]).mean()

    module, callback = Plain(), made(every=1)
    module.only = nn.Linear(2, 1)
    del module.rnn, module.out
    with pytest.warns(rnnkit.watch.WatchWarning, match=r"holds no nn\.RNN, nn\.LSTM or nn\.GRU layer"):
        Trainer([callback]).fit(module, loader())
    assert module.logged == []


def test_a_callback_is_pickled_before_training(made):
    again = pickle.loads(pickle.dumps(made(every=7)))
    assert type(again) is made and again.every == 7


def test_without_lightning_it_says_what_is_needed(monkeypatch):
    for name in lightning.PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
    lightning._made.cache_clear()
    with pytest.raises(ImportError, match="expected one of the packages lightning and pytorch_lightning to be installed"):
        _ = lightning.WatchCallback
    with pytest.raises(AttributeError, match="has no attribute 'Callbck'"):
        _ = lightning.Callbck
