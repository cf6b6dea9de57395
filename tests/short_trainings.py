"""Quick runs: what the tests of the trainer and of divergence share."""

import torch

from rnnkit import Experiment
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import Trainer
from rnnkit.experiment import FIELDS

FIELDS_OF_CELLS = {name for name, spec in FIELDS.items() if spec.chooser and spec.chooser.name == "cell"}


def small(cell="tanh", **changes):
    """A quick run: three networks of five units, five steps."""
    values = {"task": "temporal-order", "length": 10, "hidden": 5, "batch": 4, "steps": 5, "replicas": 3, "seed": 3}
    return Experiment(**({"cell": cell} | values | changes))


def fitting(cell, **changes):
    """The cell, and those of these settings that act on it."""
    fit = FIELDS_OF_CELLS - {*CELLS[cell].fields}
    return {"cell": cell} | {name: value for name, value in changes.items() if name not in fit}


def finished(e, dtype=torch.float32):
    """(trainer, records, weights before each step)."""
    trainer, records, weights = Trainer(e, dtype), [], []
    while not trainer.done:
        weights.append({k: v.clone() for k, v in trainer.params.items()})
        records.append(trainer.advance())
    return trainer, [r for r in records if r is not None], weights
