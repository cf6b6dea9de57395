"""Weights of a one-layer torch RNN, LSTM or GRU as rnnkit's, and back. torch is imported where it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rnnkit.engine.cells import CELLS
from rnnkit.engine.params import ParamStack
from rnnkit.errors import join_names, shorten_repr

if TYPE_CHECKING:
    from torch import Tensor, nn

MODULES = {"tanh": "RNN", "relu": "RNN", "lstm": "LSTM", "gru": "GRU"}  # cell -> torch.nn's module
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class LoadedWeights(NamedTuple):
    """A cell's name in rnnkit, and the weights of one network, R = 1."""

    cell: str
    params: ParamStack  # W_in (1, I, G H), W_rec (1, H, G H), b (1, 1, G H), b_rec of a GRU; W_out, b_out of a readout


def load(source: nn.Module | Mapping[str, Tensor], nonlinearity: str = "tanh") -> LoadedWeights:
    """Returns the weights of a model's only nn.RNN, nn.LSTM or nn.GRU of one layer and direction, and of its readout.

    source: the module, or its state_dict. The readout is the only linear layer that reads H numbers, if there is one. An RNN or
    LSTM has one bias here, b = bias_ih + bias_hh. nonlinearity: of the nn.RNN of a state_dict, which does not name it. The
    weights are copies, of the same dtype. Raises ValueError where there is no such layer, or more than one.
    """
    import torch

    if isinstance(source, torch.nn.Module):
        nonlinearity = next((m.nonlinearity for m in source.modules() if isinstance(m, torch.nn.RNN)), nonlinearity)
        source = source.state_dict()
    place = _only_layer(source)
    w_ih, w_hh = (source[place + name].detach() for name in NAMES[:2])
    G, H = len(w_hh) // w_hh.shape[1], w_hh.shape[1]
    cell = {1: nonlinearity, 3: "gru", 4: "lstm"}.get(G, "")
    if MODULES.get(cell) is None or w_hh.shape != (G * H, H):
        raise ValueError(f"expected weight_hh of H, 3 H or 4 H rows, tanh or relu, got {tuple(w_hh.shape)}, {nonlinearity!r:.20}")
    zero = w_hh.new_zeros(G * H)
    b_ih, b_hh = (source[place + name].detach() if place + name in source else zero for name in NAMES[2:])
    apart = CELLS[cell].recurrent_bias
    found = {"W_in": w_ih.T[None], "W_rec": w_hh.T[None], "b": (b_ih if apart else b_ih + b_hh)[None, None]}
    found |= {"b_rec": b_hh[None, None]} if apart else {}
    linear = [k for k, w in source.items() if k.endswith("weight") and not k.startswith(place + "w") and w.shape[1:] == (H,)]
    if len(linear) == 1 and (bias := source.get(linear[0].removesuffix("weight") + "bias")) is not None:
        found |= {"W_out": source[linear[0]].detach().T[None], "b_out": bias.detach()[None, None]}
    return LoadedWeights(cell, ParamStack.of(found))


def state_dict(cell: str, params: Mapping[str, Tensor], replica: int = 0) -> dict[str, Tensor]:
    """Returns the weights of one network for torch.nn: `rnn.weight_ih_l0`, ..., and `out.weight`, `out.bias` of its readout.

    nn.ModuleDict({"rnn": nn.LSTM(I, H), "out": nn.Linear(H, O)}).load_state_dict(...) takes them. Raises ValueError for a cell
    that torch.nn does not have.
    """
    if cell not in MODULES:
        raise ValueError(f"expected a cell that torch.nn has ({', '.join(MODULES)}), got {shorten_repr(cell)}")
    p = {name: values[replica].detach() for name, values in params.items()}
    b_rec = p["b_rec"] if "b_rec" in p else p["b"].new_zeros(p["b"].shape)
    of_rnn = dict(zip(NAMES, (p["W_in"].T, p["W_rec"].T, p["b"][0], b_rec[0]), strict=True))
    found = {f"rnn.{name}": w.clone().contiguous() for name, w in of_rnn.items()}
    if "W_out" in p:
        found |= {"out.weight": p["W_out"].T.clone().contiguous(), "out.bias": p["b_out"][0].clone()}
    return found


def _only_layer(source: Mapping[str, Tensor]) -> str:
    """What stands before weight_hh_l0 in the names. Raises ValueError where there is no such layer, or several."""
    found = [name for name in source if name.rpartition(".")[2].startswith("weight_hh_l")]
    if len(found) != 1 or not found[0].endswith(NAMES[1]):
        raise ValueError(
            "expected one nn.RNN, nn.LSTM or nn.GRU of one layer and direction, got "
            f"{join_names(found) if found else 'no weight_hh_l0 among ' + join_names(source)}"
        )
    return found[0].removesuffix(NAMES[1])
