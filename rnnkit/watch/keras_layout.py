"""Weights of a Keras SimpleRNN, LSTM or GRU for torch.nn and rnnkit. Keras is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.errors import shorten_repr
from rnnkit.watch.weights import state_dict

if TYPE_CHECKING:
    from torch import Tensor

CELLS_BY_GATES = {1: "tanh", 3: "gru", 4: "lstm"}
KERAS_GRU_GATES = (1, 0, 2)  # Keras' columns are z, r, h; those of torch.nn and rnnkit are r, z, n


def from_keras(weights: Sequence[Any], dense: Sequence[Any] = ()) -> dict[str, Tensor]:
    """Returns the weights of a Keras SimpleRNN, LSTM or GRU for torch.nn, under the names of `state_dict`.

    weights: the layer's get_weights(): kernel (I, G H), recurrent_kernel (H, G H) and, with use_bias, bias (G H,), which is
    (2, 3 H) of a GRU: b of the inputs, then b_rec. dense: get_weights() of the Dense layer that reads h, kernel (H, O) and bias
    (O,), if there is one. Keras orders the gates of an LSTM i, f, c, o, as torch.nn does, and those of a GRU z, r, h.
    nn.ModuleDict({"rnn": nn.LSTM(I, H), "out": nn.Linear(H, O)}).load_state_dict(...) and rnnkit.load(...) take the result. The
    layer must have Keras' activations, tanh (of a SimpleRNN relu, too) and sigmoid. A GRU must have reset_after=True, Keras'
    default; without a bias this cannot be seen. The tensors are copies, of the same dtype. Raises ValueError for other arrays.
    """
    import torch

    kernel, recurrent, *biases = _arrays("weights", weights, (2, 3))
    H = len(recurrent) if recurrent.ndim == 2 else 0
    G = recurrent.shape[1] // H if H else 0
    if G not in CELLS_BY_GATES or recurrent.shape != (H, G * H) or kernel.ndim != 2 or kernel.shape[1] != G * H:
        raise ValueError(
            "expected kernel (I, G H) and recurrent_kernel (H, G H), G = 1 (SimpleRNN), 3 (GRU) or 4 (LSTM), got "
            f"{kernel.shape} and {recurrent.shape}"
        )
    cell = CELLS_BY_GATES[G]
    bias_shape = (2, G * H) if cell == "gru" else (G * H,)
    bias = biases[0] if biases else np.zeros(bias_shape, kernel.dtype)
    if cell == "gru" and bias.shape == (G * H,):
        raise ValueError(f"expected a GRU with reset_after=True, bias {bias_shape}, got {bias.shape}: torch.nn has no other GRU")
    if bias.shape != bias_shape:
        raise ValueError(f"expected bias {bias_shape}, got {bias.shape}")
    found = {"W_in": kernel, "W_rec": recurrent, "b": bias.reshape(-1, G * H)[:1]}
    if cell == "gru":
        found = {name: _gru_gates(w) for name, w in (found | {"b_rec": bias[1:]}).items()}
    if len(dense):
        W, b = _arrays("dense", dense, (2,))
        if W.ndim != 2 or len(W) != H or b.shape != W.shape[1:]:
            raise ValueError(f"expected the Dense layer's kernel ({H}, O) and bias (O,), got {W.shape} and {b.shape}")
        found |= {"W_out": W, "b_out": b[None]}
    return state_dict(cell, {name: torch.tensor(w)[None] for name, w in found.items()})


def _arrays(name: str, values: Sequence[Any], counts: tuple[int, ...]) -> list[np.ndarray]:
    """The values as arrays of floats. Raises ValueError where their number or a type is another one."""
    if len(values) not in counts:
        asked = " or ".join(map(str, counts))
        raise ValueError(f"{name}: expected {asked} arrays of one layer's get_weights(), got {len(values)}")
    found = []
    for value in values:
        array = np.asarray(value)
        if array.dtype.kind != "f":
            raise ValueError(f"{name}: expected arrays of floats, got {array.dtype}: {shorten_repr(value)}")
        found.append(array)
    return found


def _gru_gates(w: np.ndarray) -> np.ndarray:
    """(m, 3 H) in Keras' order of the gates -> in torch's."""
    return np.concatenate([np.split(w, 3, axis=1)[gate] for gate in KERAS_GRU_GATES], axis=1)
