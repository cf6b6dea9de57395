"""The parallel scan: a recurrence that is linear in its state, in log2 T rounds instead of T steps. numpy alone.

s_t = s_{t-1} J_t + v_t, row vectors. Two such steps are one: (J, v) then (J', v') is (J J', v J' + v'). That is associative, so
in round k = 0, 1, ... each step t takes in the one 2^k before it, all at once (Hillis & Steele 1986). After ceil(log2 T) rounds
v_t is the state s_t. The gradient is the same recurrence from the right, ds_{t-1} = ds_t J_t^T + direct_{t-1}.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnkit.analysis.ledger import Ledger
from rnnkit.engine.cells import Cell


def rounds(J: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    """Returns v before the first round and after each, (T, S) each, from J (T, S, S) and v (T, S). The last one is s."""
    found, distance = [v], 1
    while distance < len(v):
        J_late, v_late = J[distance:], v[distance:]
        v = np.concatenate([v[:distance], np.einsum("ts,tsr->tr", v[:-distance], J_late) + v_late])
        J = np.concatenate([J[:distance], J[:-distance] @ J_late])
        found.append(v)
        distance *= 2
    return found


def backward_rounds(J: np.ndarray, direct: np.ndarray) -> list[np.ndarray]:
    """Returns the same of the way back: the last one is ds (T, S). direct (T, S): what a loss gives each step itself."""
    from_right = np.concatenate([np.zeros_like(J[:1]), J[:0:-1].swapaxes(1, 2)])  # [i]: leads from step T - i to T - 1 - i
    return [v[::-1] for v in rounds(from_right, direct[::-1])]


def partners(length: int) -> list[list[tuple[int, int]]]:
    """Returns of each round the pairs (earlier step, later step) that become one."""
    distances = [2**k for k in range(max(0, (length - 1).bit_length()))]
    return [[(t - d, t) for t in range(d, length)] for d in distances]


class Recurrence(NamedTuple):
    """s_t = s_{t-1} J_t + v_t of one network on one sequence, all parts of the state side by side."""

    J: np.ndarray  # (T, S, S)
    v: np.ndarray  # (T, S)
    direct: np.ndarray  # (T, S) what the loss at the last step gives each state itself


def is_linear(cell: Cell) -> bool:
    """Whether the step of a cell is linear in its state: the input alone decides its Jacobian, and nothing else is kept."""
    return not cell.recurrent and set(dict(cell.direct_terms)) == set(cell.parts)


def of_ledger(book: Ledger) -> Recurrence:
    """Returns the recurrence of a cell that is linear in its state."""
    s = np.concatenate([book.values[part] for part in book.cell.parts], 1)
    before = np.concatenate([np.zeros_like(s[:1]), s[:-1]])
    J = book.jacobian.swapaxes(1, 2)  # the ledger's [i, j] is ds_t[i] / ds_{t-1}[j]
    direct = np.zeros_like(s)
    direct[-1] = np.concatenate([book.values[f"d{part}"][-1] for part in book.cell.parts])
    return Recurrence(J, s - np.einsum("ts,tsr->tr", before, J), direct)
