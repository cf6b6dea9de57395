"""The ready maps. Their variants have the settings of the stories (rnnkit/stories/presets.py), so that both agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS
from rnnkit.sweep.sweep import Sweep

LENGTHS = (10, 20, 50, 100, 200)
APART = ("task", "length", "steps", "batch", "replicas", "seed")  # fields that are the same for all variants of a map


@dataclass(frozen=True)
class Map:
    """A ready map: a sweep over the length, its name, and what differs between its variants, in one or two sentences."""

    title: str
    text: str
    sweep: Sweep


def settings(story: str, **changes: Any) -> dict[str, Any]:
    """Returns the settings of a story that a map varies, with changes."""
    return {name: value for name, value in PRESETS[story].experiment.to_dict().items() if name not in APART} | changes


_CELLS = {
    "tanh": settings("forgets"),
    "IRNN": settings("irnn"),
    "LSTM forget 1": settings("lstm-forget-1"),
    "LSTM chrono": settings("lstm-chrono"),
    "GRU chrono": settings("gru-chrono"),
}
_UNITS = {"tanh": 80, "IRNN": 80, "LSTM forget 1": 32, "LSTM chrono": 32, "GRU chrono": 39}  # 10,642 to 10,727 weights
_AXES = {"length": LENGTHS}
_BASE = Experiment(steps=200, replicas=8)

MAPS: dict[str, Map] = {
    "cells": Map(
        "Cells",
        "Each cell with the settings of its story. IRNN: ReLU with recurrent weights that start as the identity. Chrono: gate "
        "biases for memories as long as the sentence. ESN: only its readout is trained.",
        Sweep(_BASE, _AXES, _CELLS | {"ESN": settings("esn", steps=40)}),
    ),
    "initializations": Map(
        "Initial weights",
        "One tanh cell with small inputs (0.03) and six initializations of its recurrent weights, all with gain 1.",
        Sweep(
            _BASE,
            _AXES,
            {
                name: settings("orthogonal", init=init)
                for name, init in (
                    ("Gaussian", "gaussian"),
                    ("Xavier", "xavier"),
                    ("sparse", "sparse"),
                    ("spectral radius 1", "spectral"),
                    ("identity", "identity"),
                    ("orthogonal", "orthogonal"),
                )
            },
        ),
    ),
    "remedies": Map(
        "Clipping and Omega",
        "The remedies of Pascanu et al. (2013) on a plain tanh cell: none, clipping of the gradient's norm, and clipping with "
        "the penalty Omega. The optimizer is Adam, as in the stories; the paper has plain SGD.",
        Sweep(
            Experiment(steps=300, replicas=8),
            {"length": (10, 20, 30, 50, 100)},
            {
                "no remedy": settings("no-omega", fixes=[]),
                "clipping": settings("no-omega"),
                "clipping + Omega": settings("omega"),
            },
        ),
    ),
    "weights": Map(
        "The same number of weights",
        "Cells with 10,600 to 10,800 weights each: 80 tanh or ReLU units, 39 GRU units, 32 LSTM units. So no cell is better "
        "because it is larger.",
        Sweep(
            _BASE,
            _AXES,
            {name: changes | {"hidden": _UNITS[name]} for name, changes in _CELLS.items()},
        ),
    ),
}
