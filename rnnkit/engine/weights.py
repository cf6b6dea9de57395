"""Draws the weights of an Experiment's networks, with numpy alone, so that the server can draw a network without torch."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from rnnkit.engine import inits
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment


class Stream(IntEnum):
    """Independent random streams of one network: a change of one setting leaves what the other streams draw as it was."""

    W_REC, W_IN, W_OUT, BIAS, DATA, TEST, OWN = range(7)


def random_stream(seed: int, stream: Stream) -> np.random.Generator:
    return np.random.default_rng([seed, stream])


def draw_weights(e: Experiment, seed: int) -> dict[str, np.ndarray]:
    """The weights of the network with this seed, untrained, in float64; shapes as in bptt.py without the network axis."""
    cell, task, H = CELLS[e.cell], e.bound_task, e.hidden
    width = cell.gates * H
    rng = {stream: random_stream(seed, stream) for stream in Stream}
    p = {
        "W_in": rng[Stream.W_IN].standard_normal((task.n_in, width)) * e.input_scale,
        **({"W_rec": _draw_recurrent(e, rng[Stream.W_REC])} if cell.recurrent else {}),
        "b": np.zeros((1, width)),
        "W_out": inits.INITS["gaussian"](rng[Stream.W_OUT], H, task.n_out, 1.0),
        "b_out": np.zeros((1, task.n_out)),
    }
    if cell.forget_gate is not None:
        gate_bias = inits.BIASES[e.bias](rng[Stream.BIAS], H, e.length)
        p["b"][0, cell.forget_gate * H : (cell.forget_gate + 1) * H] = gate_bias
        if cell.input_gate is not None and inits.BIASES[e.bias].mirrored:
            p["b"][0, cell.input_gate * H : (cell.input_gate + 1) * H] = -gate_bias
    if cell.recurrent_bias:
        p["b_rec"] = np.zeros((1, width))
    if "leak" in cell.fields:
        p["leak"] = np.full((1, 1), e.leak)
    if cell.second_product:
        p[cell.second_matrix] = inits.blocks(inits.INITS[e.init], rng[Stream.OWN], H, cell.gates, e.gain)
    p |= cell.draw(e, rng[Stream.OWN], p)
    given = e.bound_weights
    return given.fitting(p) if given else p


def _draw_recurrent(e: Experiment, rng: np.random.Generator) -> np.ndarray:
    if CELLS[e.cell].reservoir:
        return inits.reservoir(rng, e.hidden, e.gain, e.density)
    return inits.blocks(inits.INITS[e.init], rng, e.hidden, CELLS[e.cell].gates, e.gain)
