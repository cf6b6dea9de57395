"""One forward pass of an nn.RNN, nn.LSTM or nn.GRU: what hooks take from it, and its layers as replay.py takes them."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnnkit.engine.cells import CELLS
from rnnkit.watch.replay import Direct, Layer, aligned

CELL_OF = {"RNN_TANH": CELLS["tanh"], "RNN_RELU": CELLS["relu"], "LSTM": CELLS["lstm"], "GRU": CELLS["gru"]}
DIRECTIONS = ("forward", "reverse")
RUN_ONE_LAYER = {"RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu, "LSTM": torch.lstm, "GRU": torch.gru}


class Shape(NamedTuple):
    """Sizes of a call, read from its input without a copy."""

    T: int
    B: int


@dataclass(eq=False)
class Call:
    """What hooks take from one forward pass of a module. Tensors share the user's memory, and are detached from the graph."""

    name: str  # of the module in the model
    module: nn.RNNBase
    index: int  # how many calls of this module came before in this training step
    input: Tensor | PackedSequence
    hx: tuple[Tensor, ...]  # h_0 and c_0 as given; () where none was
    output: Tensor | PackedSequence
    final: weakref.ref[Tensor]  # h_n as the user has it, to know it again where it is handed in
    rng: Tensor | None  # state of the CPU's random numbers before the call, where dropout stands between layers
    autocast: torch.dtype | None  # the dtype of torch.autocast, where it was on
    scale: float = 1.0  # of the loss, by a GradScaler
    grown: bool = False  # the initial state has a graph of its own
    earlier: Call | None = None  # the call whose final state this one begins with, within the graph
    grads: dict[str, Tensor] = field(default_factory=dict)  # "output", "h_n", "c_n" -> dL/d(...), of this call
    versions: list[tuple[str, Tensor, int]] = field(default_factory=list)  # what must not change until the replay

    @property
    def shape(self) -> Shape:
        return shape_of(self.module, self.input)

    @property
    def bidirectional(self) -> bool:
        return self.module.bidirectional

    @property
    def low(self) -> torch.dtype | None:
        """The dtype of fewer bits than float32 that the layer computed in; None where there is none."""
        dtype = self.autocast or self.module.all_weights[0][0].dtype
        return dtype if dtype in (torch.float16, torch.bfloat16) else None

    @property
    def device_type(self) -> str:
        return self.output.data.device.type

    @property
    def carried(self) -> bool:
        """Whether it begins with a state of an earlier step that no gradient can reach: the graph is cut there."""
        return not self.grown and any(bool(s.any()) for s in self.hx)

    def remember(self, what: str, tensors: Any) -> None:
        """Notes the version of tensors, which in-place operations count up."""
        self.versions += [(what, (shared := t.detach()), shared._version) for t in tensors]

    def changed(self) -> str:
        """The first of the tensors that has changed since the forward pass, "" where none has."""
        return next((what for what, t, version in self.versions if t._version != version), "")


def add_gradient(grads: dict[Any, Tensor], what: Any, grad: Tensor) -> None:
    """A hook: takes a gradient that reaches a tensor. Backward may run more than once."""
    grad = grad.detach()
    grads[what] = grad if what not in grads else grads[what] + grad


def shape_of(module: nn.RNNBase, x: Tensor | PackedSequence) -> Shape:
    """Time steps and sequences of an input."""
    if isinstance(x, PackedSequence):
        return Shape(len(x.batch_sizes), int(x.batch_sizes[0]))
    if x.dim() == 2:
        return Shape(len(x), 1)
    return Shape(*(x.shape[:2] if not module.batch_first else (x.shape[1], x.shape[0])))


def replay_bytes(module: nn.RNNBase, shape: Shape, itemsize: int) -> int:
    """The memory that recording and replaying a call takes at most, in bytes: one layer's arrays, all layers' inputs, weights."""
    cell, H = CELL_OF[module.mode], module.hidden_size
    width = module.proj_size or H
    D, L = 1 + module.bidirectional, module.num_layers
    inputs = max(module.input_size, (L > 1) * D * width)
    replayed = cell.floats_per_unit * H + 7 * width + 4 * inputs
    weights = sum(w.numel() for of_layer in module.all_weights for w in of_layer)
    return itemsize * (shape.T * shape.B * D * (replayed + (L - 1) * (5 * width + inputs)) + 4 * weights)


def dtype_of(module: nn.RNNBase) -> torch.dtype:
    """The dtype that a replay computes in: float64 for float64, else float32."""
    return torch.float64 if module.all_weights[0][0].dtype == torch.float64 else torch.float32


