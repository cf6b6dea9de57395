"""Backpropagation through time: the forward loop, the backward loop, and the Tape that both write on.

Uses no autograd. The cells compute their own derivatives, so dL/dh_t of every step is at hand, and the heatmap of the gradient
costs no more than its norms. What makes it fast:

- The inputs of all steps enter at once, as rows of a table where they are symbols.
- A step is one product with W_rec, where the cell has one, and the few elementwise calls of the cell. They work in place, on
  arrays that are made once for a whole training, with a view for every step.
- The elementwise derivatives of a block of steps are taken at once.
- Time comes first, (T, R, B, .), so that a step of all networks is one contiguous batch of matrices.

Parameters, with the network axis R in front: W_in (R, I, G*H), W_rec (R, H, G*H), b (R, 1, G*H), W_out (R, H, O),
b_out (R, 1, O); b_rec (R, 1, G*H) for cells with a recurrent bias; leak (R, 1, 1) for the echo state network; a cell's own
weights (R, 1, H) and second matrix (R, H, G*H). Cells without a product have no W_rec; one that is built stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnkit.engine.cells import Cell
from rnnkit.engine.params import ParamStack

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

    states: Arrays  # each part, (T + 1, R, B, H), the initial state in front
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


class Tape:
    """What one pass over T steps of R networks and B sequences stores. Made once, overwritten at every training step.

    Call forward(p, x), then backward(dz), then gradients(). Reading what a later pass has to fill raises RuntimeError.

    It holds T R B H cell.floats_per_unit numbers of 4 bytes: from 3 a unit for the cells with one gate over 11 for the GRU and 15
    for the LSTM to 20 for sLSTM; before the first backward pass a third to a half of them. From `gradients` on it holds at most
    one more a unit, `terms`.
    """

    p: Params  # of the last forward pass, as are the following four
    derived: Params  # cell.derived(p)
    x: Tensor  # (T, R, B) symbols or (T, R, B, I) numbers
    rows: Tensor | None  # symbols' rows in the stacked W_in of all networks
    padding: Padding | None = None
    dz: Tensor  # dL/dz (K, R, B, O) of the last backward pass

    def __init__(self, cell: Cell, p: Params, T: int, B: int) -> None:
        self.cell, self.T = cell, T
        self.nbytes = 0  # of the arrays made so far
        self._like, self._B = p["W_out"], B
        self._passes = 0  # 1 after a forward pass, 2 after the backward pass that belongs to it, 3 after `gradients`

    # ---- arrays

    def _arrays(self, *widths: int, steps: int) -> Arrays:
        R, H, _ = self._like.shape
        arrays = tuple(self._like.new_zeros(steps, R, self._B, width * H) for width in widths)
        self.nbytes += sum(array.nbytes for array in arrays)
        return arrays

    @cached_property
    def forward_arrays(self) -> Forward:
        cell, T = self.cell, self.T
        states = cell.State(*self._arrays(*(1 for _ in cell.parts), steps=T + 1))
        a = states[0][1:] if cell.in_place else self._arrays(cell.gates, steps=T)[0]
        entered = (a, *self._arrays(*cell.extra_inputs, steps=T))
        views = cell.forward_views(*entered, *self._arrays(*(1,) * cell.n_saved, steps=T))
        steps = zip(a.unbind(0), *map(_steps, (views, _before(states), _after(states))), strict=True)
        return Forward(states, entered, views, list(steps))

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
            f, d = _cut(forward.views, now), _cut(views, now)
            s_prev, s = _cut(_before(forward.states), now), _cut(_after(forward.states), now)
            ds_prev, ds = _cut(_before(states), now), _cut(_after(states), now)
            each = zip(range(T)[now], entered[0][now].unbind(0), each_forward[now], *map(_steps, (d, ds, ds_prev)), strict=True)
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

    # ---- results of the passes

    def _after_pass(self, passes: int) -> None:
        if self._passes < passes:
            missing = "backward" if self._passes else "forward"
            raise RuntimeError(f"there has been no {missing} pass yet: call Tape.{missing} first")

    @property
    def s(self) -> Arrays:
        """Each part of the state, (T, R, B, H)."""
        self._after_pass(1)
        return _after(self.forward_arrays.states)

    @property
    def h(self) -> Tensor:
        """h_t, (T, R, B, H)."""
        return self.s[0]

    @property
    def ds(self) -> Arrays:
        """dL/ds_t, each part (T, R, B, H): total derivatives, as the backward pass used them."""
        self._after_pass(2)
        return _after(self.backward_arrays.states)

    @property
    def da(self) -> Tensor:
        """dL/d(h_{t-1} W_rec), (T, R, B, G*H)."""
        self._after_pass(2)
        return self.backward_arrays.entered[0]

    @property
    def terms(self) -> Tensor | None:
        """h_{t-1}^T da_t, (T, R, H, G*H), whose sum over t is dL/dM. None before `gradients`, or where G*H > B or R = 1.

        There these sums would take more room than the states, or more time than one product for all steps.
        """
        return self._terms if self._passes == 3 else None

    @property
    def first(self) -> int:
        """The first step that the last pass computed."""
        return self.padding.first if self.padding else 0

    @property
    def begun(self) -> Tensor:
        """(T - first, R, B, 1) of the steps first, first + 1, ...: 1 where the sequence has begun, else 0."""
        ones = self.h.new_ones(()).expand(*self.h[self.first :].shape[:-1], 1)
        return torch.cat([self.padding.mask, ones[len(self.padding.mask) :]]) if self.padding else ones

    # ---- the passes

    def forward(self, p: Params, x: Tensor, s0: Arrays | None = None, padding: Padding | None = None) -> Tape:
        """Runs the cell over x, from the zero state or from s0 (each part (R, B, H)). Returns the tape itself.

        x may be shorter than the tape if no backward pass follows. With padding, each sequence begins in the zero state.
        """
        if len(x) > self.T:
            raise ValueError(f"x may have at most the tape's {self.T} steps, got {len(x)}")
        self.p, self.x, self.padding, self._passes = p, x, padding, 1
        self.derived = p = self.cell.derived(p)
        for i, part in enumerate(self.forward_arrays.states):
            part[self.first].zero_() if s0 is None else part[0].copy_(s0[i])  # first: s0 may lie on this tape
        self._enter()
        cell, mask = self.cell, padding.mask.unbind(0) if padding else ()
        products = self.products = cell.products(p)
        for i, (a, saved, s_prev, s) in enumerate(self.forward_arrays.steps[self.first : len(x)]):
            for k, M in products:
                a.baddbmm_(s_prev[k], M)
            cell.forward(p, saved, s_prev, s)
            if i < len(mask):
                for part in s:
                    part.mul_(mask[i])
        return self

    def _enter(self) -> None:
        """x_t W_in + b for all steps. Symbols pick rows of W_in + b."""
        x, self.rows = self.x[self.first :], None
        if x.dtype == torch.int64:
            first = torch.arange(x.shape[1], device=x.device)[:, None] * self.p["W_in"].shape[1]  # of each network's rows
            self.rows = (x + first).flatten()
        for (W, b), array in zip(self.cell.inputs(self.p), self.forward_arrays.entered, strict=True):
            a = array[self.first : self.first + len(x)]
            if self.rows is not None:
                torch.index_select((W + b).flatten(0, 1), 0, self.rows, out=a.view(-1, a.shape[-1]))
            else:
                torch.matmul(x, W, out=a).add_(b)

    def last_states(self, p: Params, x: Tensor, K: int, padding: Padding | None = None) -> Tensor:
        """h of the last K steps, (K, R, B, H). x may have any number of steps: they pass over this tape piece by piece.

        Where there is padding the tape has to hold all steps.
        """
        if padding:
            return self.forward(p, x, padding=padding).h[len(x) - K : len(x)].clone()
        T, s, last = len(x), None, []
        for start in range(0, T, self.T):
            n = min(self.T, T - start)
            self.forward(p, x[start : start + n], s)
            s = tuple(part[n] for part in self.forward_arrays.states)
            last.append(self.h[max(0, T - K - start) : n].clone())
        return torch.cat(last)

    def backward(self, dz: Tensor, signals: Sequence[Signal] = (), dh: Tensor | None = None) -> None:
        """Fills ds and da from dz = dL/dz of the last K steps (K, R, B, O). Where there is padding, both are exactly 0.

        dh (T - first, R, B, H) is what a penalty on the states adds to dL/dh_t of the steps first, first + 1, ...
        """
        self._after_pass(1)
        cell, p, T = self.cell, self.derived, self.T
        if self.padding:
            signals = [*signals, self.padding.__call__]
        if len(self.x) != T:
            raise ValueError(f"a backward pass needs a forward pass over all {T} steps of the tape, got {len(self.x)}")
        self.dz, self._passes = dz, 2
        direct = self._direct(dh)
        K = len(direct)
        products = [(k, M.mT.contiguous(), float(cell.has_direct_term(k))) for k, M in self.products]
        back = self.backward_arrays
        back.states[0][T].copy_(direct[-1])
        for part in back.states[1:]:
            part[T].zero_()
        for stacks, steps in _blocks_from(self.first, back):
            cell.partials(p, *stacks)
            for t, da, saved, d, ds, ds_prev in steps:
                cell.backward(p, saved, d, ds, ds_prev)
                for k, M, beta in products:
                    ds_prev[k].baddbmm_(da, M, beta=beta)
                _cross(signals, ds_prev, t, T)
                if t > T - K:
                    ds_prev[0].add_(direct[t - 1 - T + K])
        if self.first:
            for array in (*_after(back.states), *back.entered):
                array[: self.first].zero_()

    def _direct(self, dh: Tensor | None) -> Tensor:
        """dL/dh_t of the last steps through their own loss, and through the penalties dh."""
        direct = torch.matmul(self.dz, self.p["W_out"].mT)
        return direct if dh is None else torch.cat([dh[: -len(direct)], dh[-len(direct) :] + direct])

    def gradients(self) -> ParamStack:
        """dL/dtheta of every weight, in the order of p, of the last backward pass: dW_rec = sum_t h_{t-1}^T da_t, and so on."""
        self._after_pass(2)
        cell, p, dz, da = self.cell, self.p, self.dz, self.da
        entered = tuple(self._input_gradient(d) for d in self.backward_arrays.entered)
        grads = cell.input_gradients(entered) | {
            "W_out": _sum_of_products(self.h[-len(dz) :], dz),
            "b_out": dz.sum((0, 2)).unsqueeze(1),
        }
        if cell.recurrent:
            grads["W_rec"] = cell.recurrent_gradient(p, self.matrix_gradient())
        for k, _ in self.products[1:]:
            grads[cell.second_matrix] = _sum_of_products(self.forward_arrays.states[k][self.first : -1], da[self.first :])
        if cell.own_weights:
            f, b = self.forward_arrays, self.backward_arrays
            stacks = (f.views, _before(f.states), _after(f.states), b.views, _after(b.states))
            grads |= cell.own_gradients(self.derived, *(_cut(stack, slice(self.first, None)) for stack in stacks))
        return ParamStack.of({k: grads[k] for k in p if k in grads})

    def matrix_gradient(self) -> Tensor:
        """dL/dM, (R, H, G*H), of the matrix M that multiplies h_{t-1}: W_rec, or what the cell builds from it.

        Fills `terms` on the way, in about the time of their sum alone.
        """
        h, da, terms = self.forward_arrays.states[0][self.first : -1], self.da[self.first :], self._terms
        if terms is None:
            return _sum_of_products(h, da)
        self._passes = 3
        terms[: self.first].zero_()
        torch.bmm(h.flatten(0, 1).mT, da.flatten(0, 1), out=terms[self.first :].flatten(0, 1))
        out = torch.zeros_like(terms[0])
        for term in terms[self.first :].unbind(0):  # in the order of time, as _sum_of_products
            out.add_(term)
        return out

    def _input_gradient(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """dL/dW and dL/db of x_t W + b from d, its gradient (T, R, B, .)."""
        if self.rows is None:
            return _sum_of_products(self.x, d), d.sum((0, 2)).unsqueeze(1)
        d = d[self.first :]
        R, symbols, _ = self.p["W_in"].shape
        dW = d.new_zeros(R * symbols, d.shape[-1]).index_add_(0, self.rows, d.flatten(0, 2)).view(R, symbols, -1)
        return dW, dW.sum(1, keepdim=True)  # every step picks one row

    def partials(self) -> Iterator[Any]:
        """The cell's elementwise derivatives in a block of steps (n, R, B, .), from the first block to the last.

        Each block is overwritten by the next one. No result of the passes changes.
        """
        self._after_pass(1)
        for stacks, steps in self.backward_arrays.blocks[::-1]:
            d = _cut(self._scratch, slice(len(steps)))
            self.cell.partials(self.derived, *stacks[:3], d)
            yield d


def forward(cell: Cell, p: Params, x: Tensor, s0: Arrays | None = None, padding: Padding | None = None) -> Tape:
    """A new tape after a forward pass over x."""
    return Tape(cell, p, len(x), x.shape[2]).forward(p, x, s0, padding)


def _before(states: Any) -> Any:
    return _cut(states, slice(-1))


def _after(states: Any) -> Any:
    return _cut(states, slice(1, None))


def _cut(stacks: Any, steps: slice) -> Any:
    """A named tuple of arrays with time in front -> the same of these steps."""
    return stacks._make(stack[steps] for stack in stacks)


def _steps(stacks: Any) -> list[Any]:
    """A named tuple of arrays with time in front -> for every step the same of its views."""
    return [stacks._make(views) for views in zip(*(stack.unbind(0) for stack in stacks), strict=True)]


def readout(p: Params, h: Tensor) -> Tensor:
    """z = h W_out + b_out for steps h (K, R, B, H) -> (K, R, B, O)."""
    return torch.matmul(h, p["W_out"]) + p["b_out"]


def _cross(signals: Sequence[Signal], ds_prev: Arrays, t: int, T: int) -> None:
    """Applies the signals, in place, to the gradient that crosses from t to t - 1."""
    for signal in signals:
        for part in ds_prev:
            changed = signal(part, t, T)
            if changed is not part:
                part.copy_(changed)


def _blocks_from(first: int, back: Backward) -> Iterator[Block]:
    """The blocks without the steps before `first`, which hold nothing."""
    for stacks, steps in back.blocks:
        due = steps[: max(0, steps[0][0] - first + 1)]
        if due:
            yield Block(stacks, due)


def _sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """sum_t left_t^T right_t, (T, R, B, m) and (T, R, B, n) -> (R, m, n)."""
    if left.shape[1] == 1:  # one network's steps lie one below the other: one product
        return (left.flatten(0, 2).mT @ right.flatten(0, 2)).unsqueeze(0)
    out = left.new_zeros(left.shape[1], left.shape[3], right.shape[3])
    for l_t, r_t in zip(left.unbind(0), right.unbind(0), strict=True):  # less work than moving every network's steps together
        out.baddbmm_(l_t.mT, r_t)
    return out
