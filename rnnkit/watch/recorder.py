"""Hooks on the recurrent layers of a model: what they take at a watched training step. No hook changes a tensor."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from rnnkit.watch.call import CELL_OF, Call, add_gradient, dtype_of, replay_bytes, shape_of

WRAPPERS = ("_orig_mod.", "module.")  # what torch.compile and DistributedDataParallel put before a module's name


@dataclass(eq=False)
class WeightGradient:
    """The gradient that reached a weight in this training step's backward passes, before accumulation and clipping."""

    weight: Tensor
    sum: Tensor | None = None

    def __call__(self, grad: Tensor) -> None:
        grad = grad.detach()
        self.sum = grad.clone() if self.sum is None else self.sum + grad  # autograd may make this very array .grad, to be clipped


class ModelHook:
    """A hook that a copy of the model and a pickled model do without."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> None:
        self.function(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return no_hook, ()


def no_hook() -> Callable[..., None]:
    """What a copy of the model has in the place of a ModelHook."""
    return _nothing


def _nothing(*_: Any) -> None: ...


class Recorder:
    """The calls of all recurrent layers, and the gradients of their weights, of one training step.

    It records while `on` is True, in training mode and with autograd. It takes the user's own tensors, without a copy, until
    `clear`. What a replay would need beyond max_bytes is not recorded: `refused` says so.
    """

    def __init__(self, model: nn.Module, max_bytes: float, scaler: Any) -> None:
        self.layers = {_short(name, m): m for name, m in model.named_modules() if isinstance(m, nn.RNNBase) and m.mode in CELL_OF}
        self.max_bytes, self.scaler = max_bytes, scaler
        self.on, self.closed = True, False
        self._handles: list[Any] = []
        self._weight_handles: list[Any] = []
        self._rng: dict[str, Tensor] = {}
        self.calls: list[Call] = []
        self.clear()
        for name, module in self.layers.items():
            take = ModelHook(partial(self._guarded, self._after, name))
            self._handles.append(module.register_forward_hook(take, with_kwargs=True))
            if module.dropout and module.num_layers > 1:
                before = ModelHook(partial(self._guarded, self._before, name))
                self._handles.append(module.register_forward_pre_hook(before))

    def clear(self) -> None:
        """Lets go of all tensors."""
        for handle in self._weight_handles:
            handle.remove()
        self._weight_handles.clear()
        for call in self.calls:
            call.grads.clear()
        self._rng.clear()
        self.calls = []
        self.weights: dict[int, WeightGradient] = {}
        self.skipped: set[str] = set()  # why calls were not recorded: "eval", "no_grad", "empty", or a module's name
        self.refused = ""
        self._bytes = 0

    def close(self) -> None:
        """Takes all hooks away."""
        self.on, self.closed = False, True
        self.clear()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _records(self, module: nn.Module) -> bool:
        if not self.on or self.refused:
            return False
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            self.skipped.add("no_grad")
        elif not module.training:
            self.skipped.add("eval")
        else:
            return True
        return False

    def _guarded(self, hook: Callable[..., None], *arguments: Any) -> None:
        """Calls a hook. What fails within is a reason not to show this step: the user's forward or backward pass goes on."""
        try:
            hook(*arguments)
        except Exception as error:
            self.refused = f"a hook failed: {type(error).__name__}: {str(error)[:200]}"

    def _before(self, name: str, module: nn.RNNBase, _: Any) -> None:
        """Takes the state of the random numbers, from which dropout will draw."""
        if self._records(module) and module.all_weights[0][0].device.type == "cpu":
            self._rng[name] = torch.get_rng_state()

    def _after(self, name: str, module: nn.RNNBase, args: Any, kwargs: Any, result: Any) -> None:
        """Takes a forward pass: its input, its outputs, and by hooks what backward will bring to outputs and weights."""
        rng = self._rng.pop(name, None)
        if not self._records(module):
            return
        if rng is None and module.dropout and module.num_layers > 1:
            self.skipped.add(name)
            return
        output, final = result
        given = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        x, hx = given["input"], _states(given.get("hx"))
        final = _states(final)
        data = _data(output)
        shape = shape_of(module, x)
        if 0 in shape:
            self.skipped.add("empty")
            return
        self._bytes += replay_bytes(module, shape, dtype_of(module).itemsize)
        if self._bytes > self.max_bytes:
            self._refuse(name, shape.T)
            return
        device = data.device.type
        autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        index = sum(call.module is module for call in self.calls)
        earlier = next((c for c in self.calls if hx and c.module is module and hx[0] is c.final()), None)
        scale = self.scaler.get_scale() if self.scaler is not None else 1.0
        grown = any(s.requires_grad for s in hx)
        inputs = _detached(x), tuple(s.detach() for s in hx), _detached(output), weakref.ref(final[0])
        call = Call(name, module, index, *inputs, rng, autocast, scale, grown, earlier)
        weights = [w for of_layer in module.all_weights for w in of_layer]
        for what, tensors in (("weights", weights), ("input", [_data(x)]), ("state", hx), ("output", [data])):
            call.remember(what, tensors)
        for what, tensor in zip(("output", "h_n", "c_n"), (data, *final), strict=False):
            if tensor.requires_grad:
                add = partial(self._guarded, add_gradient, call.grads, what)  # no reference to the call: a cycle with the graph
                tensor.register_hook(add)
        for w in weights:
            if w.requires_grad and id(w) not in self.weights:
                self.weights[id(w)] = WeightGradient(w)
                self._weight_handles.append(w.register_hook(partial(self._guarded, self.weights[id(w)])))
        self.calls.append(call)

    def _refuse(self, name: str, T: int) -> None:
        needed, n = self._bytes / 1e9, len(self.calls) + 1
        self.clear()
        calls = f"{n} forward passes of its layers" if n > 1 else f"{T:,} time steps of {name}"
        self.refused = (
            f"a replay of {calls} needs {needed:.2g} GB of memory, more than max_bytes = {self.max_bytes / 1e9:.2g} GB: "
            "shorten the sequences, or call rnnkit.watch with a larger max_bytes"
        )


def _states(state: Any) -> tuple[Tensor, ...]:
    return () if state is None else state if isinstance(state, tuple) else (state,)


def _data(x: Tensor | PackedSequence) -> Tensor:
    return x.data if isinstance(x, PackedSequence) else x


def _detached(x: Tensor | PackedSequence) -> Any:
    return x._replace(data=x.data.detach()) if isinstance(x, PackedSequence) else x.detach()


def _short(name: str, module: nn.Module) -> str:
    """The module's name in the user's own model."""
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "") if name.startswith(wrapper) or f".{wrapper}" in name else name
    return name or type(module).__name__.lower()
