"""The gradient through time of your own torch model: `watch = rnnkit.watch(model)`, then `watch.step()` after every backward.

    watch = rnnkit.watch(model, every=10)  # any nn.Module that holds nn.RNN, nn.LSTM or nn.GRU layers, at any depth
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        watch.step()
        optimizer.step()
        optimizer.zero_grad()
    watch.frame(), watch.chart(), watch.verdict(), watch.lags(), watch.spectrum()

The package is called as a function: `import rnnkit.watch` would otherwise replace the function rnnkit.watch by this module.
Importing it loads no torch, so that the dashboard reads its files; the first call does.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rnnkit.watch.run import WatchRun, read

if TYPE_CHECKING:
    from torch import nn

    from rnnkit.watch.watcher import Watch, WatchWarning

__all__ = ["Watch", "WatchRun", "WatchWarning", "read", "watch"]


def watch(model: nn.Module, every: int = 10, *, scaler: Any = None, max_bytes: float = 2**31) -> Watch:
    """Watches the gradient through time of every nn.RNN, nn.LSTM and nn.GRU of a model, at every `every`-th training step.

    Call watch.step() once for each training step, after loss.backward() and before optimizer.step(). In a hand-written loop, or
    with nn.LSTMCell and its like, call h = watch.state(h) at every time step. scaler: the torch.amp.GradScaler, if there is one;
    norms are divided by its scale. max_bytes: memory that a replay may take; a step that needs more is not watched. The model's
    weights are those of a training without watch, bit for bit. Raises TypeError where model is no nn.Module, ValueError where
    every is below 1.
    """
    from rnnkit.watch.watcher import Watch

    return Watch(model, every, scaler=scaler, max_bytes=max_bytes)


class _CallableModule(ModuleType):
    __call__ = staticmethod(watch)


sys.modules[__name__].__class__ = _CallableModule


def __getattr__(name: str) -> Any:
    if name in ("Watch", "WatchWarning"):
        from rnnkit.watch import watcher

        return getattr(watcher, name)
    raise AttributeError(f"module 'rnnkit.watch' has no attribute {name!r}")
