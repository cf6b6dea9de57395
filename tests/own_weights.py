"""Weights of small networks of torch.nn, as a user's file has them."""

import io

import numpy as np
import torch
from torch import nn

from rnnkit.tasks import TASKS

KINDS = {
    "tanh": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
TASK = TASKS["agreement"]


def model(cell="lstm", n_in=TASK.n_in, H=6, n_out=TASK.n_out, seed=0, **options):
    torch.manual_seed(seed)
    return nn.ModuleDict({"rnn": KINDS[cell](n_in, H, **options), "out": nn.Linear(H, n_out)})


def npz(module, change=lambda v: v):
    file = io.BytesIO()
    np.savez(file, **{k: change(v.numpy()) for k, v in module.state_dict().items()})
    return file.getvalue()
