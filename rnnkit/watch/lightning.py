"""WatchCallback: rnnkit.watch as a Callback of Lightning. Lightning is imported when the class is first asked for."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnkit.watch.watcher import Watch

PACKAGES = ("lightning", "pytorch_lightning")  # the first that is installed gives the base class


@functools.cache
def _made() -> type:
    """The class. Raises ImportError where none of PACKAGES is installed."""
    for name in PACKAGES:
        try:
            base: Any = importlib.import_module(name).Callback
            break
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    else:
        raise ImportError(f"expected one of the packages {' and '.join(PACKAGES)} to be installed")

    class WatchCallback(base):
        """Watches the module while trainer.fit runs, and logs `watch.scalars()` of each watched step.

            callback = WatchCallback(every=10)
            lightning.Trainer(callbacks=[callback]).fit(module, loader)
            print(callback.watch.verdict())

        every, max_bytes: as of rnnkit.watch. Every backward pass counts as a step, also where gradients are accumulated. The
        scaler of `precision="16-mixed"` is the trainer's. A second `fit` begins a new watch. The tests run it with a stand-in for
        Lightning that has the same interface; with lightning 2.6.6 it was run by hand alone, on a CPU.
        """

        watch: Watch

        def __init__(self, every: int = 10, max_bytes: float = 2**31) -> None:
            super().__init__()
            self.every, self.max_bytes = every, max_bytes

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            """Sets the hooks: the module is on its device then."""
            from rnnkit.watch.watcher import Watch

            if hasattr(self, "watch"):
                self.watch.close()
            scaler = getattr(trainer.precision_plugin, "scaler", None)
            self.watch = Watch(pl_module, self.every, scaler=scaler, max_bytes=self.max_bytes)

        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            """Takes a step, before clipping and the optimizer, and logs what is new."""
            before = next(reversed(self.watch.run.checks), None)
            self.watch.step()
            if next(reversed(self.watch.run.checks), None) != before:
                pl_module.log_dict(self.watch.scalars())

    WatchCallback.__qualname__ = "WatchCallback"  # of the module, so that a callback can be pickled
    return WatchCallback


def __getattr__(name: str) -> Any:
    if name == "WatchCallback":
        return _made()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
