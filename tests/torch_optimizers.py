"""Optimizers of torch.optim beside ours."""

import torch

TWINS = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "adam": lambda p, lr: torch.optim.Adam(p, lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr),
}
