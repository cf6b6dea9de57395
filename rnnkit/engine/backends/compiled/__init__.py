"""The loops in C++, compiled on this machine from the cells' equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnnkit.engine.backends.base import Loops, Sums, arrive_late, cross
from rnnkit.engine.backends.compiled import build, source

if TYPE_CHECKING:
    from torch import Tensor

    from rnnkit.engine.cells import Cell
    from rnnkit.engine.tape_arrays import Signal, TapeArrays


class CompiledLoops(Loops):
    """A pass is one call, and the products in it are ATen's. Where a signal or a padding acts between steps, it is one a step."""

    title = "C++ compiled on this machine"

    def missing(self) -> str:
        return build.missing()

    def prepare(self) -> None:
        build.library()

    def takes(self, cell: Cell, like: Tensor) -> bool:
        """On a CPU, the cells whose equations it knows."""
        import torch

        return cell in build.steps(build.known()) and like.device.type == "cpu" and like.dtype in (torch.float32, torch.float64)

    def forward(self, tape: TapeArrays, end: int) -> None:
        f, cell = tape.forward_arrays, tape.cell
        if "h" not in tape.named:
            saved = {f"saved_{name}": array for name, array in zip(cell.Saved._fields, f.views, strict=True)}
            tape.named |= _entered(cell, f.entered) | _states(cell, f.before, f.after) | saved
        tables = [] if tape.symbols is None else [W + b for W, b in cell.inputs(tape.p)]
        if tape.symbols is None:
            tape.enter()
        left = [*(f.before[k] for k, _ in tape.products), *(f.states[k] for k, _ in tape.delayed)]
        matrices = [M.unsqueeze(0) for _, M in (*tape.products, *tape.delayed)]
        step, arrays = build.names(cell)[0], _in_order(tape, source.forward(cell).arrays)
        loop = self._function("forward", tape.p["W_out"])

        def run(begin: int, end: int) -> None:
            loop(step, arrays, f.entered, tables, tape.symbols, left, matrices, begin, end)

        begin = tape.first
        for mask in tape.padding.mask[: end - begin].unbind(0) if tape.padding else ():
            run(begin, begin + 1)
            for part in f.after:
                part[begin].mul_(mask)
            begin += 1
        run(begin, end)

    def backward(self, tape: TapeArrays, direct: Tensor, signals: Sequence[Signal], terms: Tensor | None) -> Sums:
        import torch

        b, f, cell, T, K = tape.backward_arrays, tape.forward_arrays, tape.cell, tape.T, len(direct)
        if "dh" not in tape.named:
            before, after = [part[:-1] for part in b.states], [part[1:] for part in b.states]
            gradients = _entered(cell, b.entered) | _states(cell, before, after)
            tape.named |= {f"d{name}": array for name, array in gradients.items()}
        R, single = len(tape.p["W_out"]), direct.dtype == torch.float32
        rows = None if tape.symbols is None else [torch.zeros_like(W) for W, _ in cell.inputs(tape.p)]
        several = R > 1  # of one network, all steps lie below each other: one product at the end is faster
        sums = [torch.zeros_like(M) for _, M in tape.products] if several else []
        norms = direct.new_zeros(len(cell.parts), T, R, dtype=torch.float64) if single else None
        left, into = [f.before[k] for k, _ in tape.products], [b.states[k] for k, _ in tape.products]
        late = [b.states[k] for k, _ in tape.delayed], [_transposed(M) for _, M in tape.delayed], cell.lag
        beta = [float(cell.has_direct_term(k)) for k, _ in tape.products]
        matrices = [_transposed(M) for _, M in tape.products], [M.unsqueeze(0) for M in sums]
        step, arrays = build.names(cell)[1], _in_order(tape, source.backward(cell).arrays)
        loop = self._function("backward", direct)

        def run(direct: Tensor, late: tuple[list[Tensor], list[Tensor], int], begin: int, end: int) -> None:
            where = (b.entered, rows or [], tape.symbols, left, into, matrices[0], beta, *late, matrices[1], terms, b.states)
            loop(step, arrays, *where, direct, norms, begin, end)

        if not signals:
            run(direct, late, tape.first, T)
        for t in range(T - 1, tape.first - 1, -1) if signals else ():
            run(direct[:0], ([], [], 1), t, t + 1)
            cross(signals, [part[t] for part in b.states], t, T)
            for k, M in tape.delayed:
                arrive_late(tape, b.states[k][t], M.mT, t, signals)
            if t > T - K:
                b.states[0][t].add_(direct[t - 1 - T + K])
        return Sums(norms, rows, sums if several else None)

    def inner(self, left: Tensor, right: Tensor, direction: Tensor) -> Tensor:
        found: Tensor = self._function("inner", left)(left, right, _transposed(direction))
        return found

    def _function(self, which: str, like: Tensor) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(build.library(), f"{which}_{str(like.dtype).removeprefix('torch.')}").default
        return function


def _transposed(M: Tensor) -> Tensor:
    """(R, m, n) -> (1, R, n, m)."""
    return M.mT.contiguous().unsqueeze(0)


def _entered(cell: Cell, entered: Sequence[Tensor]) -> dict[str, Tensor]:
    """The columns of a_t, or of its gradient, and the extra inputs."""
    names = (name for some in source.entering(cell) for name in some)
    return dict(zip(names, (*entered[0].chunk(cell.gates, -1), *entered[1:]), strict=True))


def _states(cell: Cell, before: Sequence[Tensor], after: Sequence[Tensor]) -> dict[str, Tensor]:
    """Each part after the step and before it."""
    return dict(zip((*cell.parts, *(f"{part}_prev" for part in cell.parts)), (*after, *before), strict=True))


def _in_order(tape: TapeArrays, names: Sequence[str]) -> list[Tensor]:
    """The arrays of these names, (T, R, B, H) each. A weight's is the same at all steps and sequences."""
    weights = {}
    for name in source.from_weights(tape.cell):
        (_, R, B, H), weight = tape.forward_arrays.states[0].shape, tape.derived[name]
        weights[name] = weight.expand(R, 1, H).contiguous().expand(tape.T, R, B, H)
    return [weights[name] if name in weights else tape.named[name] for name in names]