class Unrolled:
    """The layers of a call, lowest first, and the gradient that reaches the highest one from outside."""

    def __init__(self, call: Call) -> None:
        self.call, self.module = call, call.module
        self.dtype = dtype_of(call.module)
        x, self.lengths = self._time_first(call.input)
        self.x = x if call.low is None else x.to(call.low).to(self.dtype)
        self.T, self.B = self.x.shape[:2]
        self.D, self.L = 1 + call.bidirectional, call.module.num_layers
        self.noise: list[Tensor | None] = [None] * self.L  # by which dropout multiplied a layer's output
        self.layers = list(self._layers())

    def direct(self, layer: int, above: Tensor | None) -> Direct:
        """What enters a layer: dL/d(output) of the highest one, else dL/dx of the one above (T, B, D P); and dL/dh_n, dL/dc_n."""
        call = self.call
        if above is None:
            grad = call.grads.get("output")
            above = self.x.new_zeros(1) if grad is None else self._time_first(_like(grad, call.output))[0]
        elif (noise := self.noise[layer]) is not None:
            above = above * noise
        P = self.module.proj_size or self.module.hidden_size
        h = self._by_direction(above.expand(self.T, self.B, self.D * P)).clone()
        last = torch.arange(self.B, device=h.device), self.layers[layer].last
        if (h_n := self._final("h_n", layer)) is not None:
            h[:, last[1], last[0]] += h_n
        return Direct(h, self._final("c_n", layer))

    def weights(self, layer: int) -> Iterator[tuple[Tensor, str, int]]:
        """Every weight of a layer with its name in Layer.p and its direction. Both biases that add up have the name b."""
        names = ["W_in", "W_rec", *(["b", "b_rec" if self.layers[layer].cell.recurrent_bias else "b"] * self.module.bias)]
        names += ["W_proj"] * bool(self.module.proj_size)
        for d in range(self.D):
            yield from ((w, name, d) for w, name in zip(self.module.all_weights[layer * self.D + d], names, strict=True))

    # ---- forward

    def _layers(self) -> Iterator[Layer]:
        """Runs the layers below the highest one again, by torch, one at a time."""
        module, call, D = self.module, self.call, self.D
        cell = CELL_OF[module.mode]
        initial = self._initial()
        x = self.x
        with _random_state(call.rng):
            for layer in range(self.L):
                own = slice(layer * D, (layer + 1) * D)
                h0, c0 = initial[0][own], initial[1][own] if len(initial) > 1 else None
                x_in = self._by_direction(x, shared=True)
                if layer < self.L - 1:
                    h = torch.stack([self._run(layer, d, x_in[d], h0[d], None if c0 is None else c0[d]) for d in range(D)])
                    below = self._merged(h)
                else:
                    h = self._by_direction(self._time_first(call.output)[0])
                name = f"{call.name}.l{layer}" if call.name else f"l{layer}"
                yield Layer(name, cell, self._p(layer), x_in, torch.cat([h0.unsqueeze(1), h], 1), c0, self.lengths)
                if layer < self.L - 1:
                    if call.rng is not None:
                        noise = self.noise[layer] = self._dropout(below)
                        below = below * noise
                    x = below

    def _run(self, layer: int, d: int, x: Tensor, h0: Tensor, c0: Tensor | None) -> Tensor:
        """h_t of one layer and direction, (T, B, P), by torch's own kernel, so that it is rounded as in the forward pass."""
        weights = list(self.module.all_weights[layer * self.D + d])
        dtype = self.call.output.data.dtype if self.call.autocast else weights[0].dtype
        state = [s.to(dtype)[None] for s in (h0, c0) if s is not None]
        hx = state if self.module.mode == "LSTM" else state[0]
        run: Any = RUN_ONE_LAYER[self.module.mode]
        with torch.autocast(x.device.type, self.call.autocast, enabled=self.call.autocast is not None), _quiet():
            out = run(x.to(dtype), hx, weights, self.module.bias, 1, 0.0, False, False, False)[0]
        return out.to(self.dtype)

    def _dropout(self, y: Tensor) -> Tensor:
        """The noise of the dropout that followed: it is drawn again from the same random numbers, (T, B, .)."""
        ones, p, packed = torch.ones_like(y, dtype=self.call.output.data.dtype), self.module.dropout, self.call.input
        if not isinstance(packed, PackedSequence):
            return F.dropout(ones, p).to(self.dtype)
        data = torch.ones(len(packed.data), y.shape[-1], dtype=ones.dtype, device=y.device)
        return self._time_first(packed._replace(data=F.dropout(data, p)))[0]

    def _p(self, layer: int) -> dict[str, Tensor]:
        """The weights of a layer in rnnkit's layout, copies: (D, inputs, outputs)."""
        found: dict[str, list[Tensor]] = {}
        for d in range(self.D):
            w_ih, w_hh, *more = (w.detach().to(self.dtype) for w in self._rounded(layer * self.D + d))
            b = more[:2] if self.module.bias else [w_ih.new_zeros(len(w_ih))] * 2
            gru = self.module.mode == "GRU"
            here = {"W_in": w_ih.T, "W_rec": w_hh.T, "b": b[0][None] if gru else (b[0] + b[1])[None]}
            here |= {"b_rec": b[1][None]} if gru else {}
            here |= {"W_proj": more[-1].T} if self.module.proj_size else {}
            for name, w in here.items():
                found.setdefault(name, []).append(w)
        return {name: torch.stack(ws) for name, ws in found.items()}

    def _rounded(self, i: int) -> list[Tensor]:
        low = self.call.low
        return [w if low is None else w.to(low) for w in self.module.all_weights[i]]

    def _initial(self) -> list[Tensor]:
        """h_0 (L D, B, P), and c_0 (L D, B, H) of an LSTM; 0 where none was given."""
        given = [self._state(s) for s in self.call.hx]
        if given:
            return given
        n, H = self.L * self.D, self.module.hidden_size
        widths = [self.module.proj_size or H, *([H] if self.module.mode == "LSTM" else [])]
        return [self.x.new_zeros(n, self.B, width) for width in widths]

    def _final(self, what: str, layer: int) -> Tensor | None:
        """dL/dh_n or dL/dc_n of one layer, (D, B, .)."""
        grad = self.call.grads.get(what)
        return None if grad is None else self._state(grad)[layer * self.D : (layer + 1) * self.D]

    # ---- layouts

    def _time_first(self, x: Tensor | PackedSequence) -> tuple[Tensor, Tensor | None]:
        """An input or an output as (T, B, F), and the lengths of its sequences, None where all are equal."""
        if isinstance(x, PackedSequence):
            data, lengths = pad_packed_sequence(x._replace(data=x.data.detach().to(self.dtype)))
            return data, (None if bool((lengths == len(data)).all()) else lengths.to(data.device))
        x = x.detach().to(self.dtype)
        return (x.unsqueeze(1) if x.dim() == 2 else x.transpose(0, 1) if self.module.batch_first else x), None

    def _state(self, s: Tensor) -> Tensor:
        """An initial or final state as (L D, B, .)."""
        s = s.detach().to(self.dtype)
        return s.unsqueeze(1) if s.dim() == 2 else s

    def _by_direction(self, x: Tensor, shared: bool = False) -> Tensor:
        """(T, B, D F) -> (D, T, B, F), each direction in its own order of time. shared: both get all of x, (T, B, F)."""
        pieces = [x] * self.D if shared else list(x.chunk(self.D, -1))
        pieces[1:] = [aligned(piece, self.lengths) for piece in pieces[1:]]
        return torch.stack(pieces) if self.D > 1 else pieces[0].contiguous().unsqueeze(0)

    def _merged(self, h: Tensor) -> Tensor:
        """(D, T, B, F) -> (T, B, D F), 0 behind each sequence's end."""
        out = torch.cat([h[0], *(aligned(piece, self.lengths) for piece in h[1:])], -1)
        if self.lengths is None:
            return out
        return out * (torch.arange(len(out), device=out.device)[:, None] < self.lengths).unsqueeze(-1)

    def below(self, dx: Tensor) -> Tensor:
        """dL/d(output) of the layer below, (T, B, .), from dL/dx of each direction (D, T, B, .)."""
        return dx[0] + aligned(dx[1], self.lengths) if self.D > 1 else dx[0]


def _like(data: Tensor, x: Tensor | PackedSequence) -> Tensor | PackedSequence:
    return x._replace(data=data) if isinstance(x, PackedSequence) else data


@contextmanager
def _random_state(rng: Tensor | None) -> Iterator[None]:
    """Runs the body with the random numbers of the forward pass. The user's own go on as if nothing had been drawn."""
    if rng is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(rng)
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """cuDNN warns where the weights of one layer alone do not lie in one piece of memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
