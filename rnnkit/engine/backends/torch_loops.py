"""The loops as calls of PyTorch, one after another: the reference, and what runs everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnkit.engine.backends.base import Loops, Sums, arrive_late, cross

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells import Cell
    from rnnkit.engine.tape_arrays import Signal, TapeArrays


class TorchLoops(Loops):
    """One product with each matrix and the cell's own elementwise calls per step; their derivatives are taken block by block."""

    title = "PyTorch"

    def missing(self) -> str:
        return ""

    def takes(self, cell: Cell, like: Tensor) -> bool:
        return True

    def forward(self, tape: TapeArrays, end: int) -> None:
        tape.enter()
        cell, p, mask = tape.cell, tape.derived, tape.padding.mask.unbind(0) if tape.padding else ()
        for i, (a, saved, s_prev, s) in enumerate(tape.forward_arrays.steps[tape.first : end]):
            for k, M in tape.products:
                a.baddbmm_(s_prev[k], M)
            for k, M in tape.delayed:
                a.baddbmm_(tape.forward_arrays.states[k][tape.first + i], M)
            cell.forward(p, saved, s_prev, s)
            if i < len(mask):
                for part in s:
                    part.mul_(mask[i])

    def backward(self, tape: TapeArrays, direct: Tensor, signals: Sequence[Signal], terms: Tensor | None) -> Sums:
        cell, p, T, K = tape.cell, tape.derived, tape.T, len(direct)
        products = [(k, M.mT.contiguous(), float(cell.has_direct_term(k))) for k, M in tape.products]
        delayed = [(k, M.mT.contiguous()) for k, M in tape.delayed]
        for stacks, steps in tape.backward_arrays.blocks:
            due = steps[: max(0, steps[0][0] - tape.first + 1)]  # the steps before `first` hold nothing
            if due:
                cell.partials(p, *stacks)
            for t, da, saved, d, ds, ds_prev in due:
                cell.backward(p, saved, d, ds, ds_prev)
                for k, M, beta in products:
                    ds_prev[k].baddbmm_(da, M, beta=beta)
                cross(signals, ds_prev, t, T)
                for k, M in delayed:
                    arrive_late(tape, ds_prev[k], M, t, signals)
                if t > T - K:
                    ds_prev[0].add_(direct[t - 1 - T + K])
        return Sums()
