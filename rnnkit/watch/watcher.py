"""Watch: the gradient through time of a user's own model, in the user's own training loop."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.watch.call import add_gradient
from rnnkit.watch.measure import Seen, findings, replay_calls
from rnnkit.watch.recorder import Recorder
from rnnkit.watch.run import Profile, WatchRun
from rnnkit.watch.sentences import verdict

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

State = TypeVar("State", Tensor, tuple[Tensor, ...])
PARTS = ("h", "c")
MAX_BYTES = 2**31
REDRAW = 1.0  # seconds between two drawings in a notebook, at least
REDRAW_SHARE = 0.05  # of the time that drawing may take from the training
PARALLEL = "nn.DataParallel copies the layers at every step, out of reach of hooks: use DistributedDataParallel"
NO_LAYER = (
    "{} holds no nn.RNN, nn.LSTM or nn.GRU layer: in a hand-written loop, or with nn.LSTMCell, hand the state over at every time "
    "step, h = watch.state(h)"
)
GPU_DROPOUT = "the mask of the dropout between the layers of {} is known on a CPU alone, so these layers are not shown"
CLOSED = "the watch is closed: call rnnkit.watch(model) for a new one"


class WatchWarning(UserWarning):
    """One sentence on why a watch shows nothing. The training is not touched."""


class Watch:
    """The gradient through time of every nn.RNN, nn.LSTM and nn.GRU of a model; see rnnkit.watch.

    At every watched training step hooks take the layers' inputs, outputs and the gradients that reach the outputs. `step`
    replays each layer backwards with its own weights. It compares the replayed gradient of the weights with the layer's own, and
    shows nothing of a step at which they differ. No tensor of the model is changed. A problem never stops the training: it is a
    WatchWarning, once, and `problem`.
    """

    def __init__(self, model: nn.Module, every: int = 10, *, scaler: Any = None, max_bytes: float = MAX_BYTES) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"expected a torch.nn.Module, got {type(model).__name__}")
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every: expected an integer of at least 1, got {every!r:.40}")
        self.every = every
        self.run = WatchRun()
        self._n = 0
        self._states: dict[str, dict[tuple[int, str], Tensor]] = {}  # name -> (t, part) -> dL/ds_t
        self._times: dict[str, int] = {}
        self._seen: tuple[int, list[Seen]] = (-1, [])
        self._said: set[str] = set()
        self._redraw_from = 0.0
        self._shown: Callable[[], None] | None = None
        parallel = any(isinstance(m, nn.DataParallel) for m in model.modules())
        self._recorder = Recorder(nn.Module() if parallel else model, max_bytes, scaler)
        self._no_layer = PARALLEL if parallel else NO_LAYER.format(type(model).__name__)
        if parallel:
            self._report(PARALLEL)
        elif not self._recorder.layers:
            self.run.problem = self._no_layer  # no warning yet: watch.state may follow

    # ---- in the training loop

    def step(self) -> None:
        """Counts a training step, and measures it where it is a watched one. Call it after backward, before optimizer.step()."""
        number, recorder = self._n, self._recorder
        if recorder.closed:
            self._report(CLOSED)
            return
        self._n += 1
        if recorder.on:
            try:
                self._measure(number)
                self.run.problem = ""
            except _Problem as problem:
                self._report(str(problem))
            except Exception as error:  # whatever happens here, the user's training goes on
                self._report(f"training step {number} could not be replayed: {type(error).__name__}: {str(error)[:200]}")
            recorder.clear()
            for taken in self._states.values():
                taken.clear()
            self._states.clear()
            self._redraw()
        self._times.clear()
        recorder.on = self._n % self.every == 0

    def state(self, h: State, name: str = "state", t: int | None = None) -> State:
        """Takes the state of a hand-written loop at one time step, and returns it: h = watch.state(h). A tuple is (h, c).

        The gradient is autograd's own dL/dh_t, a total derivative. t counts the calls of this name since the last `step`.
        """
        if self._recorder.on and torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            now = self._times.get(name, 0) if t is None else t
            self._times[name] = now + 1
            taken = self._states.setdefault(name, {})
            for part, tensor in zip(PARTS, h if isinstance(h, tuple) else (h,), strict=False):
                if tensor.requires_grad:
                    tensor.register_hook(partial(add_gradient, taken, (now, part)))
        return h

    def close(self) -> None:
        """Takes all hooks away. What was measured stays."""
        self._recorder.close()
        self._states.clear()

    # ---- what was measured

    @property
    def problem(self) -> str:
        """One sentence on why nothing is shown of the last watched step; "" where all is well."""
        return self.run.problem

    def frame(self) -> pd.DataFrame:
        """Returns a table with one row for each watched step, layer, direction, part of the state, call and time step.

        Columns: step (of training), layer, direction, part, call, t, norm = ||dL/ds_t|| over batch and units. Where the loss
        reads several time steps, the norm at t is of the sum of what enters there and what comes back from later steps.
        """
        return self.run.frame()

    def chart(self, layer: str | None = None, direction: str = "forward", part: str | None = None) -> alt.LayerChart:
        """Draws the heatmap of one layer: time to the right, training downwards. part: by default c of an LSTM, else h."""
        from rnnkit.watch.picture import watch_chart

        return watch_chart(self.run, layer, direction, part)

    def verdict(self) -> str:
        """Returns sentences on the last watched step: how much of the gradient is left, how far it looks back, and why."""
        self._find()
        return verdict(self.run)

    def lags(self) -> pd.DataFrame:
        """Returns the share of dL/dW_rec that looks back `lag` steps, of the last watched step: layer, direction, call,
        lag, share.

        A gradient that enters the layer at step s and reaches a_t adds h_{t-1}^T da_t, which looks back s - t steps. Share k is
        <dW_k, dL/dW_rec> / ||dL/dW_rec||^2, where dW_k is the sum of all that looks back k steps, over all s. Shares sum to 1;
        some can be negative. With a loss at the last step alone this is T - 1 - t. With losses at several steps the first 100
        lags are told apart; the row whose lag is NaN is the rest. In a lower layer s counts from where the layer above hands
        the gradient down.
        """
        self._find()
        return self.run.lags()

    def spectrum(self) -> pd.DataFrame:
        """Returns eigenvalues and singular values of W_rec as it is now: layer, direction, gate, kind, rank, real, imag, abs.

        Of gated cells each gate has its own (H, H) block. With a projection it is that block after the projection.
        """
        from rnnkit.watch.spectrum import spectrum

        return spectrum(self._recorder.layers)

    def scalars(self) -> dict[str, float]:
        """Returns the last watched step's numbers by name, for TensorBoard, W&B or Lightning; see WatchRun.scalars."""
        return self.run.scalars()

    def save(self, path: str | Path) -> None:
        """Writes what was measured to a file that `rnnkit.watch.read` opens. It holds no weights and no pickle."""
        self._find()
        Path(path).write_bytes(self.run.to_bytes())

    def _repr_html_(self) -> str:
        from rnnkit.watch.picture import html

        self._find()
        return html(self.run)

    def _ipython_display_(self) -> None:
        """Shows heatmap and verdict, and redraws them in place while it trains, once a second at most and in 5 % of the time."""
        from IPython.display import HTML, display

        handle = display(HTML(self._repr_html_()), display_id=True)
        self._shown = lambda: handle.update(HTML(self._repr_html_()))

    def __repr__(self) -> str:
        return f"<rnnkit.watch of {', '.join(self._recorder.layers) or 'no layer'}>\n{self.verdict()}"

    # ---- inside

    def _measure(self, number: int) -> None:
        """Adds a training step to the run. Raises _Problem."""
        recorder = self._recorder
        profiles = self._profiles_of_states(number)
        calls = [call for call in recorder.calls if call.grads]
        dropout = [GPU_DROPOUT.format(name) for name in recorder.layers if name in recorder.skipped]
        if not calls and not profiles:
            raise _Problem(dropout[0] if dropout else self._why_nothing())
        for sentence in dropout:
            self._warn(sentence)
        if recorder.refused:
            raise _Problem(recorder.refused)
        for call in calls:
            if what := call.changed():
                raise _Problem(
                    f"{what} of {call.name} changed between the forward pass and watch.step(): call watch.step() after "
                    "loss.backward() and before optimizer.step()"
                )
        checks: dict[str, float] = {}
        if calls:
            with no_grad_no_denormals(), torch.autocast(calls[0].device_type, enabled=False):
                of_layers, checked, seen = replay_calls(number, calls, recorder.weights)
            for name, check in checked.items():
                if not check.agrees:
                    raise _Problem(_disagreement(name, number, check.error, check.tolerance, calls))
            checks = {name: check.error for name, check in checked.items()}
            profiles += of_layers
            self._seen, self.run.findings = (number, seen), ()
        self.run.add(profiles, checks)

    def _why_nothing(self) -> str:
        recorder = self._recorder
        if recorder.refused:
            return recorder.refused
        if recorder.calls or any(name in self._times for name in self._states):
            return "no gradient has reached the recurrent layers: call watch.step() after loss.backward()"
        if not recorder.layers:
            return self._no_layer
        if "empty" in recorder.skipped:
            return "the batch holds no sequence"
        if "no_grad" in recorder.skipped:
            return "the forward pass ran under torch.no_grad() or inference_mode(), so there is no gradient"
        if "eval" in recorder.skipped:
            return "the model is in eval mode, whose forward passes are not watched: call model.train()"
        return f"no forward pass has reached {', '.join(recorder.layers)} since the last watch.step()"

    def _profiles_of_states(self, number: int) -> list[Profile]:
        profiles = []
        for name, taken in self._states.items():
            for part in PARTS:
                norms = {t: torch.linalg.vector_norm(g, dtype=torch.float64) for (t, p), g in taken.items() if p == part}
                if norms:
                    whole = torch.zeros(max(norms) + 1, dtype=torch.float64)
                    for t, norm in norms.items():
                        whole[t] = norm
                    profiles.append(Profile(number, name, "forward", part, 0, 0, False, whole.numpy()))
        return profiles

    def _find(self) -> None:
        """Measures what verdict and lags need, once for each watched step."""
        step, seen = self._seen
        if seen and not self.run.findings:
            with no_grad_no_denormals():
                self.run.findings = findings(step, seen)

    def _redraw(self) -> None:
        """Draws a notebook's output anew. What fails there does not stop the training."""
        start = time.monotonic()
        if self._shown is None or start < self._redraw_from:
            return
        try:
            self._shown()
            end = time.monotonic()
            self._redraw_from = end + max(REDRAW, (end - start) / REDRAW_SHARE)
        except Exception as error:
            self._shown = None
            self._report(f"the output of this cell is no longer drawn: {type(error).__name__}: {str(error)[:200]}")

    def _report(self, sentence: str) -> None:
        self.run.problem = sentence
        self._warn(sentence)

    def _warn(self, sentence: str) -> None:
        """Says a sentence, once."""
        if sentence not in self._said:
            self._said.add(sentence)
            warnings.warn(f"rnnkit.watch: {sentence}", WatchWarning, stacklevel=4)


class _Problem(Exception):
    """Why a step is not shown, in one sentence."""


def _disagreement(name: str, number: int, error: float, tolerance: float, calls: list[Any]) -> str:
    module = next(call.module for call in calls if name.startswith(call.name))
    if not any(w.requires_grad for of_layer in module.all_weights for w in of_layer):
        return f"the weights of {name} are frozen, so that the replayed gradient has nothing to be checked against"
    if error != error:
        return f"the gradient of the weights of {name} did not arrive, or is not finite where the replay's is"
    why = "its weights enter the loss in another way too (a penalty, weights in common), or backward is differentiated again"
    if module.dropout and module.num_layers > 1:
        why = f"the dropout between its layers could not be drawn again, or {why}"
    return (
        f"the replayed gradient of the weights of {name} differs from the layer's own by {error:.1e} of its norm at training "
        f"step {number}, more than {tolerance:g}: {why}"
    )
