"""Optimizers, a file each. A new one is one more file and one more line in OPTIMIZERS; base.py says what it declares."""

from rnnkit.engine.optim.adam import Adam
from rnnkit.engine.optim.base import Optimizer
from rnnkit.engine.optim.momentum import Momentum
from rnnkit.engine.optim.nesterov import Nesterov
from rnnkit.engine.optim.rmsprop import RmsProp
from rnnkit.engine.optim.sgd import Sgd

__all__ = ["OPTIMIZERS", "Adam", "Momentum", "Nesterov", "Optimizer", "RmsProp", "Sgd"]

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Sgd(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "adam": Adam(),
    "rmsprop": RmsProp(),
}
