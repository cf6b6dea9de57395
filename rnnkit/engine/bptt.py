"""Backpropagation through time: the forward pass, the backward pass, and the Tape that both write on.

Uses no autograd. The cells compute their own derivatives, so dL/dh_t of every step is at hand, and the heatmap of the gradient
costs no more than its norms. The loops over time are a backend's (backends/). What makes them fast:

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

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine.backends import loops_for
from rnnkit.engine.cells import Cell
from rnnkit.engine.params import ParamStack
from rnnkit.engine.tape_arrays import Arrays, Padding, Params, Signal, TapeArrays, cut, without_first


class Tape(TapeArrays):
    """What one pass over T steps of R networks and B sequences stores. Made once, overwritten at every training step.

    Call forward(p, x), then backward(dz), then gradients(). Reading what a later pass has to fill raises RuntimeError.

    It holds T R B H cell.floats_per_unit numbers of 4 bytes: from 3 a unit for the cells with one gate over 11 for the GRU and 15
    for the LSTM to 20 for sLSTM; before the first backward pass a third to a half of them. From `gradients` on it holds at most
    one more a unit, `terms`.
    """

    dz: Tensor  # dL/dz (K, R, B, O) of the last backward pass

    def __init__(self, cell: Cell, p: Params, T: int, B: int) -> None:
        super().__init__(cell, p, T, B)
        self.loops = loops_for(cell, p["W_out"])
        self._first_rows = torch.arange(len(p["W_out"]), device=p["W_out"].device)[:, None] * p["W_in"].shape[1]
        self._passes = 0  # 1 after a forward pass, 2 after the backward pass that belongs to it, 3 after `gradients`

    # ---- results of the passes

    def _after_pass(self, passes: int) -> None:
        if self._passes < passes:
            missing = "backward" if self._passes else "forward"
            raise RuntimeError(f"there has been no {missing} pass yet: call Tape.{missing} first")

    @property
    def s(self) -> Arrays:
        """Each part of the state, (T, R, B, H)."""
        self._after_pass(1)
        return self.forward_arrays.after

    @property
    def h(self) -> Tensor:
        """h_t, (T, R, B, H)."""
        return self.s[0]

    @property
    def end(self) -> Arrays:
        """The last cell.lag states, each part (lag, R, B, H): the s0 of a pass that goes on from here. A copy."""
        self._after_pass(1)
        return self.cell.State(*(part[len(self.x) :][: self.cell.lag].clone() for part in self.forward_arrays.states))

    @property
    def ds(self) -> Arrays:
        """dL/ds_t, each part (T, R, B, H): total derivatives, as the backward pass used them."""
        self._after_pass(2)
        return without_first(self.backward_arrays.states)

    @property
    def da(self) -> Tensor:
        """dL/d(h_{t-1} W_rec), (T, R, B, G*H)."""
        self._after_pass(2)
        return self.backward_arrays.entered[0]

    @property
    def norms(self) -> np.ndarray | None:
        """(P, T, R) ||dL/ds_t|| where the backend took them on its way, else None."""
        self._after_pass(2)
        norms = self.sums.norms
        return None if norms is None else norms.float().numpy()

    @property
    def terms(self) -> Tensor | None:
        """h_{t-1}^T da_t, (T, R, H, G*H), whose sum over t is dL/dM. None before `gradients`, or where G*H > B or R = 1.

        There these sums would take more room than the states, or more time than one product for all steps.
        """
        return self._terms if self._passes == 3 else None

    @property
    def begun(self) -> Tensor:
        """(T - first, R, B, 1) of the steps first, first + 1, ...: 1 where the sequence has begun, else 0."""
        ones = self.h.new_ones(()).expand(*self.h[self.first :].shape[:-1], 1)
        return torch.cat([self.padding.mask, ones[len(self.padding.mask) :]]) if self.padding else ones

    # ---- the passes

    def forward(self, p: Params, x: Tensor, s0: Arrays | None = None, padding: Padding | None = None) -> Tape:
        """Runs the cell over x, from the zero state or from s0, the `end` of another pass. Returns the tape itself.

        x may be shorter than the tape if no backward pass follows. With padding, each sequence begins in the zero state.
        """
        if len(x) > self.T:
            raise ValueError(f"x may have at most the tape's {self.T} steps, got {len(x)}")
        self.p, self.x, self.padding, self._passes = p, x, padding, 1
        self.derived = p = self.cell.derived(p)
        for i, part in enumerate(self.forward_arrays.states):
            initial = part[self.first : self.first + self.cell.lag]
            initial.zero_() if s0 is None else initial.copy_(s0[i].reshape(initial.shape))
        self.symbols = (x + self._first_rows).contiguous() if x.dtype == torch.int64 else None
        self.products, self.delayed = self.cell.products(p), self.cell.delayed_product(p)
        self.loops.forward(self, len(x))
        return self

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
            s = self.end
            last.append(self.h[max(0, T - K - start) : n].clone())
        return torch.cat(last)

    def backward(self, dz: Tensor, signals: Sequence[Signal] = (), dh: Tensor | None = None) -> None:
        """Fills ds and da from dz = dL/dz of the last K steps (K, R, B, O). Where there is padding, both are exactly 0.

        dh (T - first, R, B, H) is what a penalty on the states adds to dL/dh_t of the steps first, first + 1, ...
        """
        self._after_pass(1)
        T = self.T
        if self.padding:
            signals = [*signals, self.padding]
        if len(self.x) != T:
            raise ValueError(f"a backward pass needs a forward pass over all {T} steps of the tape, got {len(self.x)}")
        self.dz, self._passes = dz, 2
        direct = self._direct(dh)
        back = self.backward_arrays
        back.states[0][T].copy_(direct[-1])
        for part in back.states[1:]:
            part[T].zero_()
        self.sums = self.loops.backward(self, direct, signals, self._terms)
        if self.first:
            for array in (*without_first(back.states), *back.entered):
                array[: self.first].zero_()

    def _direct(self, dh: Tensor | None) -> Tensor:
        """dL/dh_t of the last steps through their own loss, and through the penalties dh."""
        direct = torch.matmul(self.dz, self.p["W_out"].mT)
        return direct if dh is None else torch.cat([dh[: -len(direct)], dh[-len(direct) :] + direct])

    def gradients(self) -> ParamStack:
        """dL/dtheta of every weight, in the order of p, of the last backward pass: dW_rec = sum_t h_{t-1}^T da_t, and so on."""
        self._after_pass(2)
        cell, p, dz, da = self.cell, self.p, self.dz, self.da
        entered = tuple(self._input_gradient(i, d) for i, d in enumerate(self.backward_arrays.entered))
        grads = cell.input_gradients(entered) | {
            "W_out": _sum_of_products(self.h[-len(dz) :], dz),
            "b_out": dz.sum((0, 2)).unsqueeze(1),
        }
        if cell.recurrent:
            grads["W_rec"] = cell.recurrent_gradient(p, self.matrix_gradient())
        f, b, first, sums = self.forward_arrays, self.backward_arrays, self.first, self.sums.matrices
        for i, (k, _) in enumerate(self.products[1:], 1):
            grads[cell.second_matrix] = sums[i] if sums else _sum_of_products(f.before[k][first:], da[first:])
        for k, _ in self.delayed:
            grads[cell.second_matrix] = _sum_of_products(f.states[k][first : -cell.lag], da[first:])
        if cell.own_weights:
            stacks = (f.views, f.before, f.after, b.views, without_first(b.states))
            grads |= cell.own_gradients(self.derived, *(cut(stack, slice(first, None)) for stack in stacks))
        return ParamStack.of({k: grads[k] for k in p if k in grads})

    def matrix_gradient(self) -> Tensor:
        """dL/dM, (R, H, G*H), of the matrix M that multiplies h_{t-1}: W_rec, or what the cell builds from it.

        Fills `terms` on the way, in about the time of their sum alone.
        """
        h, da, terms = self.forward_arrays.before[self.cell.recurrent_part][self.first :], self.da[self.first :], self._terms
        if terms is not None:
            self._passes = 3
            terms[: self.first].zero_()
        if self.sums.matrices is not None:
            return self.sums.matrices[0]
        if terms is None:
            return _sum_of_products(h, da)
        torch.bmm(h.flatten(0, 1).mT, da.flatten(0, 1), out=terms[self.first :].flatten(0, 1))
        out = torch.zeros_like(terms[0])
        for term in terms[self.first :].unbind(0):  # in the order of time, as _sum_of_products
            out.add_(term)
        return out

    def _input_gradient(self, i: int, d: Tensor) -> tuple[Tensor, Tensor]:
        """dL/dW and dL/db of x_t W + b, the i-th of cell.inputs, from d, its gradient (T, R, B, .)."""
        if self.symbols is None:
            return _sum_of_products(self.x, d), d.sum((0, 2)).unsqueeze(1)
        if self.sums.rows is not None:
            dW = self.sums.rows[i]
        else:
            R, symbols, _ = self.p["W_in"].shape
            rows, d = self.symbols[self.first :].flatten(), d[self.first :].flatten(0, 2)
            dW = d.new_zeros(R * symbols, d.shape[-1]).index_add_(0, rows, d).view(R, symbols, -1)
        return dW, dW.sum(1, keepdim=True)  # every step picks one row

    def partials(self) -> Iterator[Any]:
        """The cell's elementwise derivatives in a block of steps (n, R, B, .), from the first block to the last.

        Each block is overwritten by the next one. No result of the passes changes.
        """
        self._after_pass(1)
        for stacks, steps in self.backward_arrays.blocks[::-1]:
            d = cut(self._scratch, slice(len(steps)))
            self.cell.partials(self.derived, *stacks[:3], d)
            yield d


def forward(cell: Cell, p: Params, x: Tensor, s0: Arrays | None = None, padding: Padding | None = None) -> Tape:
    """A new tape after a forward pass over x."""
    return Tape(cell, p, len(x), x.shape[2]).forward(p, x, s0, padding)


def readout(p: Params, h: Tensor) -> Tensor:
    """z = h W_out + b_out for steps h (K, R, B, H) -> (K, R, B, O)."""
    return torch.matmul(h, p["W_out"]) + p["b_out"]


def _sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """sum_t left_t^T right_t, (T, R, B, m) and (T, R, B, n) -> (R, m, n)."""
    if left.shape[1] == 1:  # one network's steps lie one below the other: one product
        return (left.flatten(0, 2).mT @ right.flatten(0, 2)).unsqueeze(0)
    out = left.new_zeros(left.shape[1], left.shape[3], right.shape[3])
    for l_t, r_t in zip(left.unbind(0), right.unbind(0), strict=True):  # less work than moving every network's steps together
        out.baddbmm_(l_t.mT, r_t)
    return out
