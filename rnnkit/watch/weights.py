"""Weights of a one-layer torch RNN, LSTM or GRU as rnnkit's, and back. torch is imported where it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnnkit.engine.params import ParamStack
from rnnkit.engine.torch_layout import MODULES, NAMES, from_torch
from rnnkit.errors import join_names, shorten_repr
from rnnkit.experiment import Experiment
from rnnkit.tasks.data import STORE
from rnnkit.tasks.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor, nn


class LoadedWeights(NamedTuple):
    """A cell's name in rnnkit, and the weights of one network, R = 1."""

    cell: str
    params: ParamStack  # W_in (1, I, G H), W_rec (1, H, G H), b (1, 1, G H), b_rec of a GRU; W_out, b_out of a readout

    def experiment(self, **settings: Any) -> Experiment:
        """Returns an Experiment whose networks begin with these weights: `rnnkit.load(model).experiment(length=50)`.

        settings: its other fields. W_in is used in a task with as many inputs, the readout in one with as many outputs; else it
        is drawn. The weights are stored in this process under their digest, `Experiment.weights`. Raises ExperimentError for
        settings that do not fit.
        """
        import torch

        dtype = torch.float64 if self.params.flat.dtype == torch.float64 else torch.float32
        given = Weights("torch module", self.cell, {k: W[0].detach().to("cpu", dtype).numpy() for k, W in self.params.items()})
        return Experiment(**{"cell": self.cell, "hidden": given.hidden, "weights": STORE.put(given), **settings})


def load(source: nn.Module | Mapping[str, Tensor], nonlinearity: str = "tanh") -> LoadedWeights:
    """Returns the weights of a model's only nn.RNN, nn.LSTM or nn.GRU of one layer and direction, and of its readout.

    source: the module, or its state_dict. The readout is the only linear layer that reads H numbers, if there is one. An RNN or
    LSTM has one bias here, b = bias_ih + bias_hh. nonlinearity: of the nn.RNN of a state_dict, which does not name it. The
    weights are copies, of the same dtype. Raises ValueError where there is no such layer, or more than one, and TypeError for
    anything else than a module or a dict of tensors.
    """
    import torch

    if isinstance(source, torch.nn.Module):
        nonlinearity = next((m.nonlinearity for m in source.modules() if isinstance(m, torch.nn.RNN)), nonlinearity)
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise TypeError(f"expected a torch module or its state_dict, got {shorten_repr(source)}")
    if wrong := [k for k, v in source.items() if not isinstance(v, torch.Tensor)]:
        raise TypeError(f"expected tensors by name, got {shorten_repr(source[wrong[0]])} for {shorten_repr(wrong[0])}")
    source = {k: v.detach() for k, v in source.items() if v.is_floating_point() and v.ndim <= 2}
    cell, found = from_torch({k: v.cpu().double().numpy() for k, v in source.items()}, nonlinearity)  # in which all are exact
    of_layer = next(v for k, v in source.items() if k.endswith(NAMES[1]))
    tensors = {k: torch.from_numpy(np.ascontiguousarray(v))[None].to(of_layer) for k, v in found.items()}
    return LoadedWeights(cell, ParamStack.of(tensors))


def state_dict(cell: str, params: Mapping[str, Tensor], replica: int = 0) -> dict[str, Tensor]:
    """Returns the weights of one network for torch.nn: `rnn.weight_ih_l0`, ..., and `out.weight`, `out.bias` of its readout.

    nn.ModuleDict({"rnn": nn.LSTM(I, H), "out": nn.Linear(H, O)}).load_state_dict(...) takes them. Raises ValueError for a cell
    that torch.nn does not have, and where weights or the replica are not there.
    """
    if cell not in MODULES:
        raise ValueError(f"expected a cell that torch.nn has ({', '.join(MODULES)}), got {shorten_repr(cell)}")
    needed = ("W_in", "W_rec", "b", *(["b_out"] if "W_out" in params else []))
    if not set(needed) <= set(params):
        raise ValueError(f"expected the weights {', '.join(needed)}, got {join_names(params) or 'none'}")
    if replica not in range(R := len(params["W_in"])):
        raise ValueError(f"expected a replica from 0 to {R - 1}, got {shorten_repr(replica)}")
    p = {name: values[replica].detach() for name, values in params.items()}
    b_rec = p["b_rec"] if "b_rec" in p else p["b"].new_zeros(p["b"].shape)
    of_rnn = dict(zip(NAMES, (p["W_in"].T, p["W_rec"].T, p["b"][0], b_rec[0]), strict=True))
    found = {f"rnn.{name}": w.clone().contiguous() for name, w in of_rnn.items()}
    if "W_out" in p:
        found |= {"out.weight": p["W_out"].T.clone().contiguous(), "out.bias": p["b_out"][0].clone()}
    return found
