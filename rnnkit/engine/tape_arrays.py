"""The arrays of a tape: what the passes over time read and write. Made once, with a view for every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnkit.engine.cells import Cell

Params = Mapping[str, Tensor]
Arrays = tuple[Tensor, ...]  # where a cell names them, one of its named tuples
BLOCK = 2**17  # numbers of a block's gradient for each thread: few enough to be in the cache still when `backward` reads them
Signal = Callable[[Tensor, int, int], Tensor]  # (dL/ds crossing from t to t - 1, t, T) -> the same, cut or changed


@dataclass(frozen=True)
class Padding:
    """Where sequences of different lengths begin. They are aligned at the end; the longest one begins at step `first`."""

    first: int
    mask: Tensor  # (n, R, B, 1) of the steps first, first + 1, ...: 1 where the sequence has begun, else 0; afterwards all have

    def __call__(self, ds: Tensor, t: int, T: int) -> Tensor:
        """A Signal: nothing crosses from a sequence's first step to those before it."""
        before = t - 1 - self.first
        return ds * self.mask[before] if 0 <= before < len(self.mask) else ds


class Forward(NamedTuple):
    """What the forward pass writes."""

    states: Arrays  # each part, (T + cell.lag, R, B, H), the initial states in front: row t is s_{t - lag}
    before: Arrays  # s_{t-1} of every step, and s_t: views of states
    after: Arrays
    entered: Arrays  # what x_t enters: a (T, R, B, G*H), and the arrays beside it
    views: Arrays  # cell.forward_views
    steps: list[tuple[Tensor, Arrays, Arrays, Arrays]]  # of every step: a_t, views, s_{t-1}, s_t


class Block(NamedTuple):
    """Some time steps of the backward pass."""

    stacks: tuple[Arrays, Arrays, Arrays, Arrays]  # forward views, s_{t-1}, s_t, backward views: what cell.partials takes
    steps: list[tuple[int, Tensor, Arrays, Arrays, Arrays, Arrays]]  # last first: t, da_t, and what cell.backward takes


class Backward(NamedTuple):
    """What the backward pass writes."""

    states: Arrays  # dL/ds_t of each part, (T + 1, R, B, H), that of the initial state in front
    entered: Arrays  # dL/da (T, R, B, G*H), and the gradients of the arrays beside it
    views: Arrays  # cell.backward_views
    blocks: list[Block]  # the last steps first


class TapeArrays:
    """What a tape holds, of T steps of R networks and B sequences, and what the pass at hand is about."""

    p: Params  # of the last forward pass, as are the following six
    derived: Params  # cell.derived(p)
    products: list[tuple[int, Tensor]]  # cell.products(derived)
    delayed: list[tuple[int, Tensor]]  # cell.delayed_product(derived)
    x: Tensor  # (T, R, B) symbols or (T, R, B, I) numbers
    symbols: Tensor | None  # (T, R, B) of x where it has symbols: their rows in the stacked W_in of all networks
    padding: Padding | None = None

    def __init__(self, cell: Cell, p: Params, T: int, B: int) -> None:
        self.cell, self.T = cell, T
        self.nbytes = 0  # of the arrays made so far
        self._like, self._B = p["W_out"], B
        self.named: dict[str, Tensor] = {}  # of the backend: these arrays under other names

    def _arrays(self, *widths: int, steps: int) -> Arrays:
        R, H, _ = self._like.shape
        arrays = tuple(self._like.new_zeros(steps, R, self._B, width * H) for width in widths)
        self.nbytes += sum(array.nbytes for array in arrays)
        return arrays

    @cached_property
    def forward_arrays(self) -> Forward:
        cell, T = self.cell, self.T
        states = cell.State(*self._arrays(*(1 for _ in cell.parts), steps=T + cell.lag))
        before, after = cut(states, slice(cell.lag - 1, -1)), cut(states, slice(cell.lag, None))
        a = after[0] if cell.in_place else self._arrays(cell.gates, steps=T)[0]
        entered = (a, *self._arrays(*cell.extra_inputs, steps=T))
        views = cell.forward_views(*entered, *self._arrays(*(1,) * cell.n_saved, steps=T))
        steps = zip(a.unbind(0), *map(by_step, (views, before, after)), strict=True)
        return Forward(states, before, after, entered, views, list(steps))

    @cached_property
    def backward_arrays(self) -> Backward:
        cell, T = self.cell, self.T
        states = cell.State(*self._arrays(*(1 for _ in cell.parts), steps=T + 1))
        entered = self._arrays(cell.gates, *cell.extra_inputs, steps=T)
        views = cell.backward_views(*entered, *self._arrays(*(1,) * cell.n_partials, steps=T))
        forward, each_forward = self.forward_arrays, [f for _, f, _, _ in self.forward_arrays.steps]
        at_once = self._block
        blocks = []
        for end in range(T, 0, -at_once):
            now = slice(max(0, end - at_once), end)
            f, d = cut(forward.views, now), cut(views, now)
            s_prev, s = cut(forward.before, now), cut(forward.after, now)
            ds_prev, ds = cut(states, now), cut(without_first(states), now)
            each = zip(range(T)[now], entered[0][now].unbind(0), each_forward[now], *map(by_step, (d, ds, ds_prev)), strict=True)
            blocks.append(Block((f, s_prev, s, d), list(each)[::-1]))
        return Backward(states, entered, views, blocks)

    @cached_property
    def _block(self) -> int:
        """How many steps have their elementwise derivatives taken at once."""
        if self._like.is_cuda:
            return self.T
        R, H, _ = self._like.shape
        return max(1, BLOCK * torch.get_num_threads() // (R * self._B * self.cell.gates * H))

    @cached_property
    def _scratch(self) -> Any:
        """Partials of one block, apart from those that the backward pass uses."""
        cell = self.cell
        widths = (cell.gates, *cell.extra_inputs, *(1,) * cell.n_partials)
        return cell.backward_views(*self._arrays(*widths, steps=min(self._block, self.T)))

    @cached_property
    def _terms(self) -> Tensor | None:
        (R, H, _), width = self._like.shape, self.cell.gates * self._like.shape[1]
        return self._like.new_zeros(self.T, R, H, width) if R > 1 and width <= self._B else None

    @property
    def first(self) -> int:
        """The first step that the last pass computed."""
        return self.padding.first if self.padding else 0

    def enter(self) -> None:
        """Fills the entered arrays with x_t W_in + b of all steps. Symbols pick rows of W_in + b."""
        x = self.x[self.first :]
        for (W, b), array in zip(self.cell.inputs(self.p), self.forward_arrays.entered, strict=True):
            a = array[self.first : self.first + len(x)]
            if self.symbols is not None:
                torch.index_select((W + b).flatten(0, 1), 0, self.symbols[self.first :].flatten(), out=a.view(-1, a.shape[-1]))
            else:
                torch.matmul(x, W, out=a).add_(b)


def without_first(states: Any) -> Any:
    return cut(states, slice(1, None))


def cut(stacks: Any, steps: slice) -> Any:
    """A named tuple of arrays with time in front -> the same of these steps."""
    return stacks._make(stack[steps] for stack in stacks)


def by_step(stacks: Any) -> list[Any]:
    """A named tuple of arrays with time in front -> for every step the same of its views."""
    return [stacks._make(views) for views in zip(*(stack.unbind(0) for stack in stacks), strict=True)]
